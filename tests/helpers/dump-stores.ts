import type { Json } from '../../lib/contracts/document.ts';
import { FEED_SOURCES } from '../../lib/contracts/feed.ts';
import { canonicalJson } from '../../lib/contracts/identity.ts';
import type { StoredReading } from '../../lib/contracts/series.ts';
import type { Closing, DocumentVersion, KeptVersion, Stores } from '../../lib/contracts/store.ts';
import { FEEDS } from '../../lib/sources/index.ts';
import { latestValues } from '../../src/things/latest.ts';
import { never } from './records.ts';

const PAGE = 100;
/** More readings of a series, and more rejected records, than any of these tests has. */
const MAX_ROWS = 100_000;

/**
 * As `dumpMemory`, of stores of any kind, by what their contracts tell: run ids, version numbers and ids derived from them aside.
 * That every store holds just this is what `apex verify` proves.
 *
 * @param isWanted which documents count, by location.
 */
export async function dumpStores(
  { records, graph }: Stores,
  isWanted: (sourceUri: string) => boolean = () => true,
): Promise<Record<string, unknown[]>> {
  const documents: unknown[] = [];
  for await (const versions of pagesOfCurrent(records)) {
    const kept = (await records.kept(versions, never)).toSorted((a, b) => (a.documentId < b.documentId ? -1 : 1));
    const closings = new Map((await graph.closings(versions, never)).map((closing) => [closing.relationId, closing]));
    for (const version of kept.filter(({ sourceUri }) => isWanted(sourceUri))) documents.push(plain(version, closings));
  }
  const quarantined = await records.quarantined(
    { afterDocumentId: null, limit: 1_000, group: null, code: null },
    never,
  );
  return {
    documents: sorted(documents),
    quarantine: quarantined
      .filter(({ sourceUri }) => isWanted(sourceUri))
      .map(({ documentId, sourceUri, code }) => ({ documentId, sourceUri, code })),
    unsettled: [...(await records.unsettled(never))],
  };
}

/**
 * What a memory holds of structured sources beside documents: every reading, the latest values as the graph has them, where the
 * streams of all sources go on, and the records that were rejected; run ids aside.
 */
export async function dumpSeries(stores: Pick<Stores, 'records' | 'graph'>): Promise<Record<string, unknown[]>> {
  const documentIds = await withReadings(stores.records);
  const latest = await latestValues(documentIds, stores, never);
  const shown = await stores.graph.latest(
    latest.map(({ entityId }) => entityId),
    never,
  );
  return {
    readings: await readingsOf(documentIds, stores.records),
    latest: sorted(shown),
    cursors: await cursorsOf(stores.records),
    rejected: sorted(
      (await stores.records.rejected({ afterId: null, limit: MAX_ROWS, group: null, source: null }, never)).map(
        ({ runId: _, ...rejected }) => rejected,
      ),
    ),
  };
}

async function withReadings(records: Stores['records']): Promise<string[]> {
  const documentIds: string[] = [];
  for (;;) {
    const page = await records.withReadings(documentIds.at(-1) ?? null, PAGE, never);
    if (page.length === 0) return documentIds;
    documentIds.push(...page);
  }
}

async function readingsOf(documentIds: readonly string[], records: Stores['records']): Promise<StoredReading[]> {
  const all: StoredReading[] = [];
  for (const { documentId, series } of await records.latestReadings(documentIds, never))
    all.push(...(await records.readings({ documentId, series, fromAt: null, toAt: null }, MAX_ROWS, never)));
  return all;
}

/** Of every stream there is, in the group without a name. */
async function cursorsOf(records: Stores['records']): Promise<unknown[]> {
  const cursors: unknown[] = [];
  for (const source of FEED_SOURCES) {
    for (const { name: stream } of (await FEEDS[source]()).default.streams) {
      const cursor = await records.cursor({ source, stream, group: '' }, never);
      if (cursor !== null) cursors.push({ source, stream, value: cursor.value });
    }
  }
  return cursors;
}

async function* pagesOfCurrent(records: Stores['records']): AsyncGenerator<readonly DocumentVersion[]> {
  for (let after: string | null = null; ; ) {
    const page: readonly DocumentVersion[] = await records.currentVersions(after, PAGE, never);
    if (page.length === 0) return;
    yield page;
    after = page[page.length - 1]!.documentId;
  }
}

/** A version without what differs from run to run, its parts named by what they are. */
function plain(kept: KeptVersion, closings: ReadonlyMap<string, Closing>) {
  const { version: _version, createdAt: _createdAt, storesDigest: _storesDigest, ...rest } = kept;
  const ordinals = new Map(kept.chunks.map(({ chunkId, ordinal }) => [chunkId, ordinal]));
  const mentions = kept.mentions.map(({ mentionId: _, chunkId, ...mention }) => ({
    ...{ chunk: ordinals.get(chunkId), ...mention },
  }));
  const relations = kept.relations.map(({ relationId, chunkId, ...relation }) => {
    const { invalidAt = null, expiredAt = null } = closings.get(relationId) ?? {};
    return { chunk: ordinals.get(chunkId), ...relation, invalidAt, holds: expiredAt === null };
  });
  return {
    ...rest,
    chunks: kept.chunks.map(({ chunkId: _, ...chunk }) => chunk),
    entities: sorted(kept.entities),
    mentions: sorted(mentions),
    relations: sorted(relations),
  };
}

function sorted(items: readonly unknown[]): unknown[] {
  return items
    .map((item) => [canonicalJson(item as Json), item] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, item]) => item);
}

/** Times as they are written in stores, and in cursors in milliseconds. */
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z|\b\d{13}\b/g;

/**
 * A dump without what depends on when its runs read their records: times from that moment on, and digests over them. Records
 * of the tests are of earlier times.
 *
 * @param since Unix time in milliseconds.
 */
export function withoutReadTimes(dump: Readonly<Record<string, unknown[]>>, since: number): Record<string, unknown[]> {
  const text = JSON.stringify(dump, (name, value) => (name === 'contentDigest' ? undefined : value));
  const isOfRun = (time: string) => (time.includes('-') ? Date.parse(time) : Number(time)) >= since;
  return JSON.parse(text.replaceAll(TIME, (time) => (isOfRun(time) ? '0' : time)));
}
