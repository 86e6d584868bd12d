import { StoreError } from '../../contracts/errors.ts';
import { readingDigest } from '../../contracts/identity.ts';
import type {
  CursorMove,
  RejectedEntry,
  RejectedPage,
  SeriesAddition,
  SeriesCursor,
  SeriesRequest,
  SeriesWindow,
  StoredReading,
} from '../../contracts/series.ts';
import type { FactRead, PivotRequest } from '../../contracts/store.ts';
import type { PgTransaction } from './postgres-connection.ts';
import type { PostgresMemory } from './postgres-memory.ts';
import { IS_CURRENT_VERSION } from './postgres-rows.ts';
import { markOf, markSum } from './series-marks.ts';
import { type SeriesHead, windowsOf } from './series-windows.ts';

type Row = Omit<StoredReading, 'documentId' | 'series'>;

const ROW = 'r.at, r.value, r.place_key AS "placeKey"';

/** Documents whose series has another number of readings by now. @param from the number of its first of three parameters. */
export function stale(at: string, from: number): string {
  return `SELECT g.document_id FROM unnest($${from}::text[], $${from + 1}::text[], $${from + 2}::bigint[]) AS g (document_id, series, readings)
    LEFT JOIN ${at}series s USING (document_id, series) WHERE coalesce(s.readings, 0) <> g.readings`;
}

/** The parameters of `stale`. */
export function staleParams(additions: readonly SeriesAddition[]): [string[], string[], number[]] {
  const grown = additions.flatMap(({ documentId, baseCounts }) =>
    Object.entries(baseCounts).map(([series, count]) => ({ documentId, series, count })),
  );
  return [
    grown.map(({ documentId }) => documentId),
    grown.map(({ series }) => series),
    grown.map(({ count }) => count),
  ];
}

/**
 * Documents that were made from facts which others state by now. Four parameters, the first of which has this number. The type is
 * compared by itself, so that the index finds it: very many facts of other types may be about the same entity.
 */
export function misread(at: string, from: number): string {
  const lists = [0, 1, 2, 3].map((offset) => `$${from + offset}::text[]`).join(', ');
  return `SELECT r.document_id FROM unnest(${lists}) AS r (document_id, object_id, type, subject_ids)
    WHERE ARRAY(
        SELECT DISTINCT f.document_id COLLATE "C" FROM (
          SELECT document_id, version FROM ${at}fact WHERE object_id = r.object_id AND type = r.type
          UNION ALL SELECT document_id, version FROM ${at}fact WHERE object_id = r.object_id AND r.type IS NULL) f
        JOIN ${at}version v ON v.document_id = f.document_id AND v.version = f.version AND ${IS_CURRENT_VERSION} ORDER BY 1)
      IS DISTINCT FROM ARRAY(SELECT jsonb_array_elements_text(r.subject_ids::jsonb) COLLATE "C" ORDER BY 1)`;
}

/** The parameters of `misread`. */
export function misreadParams(reads: readonly FactRead[]): [string[], string[], (string | null)[], string[]] {
  return [
    reads.map(({ documentId }) => documentId),
    reads.map(({ objectId }) => objectId),
    reads.map(({ type }) => type),
    reads.map(({ subjectIds }) => JSON.stringify(subjectIds)),
  ];
}

/** Moves cursors. @throws StoreError CURSOR_MOVED. */
export async function moveCursors(
  transaction: PgTransaction,
  { at }: PostgresMemory,
  moves: readonly CursorMove[],
  runId: string,
): Promise<void> {
  for (const { source, stream, group, base, next, at: movedAt } of moves) {
    const named = [source, stream, group, next, movedAt, runId];
    const changed =
      base === null
        ? await transaction.run(
            `INSERT INTO ${at}stream_cursor (source, stream, group_id, value, previous, moved_at, run_id)
             VALUES ($1, $2, $3, $4, NULL, $5, $6) ON CONFLICT DO NOTHING`,
            named,
          )
        : await transaction.run(
            `UPDATE ${at}stream_cursor SET previous = value, value = $4, moved_at = $5, run_id = $6
             WHERE source = $1 AND stream = $2 AND group_id = $3 AND value = $7`,
            [...named, base],
          );
    if (changed === 1) continue;
    throw new StoreError(`another run has read ${source} ${stream} meanwhile; nothing of this page was kept`, {
      code: 'CURSOR_MOVED',
      details: { source, stream },
    });
  }
}

