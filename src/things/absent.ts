import type { RunEvent } from '../../lib/contracts/apex.ts';
import { isApexError } from '../../lib/contracts/errors.ts';
import type { FeedRecord, Observation } from '../../lib/contracts/feed.ts';
import type { Feed } from '../../lib/contracts/feed-source.ts';
import type { AfterDocument, RecordsStore, SelectedDocument } from '../../lib/contracts/store.ts';
import { pagesOf } from '../pipeline/bounded.ts';
import { failedResult, LOST_RACE } from '../pipeline/results.ts';
import type { RunSession } from '../pipeline/session.ts';
import { identifiedGone, runRecordBatch } from './batch.ts';
import type { GoneThing } from './prepare.ts';
import { isProvisional, stateOf } from './state.ts';

/** What a walk over a stream met. Keys are held in memory. */
export class Met {
  readonly #keys = new Set<string>();
  /** A record that was rejected may be of any thing. */
  hasRejected = false;

  add({ thing, isWhole }: Observation): void {
    if (isWhole) this.#keys.add(thing.key);
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  hasAny(prefix: string): boolean {
    return this.#keys.values().some((key) => key.startsWith(prefix));
  }
}

/** A stream that was walked to its end. */
export interface WalkedStream {
  readonly name: string;
  /** How the keys of the things begin of which the walk gave all there are; null: it did not begin at the beginning. */
  readonly allOf: string | null;
  readonly met: Met;
}

/** How many things of the memory are compared with what was met together. */
const PAGE_THINGS = 1_000;

/** What a walk is compared with, and who hears why nothing is deleted. */
interface Comparison {
  readonly source: string;
  readonly group: string;
  readonly records: Pick<RecordsStore, 'select' | 'described'>;
  /** Also when the walk met none at all. */
  readonly allowsEmpty: boolean;
  /** Asked by its id, does the source say that there is none? `isGoneFrom`. */
  readonly isGone: (id: string) => Promise<boolean>;
  readonly signal: AbortSignal;
  readonly onEvent: (event: Extract<RunEvent, { kind: 'warning' }>) => void;
}

/**
 * Deletes the things that a source does not have any more (`absentThings`); texts that name one of them no longer mean it. What another
 * run has changed meanwhile is looked at again, once.
 */
export async function deleteAbsent(stream: WalkedStream, feed: Feed, session: RunSession): Promise<void> {
  const { plan, parts, signal, onEvent } = session;
  const isGone = isGoneFrom(feed, stream.name, signal);
  const { source, group } = plan;
  const allowsEmpty = plan.fetch?.sync?.allowsEmpty === true;
  const comparison = { source, group, records: parts.stores.records, allowsEmpty, isGone, signal, onEvent };
  for (const isLastTry of [false, true]) {
    let staying: readonly GoneThing[] = [];
    for await (const page of absentThings(stream, comparison))
      for (const gone of pagesOf(page, parts.limits.batchSize))
        staying = [
          ...staying,
          ...(await runRecordBatch({ ...NO_RECORDS, gone, readAt: session.startedAt }, session)).staying,
        ];
    if (staying.length === 0) return;
    if (isLastTry)
      for (const thing of staying) session.finish(failedResult(identifiedGone(thing, group), 'failed', LOST_RACE, 0));
  }
}

/** A batch in which things go, and no records come. */
const NO_RECORDS = {
  ...{ observations: [], rejected: [], rejectedCount: 0, accepted: [], cursors: [] },
  endsStream: null,
};

/**
 * Page by page, the things that a source does not have any more: those that a record of their own once told of, and that a walk over
 * all there is did not meet, and that the source has not when it is asked for them alone: a row may be passed over in a list while
 * others come and go. None, and that is said, when the walk did not begin at the beginning, when a record of it was rejected, and when
 * it met none at all unless that is allowed.
 */
export async function* absentThings(
  { name, allOf, met }: WalkedStream,
  comparison: Comparison,
): AsyncGenerator<readonly GoneThing[]> {
  if (allOf === null) return warn(comparison, name, 'this run did not see it from its beginning');
  if (met.hasRejected) return warn(comparison, name, 'a record of it was rejected, and may be of any of them');
  const isSuddenlyEmpty = !met.hasAny(allOf) && !comparison.allowsEmpty;
  for await (const page of absentPages(allOf, met, comparison)) {
    if (page.length > 0 && isSuddenlyEmpty)
      return warn(comparison, name, 'it has none at all: give --allow-empty if so');
    const gone: (typeof page)[number][] = [];
    // What follows the last colon of how the keys begin is the source's own id.
    for (const thing of page)
      if (await comparison.isGone(thing.key.slice(allOf.lastIndexOf(':') + 1))) gone.push(thing);
    yield gone;
  }
}

/** Asks for one record by its id, where a list did not give it. Errors as `Feed.walk`, but NOT_FOUND. */
export function isGoneFrom(feed: Feed, stream: string, signal: AbortSignal): (id: string) => Promise<boolean> {
  return async (id) => {
    const bounds = { since: null, until: null, isAll: false, isResume: false };
    try {
      for await (const { records, rejected } of feed.walk({ stream, id, cursor: null, ...bounds, signal })) {
        // One that became another is told with its own id, too.
        const isThere = ({ value }: FeedRecord) => String(value['id']) === id && value['merged_into'] === undefined;
        if (rejected.length > 0 || records.some(isThere)) return false;
      }
      return true;
    } catch (error) {
      if (isApexError(error) && error.code === 'NOT_FOUND') return true;
      throw error;
    }
  };
}

function warn({ source, onEvent }: Comparison, stream: string, reason: string): void {
  const message = `nothing of ${source}:${stream} is deleted: ${reason}`;
  onEvent({ kind: 'warning', code: 'SYNC_INCOMPLETE', message });
}

async function* absentPages(uriPrefix: string, met: Met, { source, group, records, signal }: Comparison) {
  const filter = { source, group, uriPrefix, createdBefore: null };
  for (let after: AfterDocument = null; ; ) {
    const page: readonly SelectedDocument[] = await records.select(filter, { after, limit: PAGE_THINGS }, signal);
    const unmet = page.filter(({ sourceUri }) => !met.has(sourceUri) && !isProvisional(sourceUri));
    const described = await records.described(
      unmet.map(({ documentId }) => documentId),
      signal,
    );
    yield unmet
      // One that others only speak of need not be in any list.
      .filter(({ documentId }) => stateOf(described.get(documentId)?.metadata ?? {})?.isWhole === true)
      .map(({ documentId, sourceUri: key, version }) => ({ documentId, key, baseVersion: version }));
    if (page.length < PAGE_THINGS) return;
    after = page[page.length - 1]!;
  }
}
