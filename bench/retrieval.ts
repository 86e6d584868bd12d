// How well questions find their passages: four public sets, asked through the library of a memory that the built program filled.
// Nothing here depends on time, so any machine gives the same figures. Needs the corpus beside the project, and Python for its scorer.
//
//   npm run bench -- retrieval [--sizes 150,250,270,400,600]
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { SearchHit } from '../lib/contracts/apex.ts';
import { embedText } from '../lib/embedders/lexical.ts';
import { SETTINGS } from '../src/config/settings.ts';
import { fuse } from '../src/search/fuse.ts';
import { withNeighbours } from '../src/search/neighbours.ts';
import { inFolder } from './parts/folders.ts';
import { openLibrary } from './parts/library.ts';
import { save, table } from './parts/report.ts';
import {
  documentOf,
  hasCorpus,
  openRetrievalSet,
  type Placed,
  type RetrievalSet,
  type ScoredHit,
  type Scores,
  SETS,
  type SetName,
  score,
  scoreFloor,
} from './parts/retrieval-set.ts';

/** The size that apex has by default; the floors are demanded at it. */
const DEFAULT_SIZE = Number(SETTINGS.chunkTokens.fallback);
const SIZES = [...new Set([150, 250, DEFAULT_SIZE, 400, 600])];
const MODES = ['keyword', 'vector', 'hybrid'] as const;
/** Keyword and vector weights that are compared, without and with what neighbours add, by each rank offset. */
const WEIGHTS = [
  [0.5, 0.5],
  [0.67, 0.33],
  [0.8, 0.2],
  [0.9, 0.1],
] as const;
/** Rank offsets that are compared: see `src/search/fuse.ts`. */
const OFFSETS = [1, 5, 20, 60] as const;
const DIMENSIONS = [256, 512, 1_024] as const;
const HITS = 10;
/** Hits of each ranking that take part in the fusion: as many as the program takes. */
const CANDIDATES = 50;
/** What is demanded to be no lower than the floor's; a set without answers has no `ans@1`. */
const DEMANDED = ['span recall@5', 'ans@1', 'span IoU@5'] as const;
const SHOWN = ['span recall@1', 'span recall@5', 'span IoU@5', 'ans@1', 'ans@5', 'MRR@10'] as const;

type Answers = Map<string, readonly ScoredHit[]>;
const never = new AbortController().signal;

const { values } = parseArgs({ options: { sizes: { type: 'string', default: SIZES.join(',') } } });
const sizes = values.sizes.split(',').map(Number);
if (!hasCorpus()) {
  console.error('The corpus is not there: retrieval needs ../shared/corpus beside the project.');
  process.exit(2);
}

const floors: (readonly string[])[] = [];
const bySize: (readonly string[])[] = [];
const byWeight: (readonly string[])[] = [];
const byDimensions: (readonly string[])[] = [];
for (const name of SETS) {
  const set = await openRetrievalSet(name);
  const floor = await inFolder('floor', async (folder) => scoreFloor(name, folder));
  bySize.push(row(name, 'floor: BM25 over 200 words', floor));
  for (const size of sizes) {
    const scores = await measure(set, size);
    for (const mode of MODES) bySize.push(row(name, `${size} tokens, ${mode}`, scores.get(mode)!));
    if (size !== DEFAULT_SIZE) continue;
    floors.push(...demands(name, scores.get('hybrid')!, floor));
    for (const [label, found] of scores) if (label.startsWith('weights')) byWeight.push(row(name, label, found));
    for (const dimensions of DIMENSIONS) {
      byDimensions.push(row(name, `${dimensions} dimensions, vector`, await measureDimensions(set, dimensions)));
    }
  }
}
const head = ['set', 'what', ...SHOWN];
save({
  name: 'retrieval',
  input: `${SETS.join(', ')} of the corpus beside the project; chunks of ${sizes.join(', ')} tokens, the default being ${DEFAULT_SIZE}`,
  body: [
    `## The default against the floor\n\n${table([['set', 'figure', 'apex', 'floor', ''], ...floors])}`,
    `## Chunk sizes and modes\n\n${table([head, ...bySize])}`,
    `## Weights of the fusion, keyword to vector, and rank offsets, at ${DEFAULT_SIZE} tokens\n\n${table([head, ...byWeight])}`,
    `## Dimensions of the offline embedder, at ${DEFAULT_SIZE} tokens\n\n${table([head, ...byDimensions])}`,
  ].join('\n\n'),
});
if (floors.some((cells) => cells.at(-1) === 'MISSED')) process.exitCode = 1;

