import { describe, expect, inject, test } from 'vitest';
import type { KeywordTerm, Ranked, RecordsStore, VersionRecord } from '../../../../lib/contracts/store.ts';
import { keywordQuery } from '../../../../src/search/keyword-query.ts';
import { openStores } from '../../../helpers/memory.ts';
import { openRecords, postgresSettings, withClient } from '../../../helpers/postgres.ts';
import { never, pivotOf, recordOf, ref, versionOf } from '../../../helpers/records.ts';

/** Goal: the same hits as the embedded memory gives, in the same order. Method: the same documents in both, and many questions. */

const { postgres: url } = inject('servers');

/** Numbers from 0 to 1, the same each time. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const WORDS = [
  ...[
    'the',
    'of',
    'steel',
    'Steel,',
    'steels',
    'carrier',
    'carriers',
    'carried',
    'shipment',
    'ship',
    'LD-700001',
    'LD-700002',
  ],
  ...[
    'Zürich',
    'ZURICH',
    'Café',
    'Müller',
    'STRASSE',
    'Straße',
    'ΑΘΉΝΑ',
    'Αθήνα',
    'Москва',
    'йод',
    'İstanbul',
    'e\u0301tude',
  ],
  ...[
    'हिन्दी',
    'भाषा',
    '中文',
    '東京都',
    '3.14',
    'a_b',
    'O’Neil',
    'x-ray',
    'seal',
    'sealed',
    'sealing',
    '👍',
    '\u{10428}\u{10400}',
  ],
];

/** Documents of some common and many rare words. */
function corpus(documents: number): VersionRecord[] {
  const next = random(7);
  const word = () => {
    const place = Math.floor(WORDS.length * 4 * next() ** 3);
    return WORDS[place] ?? `rare${place}`;
  };
  const text = () => Array.from({ length: 1 + Math.floor(60 * next() ** 2) }, word).join(next() < 0.5 ? ' ' : ', ');
  return Array.from({ length: documents }, (_, index) =>
    recordOf(`d${index}`, {
      group: index % 3 === 0 ? 'north' : 'south',
      texts: Array.from({ length: 1 + Math.floor(4 * next()) }, text),
    }),
  );
}

/** Writes and commits them; some were written and not committed, and some are no longer current. */
async function fill(store: RecordsStore, records: readonly VersionRecord[]): Promise<void> {
  const commit = async (runId: string, some: readonly VersionRecord[], baseVersion: number | null) => {
    const { fence } = await store.openRun({ runId, journalId: 'journal' }, never);
    await store.write(ref(runId), some, never);
    await store.pivot(pivotOf({ ref: ref(runId), fence }, some, baseVersion), never);
  };
  await store.allocate(records, never);
  await commit('run-1', records, null);
  const newer = records
    .slice(0, 10)
    .map(({ documentId }) => recordOf(documentId, { version: 2, texts: ['steel of the carrier'] }));
  await commit('run-2', newer, 1);
  await store.write(ref('run-3'), [recordOf('building', { texts: ['steel seal', 'sealed'] })], never);
}

/** Equal scores may come in any order, and sums in floating point differ in their last digits. */
const shown = (hits: readonly Ranked[]) =>
  hits
    .map(({ id, score }) => ({ id, score: Number(score.toPrecision(9)) }))
    .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
    .map(({ id, score }) => `${score} ${id}`);

const term = (text: string, change: Partial<KeywordTerm> = {}): KeywordTerm => ({
  ...{ text, isBeginning: false, weight: 1 },
  ...change,
});

