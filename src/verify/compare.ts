import type { Difference } from '../../lib/contracts/apex.ts';
import type { DocumentVersion, InventoryRow, Role, Stores } from '../../lib/contracts/store.ts';
import { documentUuid } from '../pipeline/identity.ts';

type Row = Pick<InventoryRow, 'documentId' | 'version' | 'kind' | 'id' | 'digest'>;

/** The roles whose stores hold an inventory of each version. */
export const INVENTORIED = ['records', 'graph', 'vectors'] as const satisfies readonly Role[];

/** How many things each of them holds. */
type ItemCounts = { readonly [role in (typeof INVENTORIED)[number]]: number };

/** What comparing a page of documents gave. */
interface Compared {
  /** Things compared, in each store. */
  readonly items: ItemCounts;
  readonly differences: readonly Difference[];
  /** The points that were expected: what the cache's embeddings are compared with. */
  readonly points: readonly Row[];
}

/** Names one difference. */
export function difference(
  role: Role,
  row: Omit<Row, 'digest' | 'kind'> & { kind: string },
  problem: Difference['problem'],
) {
  return { document_id: row.documentId, version: row.version, role, kind: row.kind, id: row.id, problem };
}

/** Compares what the stores hold of these current versions with what each must hold. */
export async function compareVersions(
  versions: readonly DocumentVersion[],
  stores: Stores,
  signal: AbortSignal,
): Promise<Compared> {
  const expected = await expectedRows(versions, stores, signal);
  const differences: Difference[] = [];
  for (const role of INVENTORIED) {
    const missing = new Map(expected[role]);
    for await (const row of stores[role].inventory(versions, signal)) {
      const wanted = expected[role].get(keyOf(row));
      missing.delete(keyOf(row));
      if (wanted === undefined) differences.push(difference(role, row, 'extra'));
      else if (wanted.digest !== row.digest) differences.push(difference(role, row, 'changed'));
      // A current version that is marked as none is there and yet never found.
      else if (row.isLive === false) differences.push(difference(role, row, 'stale'));
    }
    for (const row of missing.values()) differences.push(difference(role, row, 'missing'));
  }
  differences.push(...(await wrongNumbers(versions, expected.records, stores, signal)));
  for (const { chunkId: id, ...version } of await stores.records.unindexed(versions, signal))
    differences.push(difference('records', { ...version, kind: 'text', id }, 'missing'));
  const { records, graph, vectors } = expected;
  const items = { records: records.size, graph: graph.size, vectors: vectors.size };
  return { items, differences, points: [...expected.vectors.values()] };
}

type Expected = { readonly [role in (typeof INVENTORIED)[number]]: Map<string, Row> };

async function expectedRows(
  versions: readonly DocumentVersion[],
  { records }: Stores,
  signal: AbortSignal,
): Promise<Expected> {
  const expected: Expected = { records: new Map(), graph: new Map(), vectors: new Map() };
  for await (const row of records.expectedInventory(versions, signal))
    if (row.role !== 'cache') expected[row.role].set(keyOf(row), row);
  return expected;
}

/** A document whose row names a version that is not there or is higher than the last that was given, or bears another's UUID. */
async function wrongNumbers(
  versions: readonly DocumentVersion[],
  expected: Expected['records'],
  { records }: Stores,
  signal: AbortSignal,
): Promise<Difference[]> {
  const documents = await records.current(
    versions.map(({ documentId }) => documentId),
    signal,
  );
  return versions.flatMap((version) => {
    const row = { ...version, kind: 'document' as const, id: version.documentId };
    if (!expected.has(keyOf(row))) return [difference('records', row, 'missing')];
    const document = documents.get(version.documentId);
    const isRight =
      document !== undefined &&
      document.lastVersion >= version.version &&
      document.uuid === documentUuid(document.group, version.documentId);
    return isRight ? [] : [difference('records', row, 'changed')];
  });
}

function keyOf({ documentId, version, kind, id }: Omit<Row, 'digest'>): string {
  return JSON.stringify([documentId, version, kind, id]);
}