/** Fills a memory with the set and asks it everything, in every mode and with every pair of weights. */
async function measure(set: RetrievalSet, size: number): Promise<ReadonlyMap<string, Scores>> {
  return inFolder('retrieval', async (home) => {
    const settings = { APEX_HOME: home, APEX_CHUNK_TOKENS: String(size) };
    const program = fileURLToPath(new URL('../bin/apex.js', import.meta.url));
    execFileSync(process.execPath, [program, 'ingest', set.documents], { env: settings, stdio: 'ignore' });
    const apex = await openLibrary(settings);
    const ordinals = new Map(set.chunks(size).map(({ ordinal, hit }) => [`${hit.doc}:${hit.start}`, ordinal]));
    const answers = new Map<string, Answers>();
    const note = (label: string, id: string, hits: readonly Placed[]) => {
      if (!answers.has(label)) answers.set(label, new Map());
      answers.get(label)!.set(id, hits.slice(0, HITS).map(set.scoredHit));
    };
    for (const { id, question } of set.questions) {
      const ask = (mode: (typeof MODES)[number], limit: number) => apex.search({ text: question, mode, limit }, never);
      const keyword = await ask('keyword', CANDIDATES);
      const vector = await ask('vector', CANDIDATES);
      note('keyword', id, keyword);
      note('vector', id, vector);
      note('hybrid', id, await ask('hybrid', HITS));
      if (size !== DEFAULT_SIZE) continue;
      const known = new Map([...keyword, ...vector].map((hit) => [hit.chunk_id, hit]));
      for (const weights of WEIGHTS) {
        const rankings = [
          { hits: keyword.map(ranked), weight: weights[0] },
          { hits: vector.map(ranked), weight: weights[1] },
        ];
        for (const offset of OFFSETS) {
          const fused = fuse(rankings, offset).map(({ id: chunkId, score: fusedScore }) => {
            const hit = known.get(chunkId)!;
            const { doc, start } = set.scoredHit(hit);
            const place = { documentId: documentOf(hit.source_uri), ordinal: ordinals.get(`${doc}:${start}`)! };
            return { ...hit, id: chunkId, score: fusedScore, chunk: place };
          });
          const label = `weights ${weights.join(' to ')}, offset ${offset}`;
          note(`${label}, alone`, id, fused);
          note(`${label}, with neighbours`, id, withNeighbours(fused));
        }
      }
    }
    await apex.close();
    return new Map([...answers].map(([label, found]) => [label, score(set.name, found, home)]));
  });
}

function ranked({ chunk_id, score: found }: SearchHit) {
  return { id: chunk_id, score: found };
}

/** The vector ranking alone, with vectors of another size, computed here. */
async function measureDimensions(set: RetrievalSet, dimensions: number): Promise<Scores> {
  const chunks = set
    .chunks(DEFAULT_SIZE)
    .map(({ hit, embeddedText }) => ({ hit, vector: embedText(embeddedText, dimensions) }));
  const answers: Answers = new Map();
  for (const { id, question } of set.questions) {
    const asked = embedText(question, dimensions);
    const near = chunks
      .map(({ hit, vector }) => ({
        hit,
        nearness: vector.reduce((sum, value, index) => sum + value * asked[index]!, 0),
      }))
      .sort((a, b) => b.nearness - a.nearness);
    answers.set(
      id,
      near.slice(0, HITS).map(({ hit }) => hit),
    );
  }
  return inFolder('dimensions', async (folder) => score(set.name, answers, folder));
}

function row(name: SetName, what: string, scores: Scores): string[] {
  return [name, what, ...SHOWN.map((key) => scores.get(key)?.toFixed(3) ?? '')];
}

function demands(name: SetName, scores: Scores, floor: Scores): string[][] {
  return DEMANDED.filter((key) => floor.has(key)).map((key) => {
    const [own = 0, least = 0] = [scores.get(key), floor.get(key)];
    return [name, key, own.toFixed(3), least.toFixed(3), own >= least ? 'kept' : 'MISSED'];
  });
}
