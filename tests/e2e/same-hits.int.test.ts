import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SearchHit, SearchRequest } from '../../lib/contracts/apex.ts';
import { assembleMachine } from '../helpers/machine.ts';
import { newFolder } from '../helpers/program.ts';
import { never } from '../helpers/records.ts';
import { serverEnvironment } from '../servers/environment.ts';

/**
 * Goal: a memory on servers finds what an embedded one finds, in the same order. Method: both are filled with the same documents and
 * asked the same questions; hits of one score may come in any order. The corpus beside the project when it is there, else the samples.
 */

const env = serverEnvironment();
const CORPUS = join(import.meta.dirname, '../../../shared/corpus');
const SETS = join(CORPUS, 'retrieval');
const hasCorpus = existsSync(SETS);
if (!hasCorpus) console.log('The corpus is absent: the same hits are shown with the samples only.');

const QUESTIONS_OF_SET = process.env['APEX_TEST_FULL'] === '1' ? 30 : 6;
const NAMES = 40;
/** Hits that are asked for: fewer than take part in a fusion. */
const LIMIT = 10;
/** Two products add up the same numbers in other orders. */
const SAME_SCORE = 1e-6;

const SAMPLE_QUESTIONS = [
  'rate confirmation for the carrier',
  'who is the consignee?',
  'detention at the dock',
  'invoice total',
];

function documents(): string[] {
  const samples = join(import.meta.dirname, '../../fixtures/sample');
  if (!hasCorpus) return [samples];
  const sets = readdirSync(SETS).map((name) => join(SETS, name, 'docs'));
  return [samples, ...sets.filter((folder) => existsSync(folder)), join(CORPUS, 'docs/*.{md,html,eml,csv,txt}')];
}

/** Questions of every set, from all over it. */
function questions(): string[] {
  if (!hasCorpus) return SAMPLE_QUESTIONS;
  return readdirSync(SETS).flatMap((name) => {
    const path = join(SETS, name, 'queries.jsonl');
    if (!existsSync(path)) return [];
    const all = readFileSync(path, 'utf8').trim().split('\n');
    const step = Math.max(1, Math.floor(all.length / QUESTIONS_OF_SET));
    return all
      .filter((_, index) => index % step === 0)
      .slice(0, QUESTIONS_OF_SET)
      .map((line) => String((JSON.parse(line) as { question: string }).question));
  });
}

/** What is found must be `comparable` to this, its scores but for their last digits. */
function wanted(hits: readonly SearchHit[]): unknown[] {
  return comparable(hits).map(({ score, chunks }) => ({ score: expect.closeTo(score, 5) as unknown, chunks }));
}

/** Hits as they must be equal: those of one score sorted, and of the last score, which the limit may cut, only how many. */
function comparable(hits: readonly SearchHit[]): { readonly score: number; readonly chunks: unknown }[] {
  const groups: { score: number; chunks: string[] }[] = [];
  for (const { score, chunk_id: chunk } of hits) {
    const last = groups.at(-1);
    if (last !== undefined && Math.abs(last.score - score) < SAME_SCORE) last.chunks.push(chunk);
    else groups.push({ score, chunks: [chunk] });
  }
  return groups.map(({ score, chunks }, index) => ({
    score,
    chunks: index === groups.length - 1 && hits.length === LIMIT ? chunks.length : chunks.toSorted(),
  }));
}

describe.skipIf(env === null)('a memory on servers', () => {
  const root = newFolder('same-hits');
  const memories: Awaited<ReturnType<typeof assembleMachine>>[] = [];

  beforeAll(async () => {
    for (const [name, servers] of Object.entries({ embedded: {}, servers: env! })) {
      const memory = await assembleMachine(join(root, name), { env: servers });
      memories.push(memory);
      await memory.ingest(...documents());
    }
  }, 600_000);

  afterAll(async () => {
    for (const memory of memories) await memory.close();
    rmSync(root, { recursive: true, force: true });
  });

  const ask = (text: string, mode: SearchRequest['mode']) =>
    Promise.all(memories.map(({ machine }) => machine.search({ text, mode, limit: LIMIT }, never)));

  test.each(['keyword', 'vector', 'hybrid'] as const)(
    'finds the same by %s',
    async (mode) => {
      let found = 0;
      for (const question of questions()) {
        const [embedded, served] = await ask(question, mode);
        expect(comparable(served!), question).toEqual(wanted(embedded!));
        found += embedded!.length;
      }
      expect(found).toBeGreaterThan(questions().length);
    },
    600_000,
  );

  test('finds the same by entities, and tells the same entities of what it finds', async () => {
    const names = new Set<string>();
    for (const question of questions())
      for (const { entities } of (await ask(question, 'hybrid'))[0]!) for (const { name } of entities) names.add(name);
    expect(names.size).toBeGreaterThan(3);
    for (const name of [...names].slice(0, NAMES)) {
      const [embedded, served] = await ask(name, 'graph');
      expect(comparable(served!), name).toEqual(wanted(embedded!));
      const entitiesOf = (hits: readonly SearchHit[]) =>
        Object.fromEntries(
          hits.map(({ chunk_id, entities }) => [chunk_id, entities.map((one) => JSON.stringify(one)).sort()]),
        );
      const known = new Set(embedded!.map(({ chunk_id }) => chunk_id));
      const both = served!.filter(({ chunk_id }) => known.has(chunk_id));
      expect(entitiesOf(embedded!), name).toMatchObject(entitiesOf(both));
    }
  }, 600_000);

  test('proves what it holds', async () => {
    for (const memory of memories) expect((await memory.verify()).differences).toEqual([]);
  }, 600_000);
});