/** Adds readings, once the documents of the pivot are judged; `overtaken` is a query of the third and fourth parameter. */
export async function addReadings(
  transaction: PgTransaction,
  { at }: PostgresMemory,
  { ref, series: additions = [] }: PivotRequest,
  overtaken: { readonly sql: string; readonly params: readonly (readonly string[] | readonly (number | null)[])[] },
): Promise<void> {
  if (additions.length === 0) return;
  const batch = [ref.runId, ref.batchNo];
  await transaction.run(
    `INSERT INTO ${at}pivot_series (run_id, batch_no, document_id, result)
     SELECT $1::text, $2::integer, a.document_id, CASE WHEN a.document_id IN (
       SELECT i.document_id FROM ${at}pivot_item i WHERE i.run_id = $1 AND i.batch_no = $2 AND i.result = 'lost'
       UNION ${overtaken.sql} UNION ${stale(at, 5)}) THEN 'lost' ELSE 'done' END
     FROM (SELECT DISTINCT unnest($8::text[]) AS document_id) a`,
    [...batch, ...overtaken.params, ...staleParams(additions), additions.map(({ documentId }) => documentId)],
  );
  const isDone = (alias: string) =>
    `JOIN ${at}pivot_series p ON p.run_id = $1 AND p.batch_no = $2 AND p.document_id = ${alias}.document_id AND p.result = 'done'`;
  const rows = additions.flatMap(({ documentId, readings }) =>
    readings.map((reading) => ({ documentId, ...reading, digest: readingDigest(reading) })),
  );
  await transaction.run(
    `INSERT INTO ${at}reading (document_id, series, at, digest, mark, value, place_key, run_id, batch_no)
     SELECT r.document_id, r.series, r.at, r.digest, r.mark, r.value::jsonb, r.place_key, $1, $2
     FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[])
       AS r (document_id, series, at, digest, mark, value, place_key) ${isDone('r')}`,
    [
      ...batch,
      ...[rows.map((row) => row.documentId), rows.map((row) => row.series), rows.map((row) => row.at)],
      ...[rows.map((row) => row.digest), rows.map((row) => markOf(row.digest))],
      ...[rows.map((row) => JSON.stringify(row.value)), rows.map((row) => row.placeKey)],
    ],
  );
  const totals = [...Map.groupBy(rows, ({ documentId, series }) => JSON.stringify([documentId, series])).values()];
  await transaction.run(
    `INSERT INTO ${at}series AS s (document_id, series, readings, marks)
     SELECT t.document_id, t.series, t.readings, t.marks
     FROM unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[]) AS t (document_id, series, readings, marks) ${isDone('t')}
     ON CONFLICT (document_id, series) DO UPDATE SET readings = s.readings + excluded.readings, marks = s.marks + excluded.marks`,
    [
      ...batch,
      ...[totals.map(([row]) => row!.documentId), totals.map(([row]) => row!.series)],
      ...[totals.map((own) => own.length), totals.map((own) => markSum(own.map(({ digest }) => digest)))],
    ],
  );
}

