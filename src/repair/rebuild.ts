import { chunkDigest, inventoryOf, relationDigest, storedVector } from '../../lib/contracts/identity.ts';
import type { InventoryRow, KeptVersion, Role, VersionRecord } from '../../lib/contracts/store.ts';
import { chunkIdOf, mentionIdOf, relationIdOf } from '../pipeline/identity.ts';

/** A row of the inventory that was expected of a version when it was written. */
export type ExpectedRow = Pick<InventoryRow, 'kind' | 'id' | 'digest'> & { readonly role: Role };

type KeptChunk = KeptVersion['chunks'][number];

/**
 * What the records store keeps of a version, without what is not of it, when that is proved to be what was written: the
 * inventory that follows from it is the expected one, item by item. Null when it is not. Pure.
 */
export function provenVersion(kept: KeptVersion, expected: readonly ExpectedRow[]): KeptVersion | null {
  const wanted = new Map(expected.map((row) => [keyOf(row), row.digest]));
  const isWanted = (kind: InventoryRow['kind'], id: string, digest: string) =>
    wanted.get(keyOf({ role: 'records', kind, id })) === digest;
  const version = {
    ...kept,
    chunks: kept.chunks.filter((chunk) => isWanted('chunk', chunk.chunkId, chunkDigest(chunk))),
    relations: kept.relations.filter((relation) => isWanted('relation', relation.relationId, relationDigest(relation))),
  };
  const { records, graph } = inventoryOf({ ...version, chunks: version.chunks.map(withoutVector) });
  const found = [
    ...records.map((row) => ({ ...row, role: 'records' as const })),
    ...graph.map((row) => ({ ...row, role: 'graph' as const })),
  ];
  const count = expected.filter(({ role }) => role === 'records' || role === 'graph').length;
  const isProven = found.length === count && found.every((row) => wanted.get(keyOf(row)) === row.digest);
  return isProven ? version : null;
}

function withoutVector(chunk: KeptChunk): VersionRecord['chunks'][number] {
  return { ...chunk, vector: new Float32Array(0) };
}

function keyOf({ role, kind, id }: Omit<ExpectedRow, 'digest'>): string {
  return JSON.stringify([role, kind, id]);
}

/** The same content as another version: every id that has the version in it is made anew. Vectors as they were embedded, in the order of the chunks. */
export function renumbered(
  kept: KeptVersion,
  vectors: readonly Float32Array[],
  { version, storesDigest }: Pick<VersionRecord, 'version' | 'storesDigest'>,
): VersionRecord {
  const named = { group: kept.group, documentId: kept.documentId, version };
  const chunkIds = new Map(kept.chunks.map(({ chunkId, ordinal }) => [chunkId, chunkIdOf(named, ordinal)]));
  const moved = <Item extends { readonly chunkId: string }>(item: Item): Item => ({
    ...item,
    chunkId: chunkIds.get(item.chunkId)!,
  });
  const record = {
    ...kept,
    version,
    storesDigest,
    chunks: kept.chunks.map((chunk, index) => ({ ...moved(chunk), vector: storedVector(vectors[index]!) })),
    mentions: kept.mentions.map(moved).map((mention) => ({ ...mention, mentionId: mentionIdOf(mention) })),
    relations: kept.relations
      .map(moved)
      .map((relation) => ({ ...relation, relationId: relationIdOf(named, relation) })),
  };
  return { ...record, inventory: inventoryOf(record) };
}
