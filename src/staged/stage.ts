// What is staged to be ingested later: put into staging, and taken from there.
// May import src and lib/contracts.
// Must never know where staging is, or how an item lies in it.

import { ERROR_CODES, EXIT } from '../../lib/contracts/error-codes.ts';
import type { MetricsLedger } from '../../lib/contracts/metrics.ts';
import type { Source, SourceItem, SourceProblem, SourceRoot } from '../../lib/contracts/source.ts';
import type { StageEvent, StageRequest, StageSummary } from '../../lib/contracts/stager.ts';
import type { Published, Staging } from '../../lib/contracts/staging.ts';
import { targetsBySource } from '../config/locations.ts';
import { StagedTally } from '../metrics/staged.ts';
import type { Surroundings } from '../pipeline/context.ts';
import { isDocumentsFault } from '../pipeline/failure.ts';
import { documentIdOf, payloadIdOf } from '../pipeline/identity.ts';
import { tellPassedOver } from '../pipeline/passed-over.ts';
import { isProblem, severalNamed } from '../pipeline/run.ts';
import { graver } from '../pipeline/session.ts';
import { stage } from '../pipeline/stage.ts';
import { AskedWaits, type Retry } from '../pipeline/waits.ts';

/** What bytes are staged with. */
export interface StageParts {
  readonly source: (name: string) => Source;
  readonly staging: Pick<Staging, 'items'>;
  readonly surroundings: Surroundings;
  readonly group: string;
  readonly ledger: Pick<MetricsLedger, 'add'>;
}

/**
 * Fetches all that the targets name into staging, one after the other, and leaves it there. What cannot be fetched is told, and the
 * others are.
 *
 * @throws UsageError when one id is given for several documents; SourceError about the staging area.
 */
export async function stageAll(
  request: StageRequest,
  parts: StageParts,
  onEvent: (event: StageEvent) => void,
  signal: AbortSignal,
): Promise<StageSummary> {
  let summary: StageSummary = { staged: 0, unchanged: 0, problems: 0, bytes: 0, exit_status: EXIT.done };
  const problem = (event: Omit<Extract<StageEvent, { kind: 'problem' }>, 'kind'>) => {
    const exit_status = graver(summary.exit_status, ERROR_CODES[event.code].exit);
    summary = { ...summary, problems: summary.problems + 1, exit_status };
    onEvent({ kind: 'problem', ...event });
  };
  const listing = listed(request, parts, { onEvent, signal });
  const tally = new StagedTally(parts.ledger);
  const waits = new AskedWaits(parts.surroundings, onEvent);
  const receiving = parts.staging.items.receive(async (open) => {
    for await (const { entry, lister } of request.documentId === null ? listing : oneOf(listing, request.documentId)) {
      if (isProblem(entry)) {
        problem(entry);
        continue;
      }
      try {
        const published = await stageOne(entry, { request, lister, open, waits }, parts, signal);
        await tally.take(published);
        onEvent({ kind: 'staged', ...published });
        summary = countedIn(summary, published);
      } catch (error) {
        if (!isDocumentsFault(error)) throw error;
        problem({ uri: entry.uri, code: error.code, message: error.message });
      }
    }
  });
  try {
    await receiving;
  } finally {
    await tally.tell();
  }
  return summary;
}

interface Listed {
  readonly entry: SourceItem | SourceProblem;
  readonly lister: Source;
}

/** What all targets name, source after source. */
async function* listed(
  { listedBy, targets }: StageRequest,
  { source }: StageParts,
  { onEvent, signal }: { readonly onEvent: (event: StageEvent) => void; readonly signal: AbortSignal },
): AsyncGenerator<Listed> {
  for (const [name, own] of targetsBySource(listedBy, targets)) {
    const lister = source(name);
    const onRoot = (root: SourceRoot) => tellPassedOver(root, onEvent);
    for await (const entry of lister.list(own, signal, onRoot)) yield { entry, lister };
  }
}

/** What is listed, once it is known that only one item is. @throws UsageError when several are. */
async function* oneOf(listing: AsyncIterable<Listed>, documentId: string): AsyncGenerator<Listed> {
  const all: Listed[] = [];
  for await (const found of listing) {
    all.push(found);
    if (all.filter(({ entry }) => !isProblem(entry)).length > 1) throw severalNamed(documentId);
  }
  yield* all;
}

/** Opens a folder for the next item. */
type Open = Parameters<Parameters<Staging['items']['receive']>[0]>[0];

interface StagingOne {
  readonly request: StageRequest;
  readonly lister: Source;
  readonly open: Open;
  readonly waits: AskedWaits;
}

async function stageOne(
  item: SourceItem,
  { request, lister, open, waits }: StagingOne,
  { group, surroundings }: StageParts,
  signal: AbortSignal,
): Promise<Published> {
  const folder = open();
  const onRetry = (retry: Retry) => waits.take(retry, lister.name);
  const file = await stage(item, lister, folder, { runId: '', signal, surroundings, onStep: () => {}, onRetry });
  const origin = item.isRepeatable ? item : lister.fromCopy(item, file);
  const { recordsOf, documentId } = request;
  if (recordsOf !== null) {
    const itemId = payloadIdOf(recordsOf, origin.id, group);
    return folder.publish({ itemId, kind: 'records', source: recordsOf, group, origin });
  }
  const itemId = documentId ?? documentIdOf(lister.name, origin.id, group);
  return folder.publish({ itemId, kind: 'document', source: lister.name, group, origin });
}

function countedIn(summary: StageSummary, { isNew, item }: Published): StageSummary {
  if (!isNew) return { ...summary, unchanged: summary.unchanged + 1 };
  return { ...summary, staged: summary.staged + 1, bytes: summary.bytes + item.bytes };
}
