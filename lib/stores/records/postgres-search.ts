import type { KeywordTerm, Ranked } from '../../contracts/store.ts';
import type { PgTransaction, PgValue } from './postgres-connection.ts';
import type { PostgresMemory } from './postgres-memory.ts';
import { IS_CURRENT_VERSION } from './postgres-rows.ts';
import type { WordCutter } from './postgres-words.ts';

// The ranking of the embedded memory's full text, in SQL. Source: https://sqlite.org/fts5.html#the_bm25_function and its source,
// fts5_aux.c: a chunk's frequency of a term is taken over headings and text, its rarity over all chunks that are stored.

const K1 = 1.2;
const B = 0.75;
/** What a term counts that more than half of all chunks have. */
const LEAST_RARITY = 1e-6;

/** So far the chunks that have a term are counted; what more have is estimated from a sample of chunks. */
const MAX_COUNTED = 20_000;
const SAMPLED_CHUNKS = 20_000;
/** So many chunks are ranked, those stored first: a bound for words that are common in a very large memory. */
const MAX_CANDIDATES = 50_000;

/** What the terms that a chunk needs one of must make of the most that it can gain, to be tried first. */
const ESSENTIAL_SHARE = 0.7;

interface Question {
  readonly terms: readonly KeywordTerm[];
  readonly limit: number;
  readonly group: string | null;
}

/** A term as it is looked for. */
interface Term {
  readonly words: readonly string[];
  readonly isBeginning: boolean;
  /** As PostgreSQL reads a `tsquery`. */
  readonly query: string;
  /** Its weight and rarity. */
  readonly factor: number;
}

/** The best chunks for these terms, as `RecordsStore.searchText`. */
export async function searchWords(
  { db, at }: PostgresMemory,
  cutter: WordCutter,
  { terms: asked, limit, group }: Question,
  signal: AbortSignal,
): Promise<Ranked[]> {
  const cut = asked.map((term) => ({ ...term, words: cutter.cut(term.text) })).filter(({ words }) => words.length > 0);
  if (cut.length === 0) return [];
  return db.transaction({ operation: 'search', signal }, async (transaction) => {
    const { chunks, words, terms } = await weighed(transaction, at, cut);
    if (chunks === 0) return [];
    const ranking = { terms, meanWords: words / chunks, limit, group };
    // Chunks that have only the least of the terms need not be looked at, once the last of the best is above what these can give.
    for (let count = leastCount(terms); ; count = terms.length) {
      const ranked = await rankedBy(transaction, at, { ...ranking, essential: terms.slice(0, count) });
      const isWhole = ranked.length === limit && ranked[limit - 1]!.score > mostOf(terms.slice(count));
      if (isWhole || count === terms.length) return ranked;
    }
  });
}

/** What a chunk gains by these terms at the most. */
function mostOf(terms: readonly Term[]): number {
  return terms.reduce((sum, { factor }) => sum + factor * (K1 + 1), 0);
}

/** So many of the terms, the rarest, that they may well outweigh the others. */
function leastCount(terms: readonly Term[]): number {
  const all = mostOf(terms);
  for (let count = 1; count < terms.length; count += 1)
    if (mostOf(terms.slice(0, count)) > all * ESSENTIAL_SHARE) return count;
  return terms.length;
}

type CutTerm = KeywordTerm & { readonly words: readonly string[] };

/** The terms with what each counts, the rarest first, and the size of all that is stored. */
async function weighed(
  transaction: PgTransaction,
  at: string,
  cut: readonly CutTerm[],
): Promise<{ chunks: number; words: number; terms: Term[] }> {
  const queries = cut.map(queryOf);
  const [total] = await transaction.all<{ chunks: number; words: number }>(
    `SELECT coalesce(sum(chunks), 0)::bigint AS chunks, coalesce(sum(words), 0)::bigint AS words FROM ${at}text_total`,
  );
  const { chunks, words } = total!;
  const counted = await transaction.all<{ count: number }>(
    `SELECT (SELECT count(*) FROM (SELECT FROM ${at}chunk c WHERE c.words @@ q.query::tsquery LIMIT ${MAX_COUNTED}) f) AS count
     FROM unnest($1::text[]) WITH ORDINALITY q (query, n) ORDER BY n`,
    [queries],
  );
  const common = counted.flatMap(({ count }, index) => (count < MAX_COUNTED ? [] : [index]));
  const shares = await sharesOf(
    transaction,
    at,
    common.map((index) => queries[index]!),
    chunks,
  );
  const counts = counted.map(({ count }) => count);
  for (const [index, share] of shares.entries())
    counts[common[index]!] = Math.max(MAX_COUNTED, Math.round(share * chunks));
  const terms = cut.map(({ words, isBeginning, weight }, index): Term => {
    const rarity = Math.log((chunks - counts[index]! + 0.5) / (counts[index]! + 0.5));
    return { words, isBeginning, query: queries[index]!, factor: weight * (rarity > 0 ? rarity : LEAST_RARITY) };
  });
  return { chunks, words, terms: terms.sort((a, b) => b.factor - a.factor) };
}

/** Which share of the chunks has each of these common terms. */
async function sharesOf(
  transaction: PgTransaction,
  at: string,
  queries: readonly string[],
  chunks: number,
): Promise<number[]> {
  if (queries.length === 0) return [];
  const percent = Math.min(100, (100 * SAMPLED_CHUNKS) / Math.max(1, chunks));
  const rows = await transaction.all<{ share: number | null }>(
    `WITH sample AS MATERIALIZED (SELECT words FROM ${at}chunk TABLESAMPLE SYSTEM ($2) REPEATABLE (0))
     SELECT (SELECT avg((s.words @@ q.query::tsquery)::integer)::float8 FROM sample s) AS share
     FROM unnest($1::text[]) WITH ORDINALITY q (query, n) ORDER BY n`,
    [queries, percent],
  );
  return rows.map(({ share }) => share ?? 1);
}

