import { expect, test } from 'vitest';
import { inventoryOf } from '../../../lib/contracts/identity.ts';
import type { KeptVersion, VersionRecord } from '../../../lib/contracts/store.ts';
import { type ExpectedRow, provenVersion, renumbered } from '../../../src/repair/rebuild.ts';
import { recordOf } from '../../helpers/records.ts';

/** Goal: nothing is taken for what was written unless its inventory says so. Method: a record is kept, and one thing is changed. */

const record = recordOf('a', { organizations: ['acme', 'globex'] });

function keptOf({ inventory: _i, chunks, ...version }: VersionRecord): KeptVersion {
  return { ...version, chunks: chunks.map(({ vector: _v, ...chunk }) => chunk) };
}

function expectedOf({ inventory }: VersionRecord): ExpectedRow[] {
  return (['records', 'graph', 'vectors'] as const).flatMap((role) => inventory[role].map((row) => ({ role, ...row })));
}

test('what was written is proved to be it', () => {
  expect(provenVersion(keptOf(record), expectedOf(record))).toEqual(keptOf(record));
});

const kept = keptOf(record);
const [chunk] = kept.chunks;
const [mention] = kept.mentions;

test.each<[string, Partial<KeptVersion>]>([
  ['another title', { title: 'Another' }],
  ['another time', { createdAt: '2020-01-01T00:00:00Z' }],
  ['other metadata', { metadata: { author: 'Bob' } }],
  ['a chunk of other text', { chunks: kept.chunks.map((one) => (one === chunk ? { ...one, text: 'other' } : one)) }],
  ['a chunk less', { chunks: kept.chunks.slice(1) }],
  ['a mention less', { mentions: kept.mentions.slice(1) }],
  ['a mention elsewhere', { mentions: kept.mentions.map((one) => (one === mention ? { ...one, start: 7 } : one)) }],
  ['no entities', { entities: [] }],
  ['no relations', { relations: [] }],
])('%s is not what was written', (_, change) => {
  expect(provenVersion({ ...kept, ...change }, expectedOf(record))).toBeNull();
});

test('nothing proves a version whose inventory is gone', () => {
  expect(provenVersion(kept, [])).toBeNull();
});

test('a chunk and a fact too many are left out of what is proved', () => {
  const more = {
    ...kept,
    chunks: [...kept.chunks, { ...chunk!, chunkId: 'x', ordinal: 9 }],
    relations: [...kept.relations, { ...kept.relations[0]!, relationId: 'x' }],
  };
  expect(provenVersion(more, expectedOf(record))).toEqual(kept);
});

test('the next version has the same content, ids of its own, and the inventory that follows from them', () => {
  const vectors = record.chunks.map(({ vector }) => vector);
  const next = renumbered(kept, vectors, { version: 2, storesDigest: 'other stores' });
  expect(next).toMatchObject({
    documentId: 'a',
    version: 2,
    storesDigest: 'other stores',
    createdAt: record.createdAt,
  });
  expect(next.chunks.map(({ text }) => text)).toEqual(record.chunks.map(({ text }) => text));
  const ids = new Set(next.chunks.map(({ chunkId }) => chunkId));
  expect(record.chunks.some(({ chunkId }) => ids.has(chunkId))).toBe(false);
  expect([...next.mentions, ...next.relations].every(({ chunkId }) => ids.has(chunkId))).toBe(true);
  const { inventory, ...content } = next;
  expect(inventory).toEqual(inventoryOf(content));
});
