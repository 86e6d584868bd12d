import { describe, expect, test } from 'vitest';
import type { EntityMention, ExtractedRelation, Extraction, ParsedDocument } from '../../../lib/contracts/document.ts';
import { inventoryOf, storedVector } from '../../../lib/contracts/identity.ts';
import type { PreparedDocument } from '../../../src/pipeline/document.ts';
import { documentUuid } from '../../../src/pipeline/identity.ts';
import { versionRecord } from '../../../src/pipeline/version.ts';
import { chunksOf, FakeFolder, itemOf, parsedOf, vectorsOf } from '../../helpers/fakes/parts.ts';

/** Goal: what is written is named by what it is, so that a repeated write lands on itself. Method: two records that differ in one thing. */

const CHUNKS = chunksOf('ACME ships', 'ACME to Globex');
const acme = (ordinal: number, start = 0): EntityMention => ({
  ...{ type: 'Organization', key: 'acme', name: 'ACME', ordinal, start, end: start + 4, quote: 'ACME' },
});
const GLOBEX: EntityMention = {
  ...{ type: 'Organization', key: 'globex', name: 'Globex', ordinal: 1, start: 8, end: 14, quote: 'Globex' },
};
const ships = (ordinal: number): ExtractedRelation => ({
  ...{ type: 'SHIPPER_OF', subject: { type: 'Organization', key: 'acme' } },
  ...{ object: { type: 'Organization', key: 'globex' }, ordinal, quote: 'ACME' },
});
const EXTRACTION: Extraction = { mentions: [acme(0), acme(1), GLOBEX], relations: [ships(1)], statedAt: '2026-01-31' };
const OPTIONS = {
  ...{ version: 3, group: 'default', settingsDigest: 'settings', storesDigest: 'stores' },
  createdAt: '2026-02-01T00:00:00Z',
};

function prepared(change: Partial<PreparedDocument> = {}, parsed: Partial<ParsedDocument> = {}): PreparedDocument {
  const file = { path: '/staged', name: 'a.txt', digest: 'content', bytes: 42, mediaType: null };
  return {
    ...{ documentId: 'a', parentId: null, sourceName: 'fake', item: itemOf('a'), baseVersion: 2, keptVersion: null },
    ...{ contentDigest: 'content', file },
    ...{ folder: new FakeFolder(), parsed: { ...parsedOf('ACME ships\nACME to Globex'), ...parsed } },
    ...{ chunks: CHUNKS, extraction: EXTRACTION, vectors: vectorsOf(CHUNKS), ...change },
  };
}

const idsOf = ({ chunks, mentions, relations }: ReturnType<typeof versionRecord>) => [
  ...chunks.map(({ chunkId }) => chunkId),
  ...mentions.map(({ mentionId }) => mentionId),
  ...relations.map(({ relationId }) => relationId),
];
const entityIdsOf = ({ entities }: ReturnType<typeof versionRecord>) => entities.map(({ entityId }) => entityId);

test('a record says what the document is, with each chunk under its own vector', () => {
  const record = versionRecord(prepared(), OPTIONS);
  expect(record).toMatchObject({
    ...{ documentId: 'a', version: 3, uuid: documentUuid('default', 'a'), group: 'default', source: 'fake' },
    ...{ sourceUri: 'file:///a', name: 'a', bytes: 42, contentDigest: 'content', statedAt: '2026-01-31' },
    ...{ settingsDigest: 'settings', storesDigest: 'stores', createdAt: '2026-02-01T00:00:00Z' },
  });
  expect(record.chunks.map(({ vector }) => vector)).toEqual(vectorsOf(CHUNKS).map(storedVector));
});

test('the same document under the same version gives the same record', () => {
  expect(versionRecord(prepared(), OPTIONS)).toEqual(versionRecord(prepared(), OPTIONS));
});

test('the inventory it carries is that of what it carries', () => {
  const { inventory, ...record } = versionRecord(prepared(), OPTIONS);
  expect(inventory).toEqual(inventoryOf(record));
  expect(inventory.graph.map(({ kind }) => kind).toSorted()).toEqual([
    ...['chunk', 'chunk', 'document', 'entity', 'entity', 'mention', 'mention', 'mention', 'relation'],
  ]);
});

describe('ids', () => {
  const base = versionRecord(prepared(), OPTIONS);

  test('no two things have the same', () => {
    const all = [...idsOf(base), ...entityIdsOf(base), base.uuid];
    expect(new Set(all).size).toBe(all.length);
    for (const id of all) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test('of another version share none with the old one, so that both can lie in a store; entities are the same', () => {
    const next = versionRecord(prepared(), { ...OPTIONS, version: 4 });
    expect(idsOf(next).filter((id) => idsOf(base).includes(id))).toEqual([]);
    expect(entityIdsOf(next)).toEqual(entityIdsOf(base));
  });

  test('of another document share none but the entities', () => {
    const other = versionRecord(prepared({ documentId: 'b' }), OPTIONS);
    expect(idsOf(other).filter((id) => idsOf(base).includes(id))).toEqual([]);
    expect(entityIdsOf(other)).toEqual(entityIdsOf(base));
  });

  test('of another group share not even the entities', () => {
    const other = versionRecord(prepared(), { ...OPTIONS, group: 'other' });
    expect(
      [...idsOf(other), ...entityIdsOf(other)].filter((id) => [...idsOf(base), ...entityIdsOf(base)].includes(id)),
    ).toEqual([]);
    expect(other.uuid).not.toBe(base.uuid);
  });
});

describe('of what was extracted', () => {
  const of = (change: Partial<Extraction>) =>
    versionRecord(prepared({ extraction: { ...EXTRACTION, ...change } }), OPTIONS);

  test('an entity that is mentioned often is one, under the name found first, with a mention each', () => {
    const { entities, mentions } = of({ mentions: [acme(0), acme(1), acme(1), { ...acme(1, 5), name: 'Acme' }] });
    expect(entities.map(({ name }) => name)).toEqual(['ACME']);
    expect(mentions.map(({ start }) => start)).toEqual([0, 0, 5]);
  });

  test('the same statement of one chunk is one, and of two chunks two', () => {
    expect(of({ relations: [ships(1), ships(1)] }).relations).toHaveLength(1);
    expect(of({ relations: [ships(0), ships(1)] }).relations).toHaveLength(2);
  });

  test('a fact holds from the date of the document, or from none', () => {
    expect(of({}).relations.map(({ validAt }) => validAt)).toEqual(['2026-01-31']);
    expect(of({ statedAt: null }).relations.map(({ validAt }) => validAt)).toEqual([null]);
  });
});

test.each([
  [{ title: 'Contract' }, 'Contract'],
  [{ title: '' }, null],
  [{ title: ['no text'] }, null],
  [{}, null],
])('the title is the text that the document gives as one: %o', (metadata, title) => {
  expect(versionRecord(prepared({}, { metadata }), OPTIONS).title).toBe(title);
});