/** The words contain nothing that a tsquery takes for a sign. */
function queryOf({ words, isBeginning }: Pick<CutTerm, 'words' | 'isBeginning'>): string {
  return words.map((word, index) => `'${word}'${isBeginning && index === words.length - 1 ? ':*' : ''}`).join(' <-> ');
}

interface Ranking {
  readonly terms: readonly Term[];
  /** Of them, those that a chunk needs one of. */
  readonly essential: readonly Term[];
  readonly meanWords: number;
  readonly limit: number;
  readonly group: string | null;
}

function rankedBy(transaction: PgTransaction, at: string, ranking: Ranking): Promise<Ranked[]> {
  const { terms, essential, meanWords, limit, group } = ranking;
  const params: PgValue[] = [essential.map(({ query }) => `(${query})`).join(' | '), group, meanWords, limit];
  const param = (value: PgValue) => `$${params.push(value)}`;
  const factors = `unnest(${param(terms.map(({ factor }) => factor))}::float8[]) WITH ORDINALITY t (factor, n)`;
  // Candidates are not joined with what is found in them: of such tables the planner knows nothing, and would look through one for
  // each row of the other. Summed in one order, equal chunks have equal scores to the last digit.
  return transaction.all<Ranked>(
    `WITH candidate AS MATERIALIZED (
       SELECT c.chunk_id, c.words, ${K1} * (1 - ${B} + ${B} * c.word_count / $3::float8) AS norm
       FROM ${at}chunk c JOIN ${at}version v ON v.document_id = c.document_id AND v.version = c.version AND ${IS_CURRENT_VERSION}
       WHERE c.words @@ $1::tsquery AND ($2::text IS NULL OR v.group_id = $2) LIMIT ${MAX_CANDIDATES}),
     found (chunk_id, norm, n, places) AS (${foundIn(terms, param)}),
     frequency AS (SELECT chunk_id, norm, n, sum(places)::float8 AS f FROM found GROUP BY chunk_id, norm, n)
     SELECT chunk_id AS id, sum(t.factor * (f * ${K1 + 1}) / (f + norm) ORDER BY n) AS score
     FROM frequency JOIN ${factors} USING (n) GROUP BY chunk_id ORDER BY score DESC, chunk_id LIMIT $4`,
    params,
  );
}

/** Statements that find how often candidates have each term. */
function foundIn(terms: readonly Term[], param: (value: PgValue) => string): string {
  const numbered = terms.map((term, index) => ({ ...term, n: index + 1 }));
  const single = numbered.filter(({ words }) => words.length === 1);
  const listed = (some: typeof numbered) =>
    `unnest(${param(some.map(({ n }) => n))}::integer[], ${param(some.map(({ words }) => words[0]!))}::text[]) AS a (n, word)`;
  const lexemes = 'candidate d CROSS JOIN LATERAL unnest(d.words) AS l (lexeme, positions, weights)';
  const places = 'SELECT d.chunk_id, d.norm, a.n, coalesce(cardinality(l.positions), 1)';
  const exact = single.filter(({ isBeginning }) => !isBeginning);
  const statements = exact.length === 0 ? [] : [`${places} FROM ${lexemes} JOIN ${listed(exact)} ON a.word = l.lexeme`];
  // Beginnings of one length are found by one look-up for each lexeme.
  const beginnings = Map.groupBy(
    single.filter(({ isBeginning }) => isBeginning),
    ({ words }) => [...words[0]!].length,
  );
  for (const [length, some] of beginnings)
    statements.push(`${places} FROM ${lexemes} JOIN ${listed(some)} ON a.word = left(l.lexeme, ${length})`);
  const phrases = numbered.filter(({ words }) => words.length > 1);
  if (phrases.length > 0) statements.push(phrasesIn(phrases, lexemes, param));
  return statements.join(' UNION ALL ');
}

/** A phrase is where each of its words stands as far behind the place before the first as its number in the phrase. */
function phrasesIn(
  phrases: readonly (Term & { readonly n: number })[],
  lexemes: string,
  param: (value: PgValue) => string,
): string {
  const parts = phrases.flatMap(({ n, words, isBeginning }) =>
    words.map((word, index) => {
      const isLast = index === words.length - 1;
      return { n, size: words.length, offset: index + 1, word, isBeginning: isBeginning && isLast };
    }),
  );
  const lists = [
    `${param(parts.map(({ n }) => n))}::integer[]`,
    `${param(parts.map(({ size }) => size))}::integer[]`,
    `${param(parts.map(({ offset }) => offset))}::integer[]`,
    `${param(parts.map(({ word }) => word))}::text[]`,
    `${param(parts.map(({ isBeginning }) => isBeginning))}::boolean[]`,
  ];
  return `SELECT chunk_id, norm, n, count(*) FROM (
      SELECT d.chunk_id, d.norm, a.n FROM ${lexemes}
      JOIN unnest(${lists.join(', ')}) AS a (n, size, part, word, is_beginning)
        ON l.lexeme = a.word OR (a.is_beginning AND starts_with(l.lexeme, a.word))
      CROSS JOIN LATERAL unnest(l.positions) AS place
      GROUP BY d.chunk_id, d.norm, a.n, a.size, place - a.part HAVING count(DISTINCT a.part) = a.size) AS phrase
    GROUP BY chunk_id, norm, n`;
}