/** Gives the readings of documents to those that they became, then removes those of the documents that are deleted. */
export async function moveReadings(
  transaction: PgTransaction,
  { at }: PostgresMemory,
  { ref, absorbed = [], deletes }: PivotRequest,
): Promise<void> {
  const batch = [ref.runId, ref.batchNo];
  if (absorbed.length > 0) {
    const pairs = `unnest($3::text[], $4::text[]) AS a (document_id, into_id)
      JOIN ${at}pivot_item i ON i.run_id = $1 AND i.batch_no = $2 AND i.document_id = a.into_id AND i.result = 'done'`;
    const params = [...batch, absorbed.map(({ documentId }) => documentId), absorbed.map(({ into }) => into)];
    // What both have stays once.
    await transaction.run(
      `INSERT INTO ${at}reading (document_id, series, at, digest, mark, value, place_key, run_id, batch_no)
       SELECT a.into_id, r.series, r.at, r.digest, r.mark, r.value, r.place_key, r.run_id, r.batch_no
       FROM ${pairs} JOIN ${at}reading r ON r.document_id = a.document_id ON CONFLICT DO NOTHING`,
      params,
    );
    await transaction.run(
      `INSERT INTO ${at}series (document_id, series, readings, marks)
       SELECT r.document_id, r.series, count(*), sum(r.mark) FROM ${pairs} JOIN ${at}reading r ON r.document_id = a.into_id
       GROUP BY r.document_id, r.series
       ON CONFLICT (document_id, series) DO UPDATE SET readings = excluded.readings, marks = excluded.marks`,
      params,
    );
  }
  if (deletes.length === 0) return;
  for (const table of ['reading', 'series'])
    await transaction.run(
      `DELETE FROM ${at}${table} t USING ${at}pivot_item i
       WHERE i.run_id = $1 AND i.batch_no = $2 AND i.result = 'done' AND i.version IS NULL AND t.document_id = i.document_id`,
      batch,
    );
}

/** Keeps rejected records, and lets go of those that are taken now. */
export async function keepRejected(
  transaction: PgTransaction,
  { at }: PostgresMemory,
  { rejected = [], accepted = [] }: PivotRequest,
): Promise<void> {
  if (accepted.length > 0) await transaction.run(`DELETE FROM ${at}rejected WHERE id = ANY ($1::text[])`, [accepted]);
  if (rejected.length === 0) return;
  const entries = [...new Map(rejected.map((entry) => [entry.id, entry])).values()];
  const columns = [
    'id',
    'source',
    'stream',
    'group_id',
    'source_uri',
    'place',
    'path',
    'reason',
    'raw',
    'run_id',
    'at',
  ];
  await transaction.run(
    `INSERT INTO ${at}rejected (${columns.join(', ')})
     SELECT * FROM unnest(${columns.map((_, index) => `$${index + 1}::text[]`).join(', ')})
     ON CONFLICT (id) DO UPDATE SET ${columns
       .slice(1)
       .map((column) => `${column} = excluded.${column}`)
       .join(', ')}`,
    [
      ...[
        entries.map((e) => e.id),
        entries.map((e) => e.source),
        entries.map((e) => e.stream),
        entries.map((e) => e.group),
      ],
      ...[entries.map((e) => e.sourceUri), entries.map((e) => e.place), entries.map((e) => e.path)],
      ...[
        entries.map((e) => e.reason),
        entries.map((e) => e.raw),
        entries.map((e) => e.runId),
        entries.map((e) => e.at),
      ],
    ],
  );
}

/** What of a records store is asked for series. */
export class PostgresSeries {
  readonly #memory: PostgresMemory;

  constructor(memory: PostgresMemory) {
    this.#memory = memory;
  }

