import { expect, test } from 'vitest';
import type { EntityMention, ExtractedRelation } from '../../../lib/contracts/document.ts';
import { ProviderError } from '../../../lib/contracts/errors.ts';
import { extract } from '../../../src/pipeline/extract.ts';
import { chunksOf, FakeExtractor, FakeFolder, parsedOf } from '../../helpers/fakes/parts.ts';
import { FakeSurroundings } from '../../helpers/fakes/surroundings.ts';
import { Faults } from '../../helpers/faults.ts';
import { never } from '../../helpers/records.ts';

/** Goal: nothing gets into the memory that the text does not say. Method: an extractor that answers what a model might make up. */

const CHUNKS = chunksOf('ACME ships', 'to Globex');
const ACME: EntityMention = {
  ...{ type: 'Organization', key: 'acme', name: 'ACME', ordinal: 0, start: 0, end: 4, quote: 'ACME' },
};
const GLOBEX: EntityMention = {
  ...{ type: 'Organization', key: 'globex', name: 'Globex', ordinal: 1, start: 3, end: 9, quote: 'Globex' },
};
const SHIPS: ExtractedRelation = {
  ...{ type: 'SHIPPER_OF', subject: { type: 'Organization', key: 'acme' } },
  ...{ object: { type: 'Organization', key: 'globex' }, ordinal: 0, quote: 'ACME ships' },
};

function openExtraction() {
  const extractor = new FakeExtractor();
  const faults = new Faults();
  const folder = new FakeFolder();
  const surroundings = new FakeSurroundings();
  const context = { runId: 'run-1', signal: never, surroundings, onStep: () => {} };
  const watched = faults.wrap('extractor', extractor);
  return {
    ...{ extractor, faults, surroundings },
    extracted: (key = 'digest-1') =>
      extract({ document: parsedOf('ACME ships\nto Globex'), chunks: CHUNKS, key }, watched, folder, context),
  };
}

/** What is kept of an extractor's findings. */
async function kept(mentions: readonly EntityMention[], relations: readonly ExtractedRelation[] = []) {
  const { extractor, extracted } = openExtraction();
  extractor.found = { mentions, relations, statedAt: '2026-01-31' };
  return extracted();
}

test('what quotes the text is kept as it was found', async () => {
  const found = { mentions: [ACME, GLOBEX], relations: [SHIPS], statedAt: '2026-01-31' };
  expect(await kept(found.mentions, found.relations)).toEqual(found);
});

test.each<[string, Partial<EntityMention>]>([
  ['that quotes what is not there', { quote: 'Acme' }],
  ['that quotes nothing', { quote: '', end: 0 }],
  ['that stands elsewhere', { start: 1, end: 5 }],
  ['in another chunk', { ordinal: 1 }],
  ['in no chunk', { ordinal: 2 }],
  ['in a chunk of no number', { ordinal: -1 }],
  ['counted from the end', { start: -10, end: -6 }],
  ['that ends beyond its quote', { quote: 'ACME ships', end: 99 }],
  ['that begins between characters', { start: 0.5, end: 4.5 }],
])('a mention %s is dropped', async (_, change) => {
  expect((await kept([{ ...ACME, ...change }, GLOBEX])).mentions).toEqual([GLOBEX]);
});

test.each<[string, Partial<ExtractedRelation>]>([
  ['that quotes what is not there', { quote: 'ACME sells' }],
  ['that quotes nothing', { quote: '' }],
  ['that quotes another chunk', { ordinal: 1 }],
  ['that quotes no chunk', { ordinal: 7 }],
  ['whose subject no mention names', { subject: { type: 'Organization', key: 'initech' } }],
  ['whose object is named as another type', { object: { type: 'Person', key: 'globex' } }],
])('a relation %s is dropped', async (_, change) => {
  const { mentions, relations } = await kept([ACME, GLOBEX], [{ ...SHIPS, ...change }, SHIPS]);
  expect([mentions, relations]).toEqual([[ACME, GLOBEX], [SHIPS]]);
});

test('a relation goes with a mention that was dropped', async () => {
  expect((await kept([ACME, { ...GLOBEX, quote: 'globex' }], [SHIPS])).relations).toEqual([]);
});

test('what was extracted is read back under the same key and found again under another', async () => {
  const { extractor, faults, extracted } = openExtraction();
  extractor.found = { mentions: [ACME], relations: [], statedAt: null };
  const first = await extracted();
  extractor.found = { mentions: [GLOBEX], relations: [], statedAt: null };
  expect(await extracted()).toEqual(first);
  expect(faults.calls).toHaveLength(1);
  expect((await extracted('digest-2')).mentions).toEqual([GLOBEX]);
});

test('a provider that does not answer is asked three times in all', async () => {
  const { faults, surroundings, extracted } = openExtraction();
  const error = new ProviderError('no answer', { code: 'APEX_PROVIDER', retryable: true });
  faults.fail('extractor.extract:before', error, 3);
  await expect(extracted()).rejects.toBe(error);
  expect(surroundings.delaysMs).toEqual([1_000, 2_000]);
});