describe.skipIf(url === null)('full text in postgres', () => {
  test('gives the hits of the embedded memory in their order, whatever is asked', async () => {
    const records = corpus(150);
    const [server, embedded] = [await openRecords(), (await openStores()).records];
    for (const store of [server, embedded]) await fill(store, records);
    const next = random(11);
    const questions: KeywordTerm[][] = [
      ...WORDS.map((word) => keywordQuery(word)),
      ...Array.from({ length: 40 }, () =>
        keywordQuery(
          Array.from({ length: 1 + Math.floor(6 * next()) }, () => WORDS[Math.floor(next() * WORDS.length)]).join(' '),
        ),
      ),
      [term('the of')],
      [term('LD-700001'), term('seal', { isBeginning: true, weight: 3 })],
      [term('ld-7000', { isBeginning: true }), term('freight muller')],
      [term('steel the'), term('the the'), term('the the the')],
      [term('muller acme')],
      [term('nowhere'), term('...')],
      [term('')],
    ];
    let found = 0;
    for (const terms of questions) {
      for (const group of [null, 'north']) {
        const [ours, theirs] = [
          await server.searchText(terms, 1_000, group, never),
          await embedded.searchText(terms, 1_000, group, never),
        ];
        expect(shown(ours), JSON.stringify(terms)).toEqual(shown(theirs));
        found += ours.length;
        for (const limit of [1, 7]) {
          const few = await server.searchText(terms, limit, group, never);
          expect(
            few.map(({ score }) => score),
            JSON.stringify(terms),
          ).toEqual(ours.slice(0, limit).map(({ score }) => score));
        }
      }
    }
    expect(found).toBeGreaterThan(1_000);
  }, 120_000);

  test('finds the chunk whose common words outweigh a rare one elsewhere, however few are asked for', async () => {
    const texts = Array.from({ length: 40 }, (_, index) =>
      index % 4 === 0 ? 'steel steel steel' : `other words ${index}`,
    );
    const record = recordOf('a', { texts: [...texts, `unique ${'filler '.repeat(400)}`] });
    const terms = [term('unique'), term('steel')];
    for (const store of [await openRecords(), (await openStores()).records]) {
      const { fence } = await store.openRun({ runId: 'run-1', journalId: 'journal' }, never);
      await store.allocate([record], never);
      await store.write(ref('run-1'), [record], never);
      await store.pivot(pivotOf({ ref: ref('run-1'), fence }, [record]), never);
      const [best] = await store.searchText(terms, 1, null, never);
      expect((await store.chunks([best!.id], never)).get(best!.id)?.text).toBe('steel steel steel');
    }
  });

  test('a text that was changed behind apex’s back is found out and mended, and so are the numbers that ranking goes by', async () => {
    const settings = postgresSettings();
    const store = await openRecords(settings);
    const records = corpus(8);
    await fill(store, records);
    const asked = () => store.searchText(keywordQuery('steel carrier'), 100, null, never);
    const before = await asked();
    const version = { documentId: 'd3', version: 2 };
    const { schema } = settings;
    await withClient((client) =>
      client.query(`UPDATE ${schema}.chunk SET words = NULL WHERE document_id = 'd3';
        UPDATE ${schema}.chunk SET words = '''other'':1' WHERE document_id = 'd4' AND version = 2;
        DELETE FROM ${schema}.chunk WHERE document_id = 'd5' AND version = 1`),
    );
    const wrong = await store.unindexed(
      [version, { documentId: 'd4', version: 2 }, { documentId: 'd6', version: 2 }],
      never,
    );
    expect(wrong.map(({ documentId }) => documentId)).toEqual(['d3', 'd4']);
    const strays = await store.strays(never);
    expect(strays).toEqual([{ kind: 'text', id: 'text_total', problem: 'changed' }]);
    await store.mendStrays(strays, never);
    expect(await store.strays(never)).toEqual([]);
    expect(await store.unindexed([...records.map(versionOf), version], never)).toEqual([]);
    const after = await asked();
    expect(after.map(({ id }) => id).toSorted()).toEqual(before.map(({ id }) => id).toSorted());
  });

  test('an index that is gone is found out and made anew, and a table that is gone is damage', async () => {
    const settings = postgresSettings();
    const store = await openRecords(settings);
    await withClient((client) => client.query(`DROP INDEX ${settings.schema}.chunk_by_words`));
    const strays = await store.checkStorage(never);
    expect(strays).toEqual([{ kind: 'index', id: 'chunk_by_words', problem: 'changed' }]);
    await store.mendStrays(strays, never);
    expect(await store.checkStorage(never)).toEqual([]);
    await withClient((client) => client.query(`DROP TABLE ${settings.schema}.quarantine`));
    await expect(store.checkStorage(never)).rejects.toMatchObject({ code: 'MEMORY_DAMAGED' });
    await expect(store.quarantined(['a'], never)).rejects.toMatchObject({ code: 'MEMORY_DAMAGED' });
  });
});