  /** As `RecordsStore.seriesWindows`. */
  windows(requests: readonly SeriesRequest[], signal: AbortSignal): Promise<SeriesWindow[]> {
    const { at } = this.#memory;
    return windowsOf(requests, {
      heads: () =>
        this.#all<SeriesHead>(
          `SELECT s.document_id AS "documentId", s.series, s.readings AS count, l.*
           FROM unnest($1::text[], $2::text[]) AS w (document_id, series) JOIN ${at}series s USING (document_id, series)
           CROSS JOIN LATERAL (SELECT ${ROW} FROM ${at}reading r WHERE r.document_id = s.document_id AND r.series = s.series
             ORDER BY r.at DESC, r.digest DESC LIMIT 1) l`,
          [requests.map(({ documentId }) => documentId), requests.map(({ series }) => series)],
          signal,
        ),
      present: async (names) => {
        const rows = await this.#all<{ place: number }>(
          `SELECT w.place::integer - 1 AS place FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
             WITH ORDINALITY AS w (document_id, series, at, digest, place)
           JOIN ${at}reading r USING (document_id, series, at, digest)`,
          ([0, 1, 2, 3] as const).map((part) => names.map((name) => name[part])),
          signal,
        );
        return rows.map(({ place }) => place);
      },
      late: (request, ats) => this.#lateWindow(request, ats, signal),
    });
  }

  async #lateWindow(
    { documentId, series }: SeriesRequest,
    ats: readonly string[],
    signal: AbortSignal,
  ): Promise<Pick<SeriesWindow, 'before' | 'moves' | 'nextAts'>> {
    const { at } = this.#memory;
    const of = [documentId, series];
    const first = ats.reduce((a, b) => (a < b ? a : b));
    const [before = null] = await this.#all<Row>(
      `SELECT ${ROW} FROM ${at}reading r WHERE r.document_id = $1 AND r.series = $2 AND r.at < $3 ORDER BY r.at DESC, r.digest DESC LIMIT 1`,
      [...of, first],
      signal,
    );
    const nexts = await this.#all<{ at: string; nextAt: string | null }>(
      `SELECT w.at, (SELECT min(r.at) FROM ${at}reading r WHERE r.document_id = $1 AND r.series = $2 AND r.at > w.at) AS "nextAt"
       FROM unnest($3::text[]) AS w (at)`,
      [...of, ats],
      signal,
    );
    const moves = await this.#all<{ at: string; placeKey: string | null }>(
      `SELECT m.at, m.place_key AS "placeKey" FROM (
         SELECT r.at, r.digest, r.place_key, lag(r.place_key, 1, $4::text) OVER (ORDER BY r.at, r.digest) AS was FROM ${at}reading r
         WHERE r.document_id = $1 AND r.series = $2 AND r.at >= $3) m WHERE m.place_key IS DISTINCT FROM m.was ORDER BY m.at, m.digest`,
      [...of, first, before?.placeKey ?? null],
      signal,
    );
    const nextOf = new Map(nexts.map((next) => [next.at, next.nextAt]));
    return { before, nextAts: ats.map((time) => nextOf.get(time) ?? null), moves };
  }

  /** As `RecordsStore.latestReadings`. */
  latest(documentIds: readonly string[], signal: AbortSignal): Promise<StoredReading[]> {
    const { at } = this.#memory;
    return this.#all<StoredReading>(
      `SELECT s.document_id AS "documentId", s.series, l.* FROM ${at}series s CROSS JOIN LATERAL (
         SELECT ${ROW} FROM ${at}reading r WHERE r.document_id = s.document_id AND r.series = s.series
         ORDER BY r.at DESC, r.digest DESC LIMIT 1) l
       WHERE s.document_id = ANY ($1::text[]) ORDER BY s.document_id, s.series`,
      [documentIds],
      signal,
    );
  }

  /** As `RecordsStore.readings`. */
  readings(
    { documentId, series, fromAt, toAt }: SeriesCursor,
    limit: number,
    signal: AbortSignal,
  ): Promise<StoredReading[]> {
    return this.#all<StoredReading>(
      `SELECT r.document_id AS "documentId", r.series, ${ROW} FROM ${this.#memory.at}reading r
       WHERE r.document_id = $1 AND r.series = $2 AND r.at >= $3 AND r.at < $4 ORDER BY r.at, r.digest LIMIT $5`,
      [documentId, series, fromAt ?? '', toAt ?? '~', limit],
      signal,
    );
  }

  /** As `RecordsStore.withReadings`. */
  async documents(afterDocumentId: string | null, limit: number, signal: AbortSignal): Promise<string[]> {
    const { at } = this.#memory;
    const rows = await this.#all<{ documentId: string }>(
      `SELECT document_id AS "documentId" FROM (
         (SELECT DISTINCT document_id FROM ${at}series WHERE document_id > $1 ORDER BY document_id LIMIT $2) UNION
         (SELECT DISTINCT document_id FROM ${at}reading WHERE document_id > $1 ORDER BY document_id LIMIT $2)) d
       ORDER BY document_id LIMIT $2`,
      [afterDocumentId ?? '', limit],
      signal,
    );
    return rows.map(({ documentId }) => documentId);
  }

  /** As `RecordsStore.wrongSeries`. */
  async wrong(documentIds: readonly string[], signal: AbortSignal): Promise<{ documentId: string; series: string }[]> {
    const wrong: { documentId: string; series: string }[] = [];
    for (const documentId of documentIds) {
      const heads = await this.#all<{ series: string; readings: number; marks: number }>(
        `SELECT series, readings, marks FROM ${this.#memory.at}series WHERE document_id = $1`,
        [documentId],
        signal,
      );
      const totals = await this.#totals(documentId, signal);
      for (const series of new Set([...heads.map((head) => head.series), ...totals.keys()])) {
        const head = heads.find((one) => one.series === series) ?? { readings: 0, marks: 0 };
        const { count, marks } = totals.get(series) ?? { count: 0, marks: 0 };
        if (head.readings !== count || head.marks !== marks) wrong.push({ documentId, series });
      }
    }
    return wrong;
  }

  async #totals(documentId: string, signal: AbortSignal): Promise<Map<string, { count: number; marks: number }>> {
    const totals = new Map<string, { count: number; marks: number }>();
    let after = { series: '', at: '', digest: '' };
    for (;;) {
      const page = await this.#all<Row & { series: string; digest: string }>(
        `SELECT r.series, r.digest, ${ROW} FROM ${this.#memory.at}reading r WHERE r.document_id = $1
           AND (r.series, r.at, r.digest) > ($2, $3, $4) ORDER BY r.series, r.at, r.digest LIMIT ${PAGE_READINGS}`,
        [documentId, after.series, after.at, after.digest],
        signal,
      );
      for (const { series, digest, ...row } of page) {
        const total = totals.get(series) ?? { count: 0, marks: 0 };
        const found = readingDigest({ series, ...row });
        // One that is not what its key says counts as nothing, so that no two that changed can make up for each other.
        total.marks += found === digest ? markOf(found) : 0;
        total.count += 1;
        totals.set(series, total);
      }
      if (page.length < PAGE_READINGS) return totals;
      after = page[page.length - 1]!;
    }
  }

  /** As `RecordsStore.cursor`. */
  async cursor(
    { source, stream, group }: { source: string; stream: string; group: string },
    signal: AbortSignal,
  ): Promise<{ value: string; previous: string | null; movedAt: string } | null> {
    const [row = null] = await this.#all<{ value: string; previous: string | null; movedAt: string }>(
      `SELECT value, previous, moved_at AS "movedAt" FROM ${this.#memory.at}stream_cursor WHERE source = $1 AND stream = $2 AND group_id = $3`,
      [source, stream, group],
      signal,
    );
    return row;
  }

  /** As `RecordsStore.rejectedAmong`. */
  async rejectedAmong(ids: readonly string[], signal: AbortSignal): Promise<string[]> {
    const sql = `SELECT id FROM ${this.#memory.at}rejected WHERE id = ANY ($1::text[]) ORDER BY id`;
    return (await this.#all<{ id: string }>(sql, [ids], signal)).map(({ id }) => id);
  }

  /** As `RecordsStore.rejected`. */
  rejected({ afterId, limit, group, source }: RejectedPage, signal: AbortSignal): Promise<RejectedEntry[]> {
    return this.#all<RejectedEntry>(
      `SELECT id, source, stream, group_id AS "group", source_uri AS "sourceUri", place, path, reason, raw, run_id AS "runId", at
       FROM ${this.#memory.at}rejected
       WHERE id > $1 AND group_id = coalesce($2::text, group_id) AND source = coalesce($3::text, source) ORDER BY id LIMIT $4`,
      [afterId ?? '', group, source, limit],
      signal,
    );
  }

  #all<Found>(sql: string, params: Parameters<PostgresMemory['db']['all']>[2], signal: AbortSignal): Promise<Found[]> {
    return this.#memory.db.all<Found>('series', sql, params, signal);
  }
}

/** Readings that one query gives. */
const PAGE_READINGS = 10_000;
