import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createStructureChunker } from '../../lib/chunkers/structure.ts';
import type { SearchHit } from '../../lib/contracts/apex.ts';
import { embeddingText, type ParsedDocument } from '../../lib/contracts/document.ts';
import { createLexicalEmbedder } from '../../lib/embedders/lexical.ts';
import { parseDocument } from '../../lib/parsers/document.ts';
import { originalOffsets } from './offsets.ts';

/** The corpus beside the project. It is not part of it. */
export const CORPUS = fileURLToPath(new URL('../../../shared/corpus', import.meta.url));

/** The sets that are measured. */
export const SETS = ['xquad-en', 'xquad-de', 'chunking-wikitexts', 'chunking-state-of-the-union'] as const;
export type SetName = (typeof SETS)[number];

/** One question of a set. */
export interface Question {
  readonly id: string;
  readonly question: string;
}

/** A hit as the scorer takes it; offsets in code points of the original file. */
export interface ScoredHit {
  readonly doc: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Figures by the scorer's own names, as `span recall@5`. */
export type Scores = ReadonlyMap<string, number>;

/** A chunk as the program cuts it. */
export interface MeasuredChunk {
  readonly doc: string;
  readonly ordinal: number;
  readonly embeddedText: string;
  readonly hit: ScoredHit;
}

/** What says where a hit stands in the parsed text. */
export type Placed = Pick<SearchHit, 'source_uri' | 'text' | 'start'>;

/** Documents and questions, with the means to say where a hit stands in the original files. */
export interface RetrievalSet {
  readonly name: SetName;
  /** Folder of the documents. */
  readonly documents: string;
  readonly questions: readonly Question[];
  readonly scoredHit: (hit: Placed) => ScoredHit;
  /** All chunks of the set at a size. */
  readonly chunks: (maxTokens: number) => readonly MeasuredChunk[];
}

/** Is the corpus there? */
export function hasCorpus(): boolean {
  return existsSync(join(CORPUS, 'retrieval'));
}

const PARSE_LIMITS = { timeoutMs: 60_000, memoryBytes: 1e9, maxPages: 1_000, maxInflatedBytes: 1e9 };

/** Reads a set. */
export async function openRetrievalSet(name: SetName): Promise<RetrievalSet> {
  const folder = join(CORPUS, 'retrieval', name);
  const documents = join(folder, 'docs');
  const read = new Map<string, { parsed: ParsedDocument; offsets: Uint32Array }>();
  for (const file of readdirSync(documents)) {
    const bytes = readFileSync(join(documents, file));
    const parsed = await parseDocument(bytes, file, PARSE_LIMITS, documents);
    read.set(file, { parsed, offsets: originalOffsets(parsed.text, bytes.toString('utf8')) });
  }
  const placed = (doc: string, { text, start }: Pick<SearchHit, 'text' | 'start'>): ScoredHit => {
    const { offsets } = read.get(doc)!;
    // To the last character that is no blank, not to the one after it: what parsing dropped behind a chunk is not the chunk's.
    return { doc, text, start: offsets[start]!, end: offsets[start + text.trimEnd().length - 1]! + 1 };
  };
  const lines = readFileSync(join(folder, 'queries.jsonl'), 'utf8').trim().split('\n');
  return {
    name,
    documents,
    questions: lines.map((line) => JSON.parse(line) as Question),
    scoredHit: (hit) => placed(documentOf(hit.source_uri), hit),
    chunks: (maxTokens) => {
      const chunker = createStructureChunker({ maxTokens, countTokens: createLexicalEmbedder().countTokens });
      return [...read].flatMap(([doc, { parsed }]) =>
        chunker.chunk(parsed).map((chunk) => ({
          doc,
          ordinal: chunk.ordinal,
          embeddedText: embeddingText(chunk),
          hit: placed(doc, chunk),
        })),
      );
    },
  };
}

/** The file's name in a location. */
export function documentOf(uri: string): string {
  return decodeURIComponent(basename(uri));
}

/** Scores answers with the corpus's own scorer. */
export function score(name: SetName, answers: ReadonlyMap<string, readonly ScoredHit[]>, folder: string): Scores {
  const lines = [...answers].map(([id, hits]) => JSON.stringify({ id, hits }));
  const results = join(folder, 'RESULTS.jsonl');
  writeFileSync(results, `${lines.join('\n')}\n`);
  return scoreFile(name, results);
}

/** Scores the floor: the corpus's own BM25 over merged paragraphs. */
export function scoreFloor(name: SetName, folder: string): Scores {
  const results = join(folder, 'FLOOR.jsonl');
  python('bm25.py', [join(CORPUS, 'retrieval', name), results]);
  return scoreFile(name, results);
}

function scoreFile(name: SetName, results: string): Scores {
  const report = python('score_retrieval.py', [join(CORPUS, 'retrieval', name), results]);
  const rows = [...report.matchAll(/^(\S.*?)\s+(\d\.\d+)$/gmu)];
  return new Map(rows.map(([, key, value]) => [key!, Number(value)]));
}

function python(tool: string, args: readonly string[]): string {
  return execFileSync('python3', [join(CORPUS, 'tools', tool), ...args], { encoding: 'utf8' });
}
