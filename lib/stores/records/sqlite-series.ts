import { readingDigest } from '../../contracts/identity.ts';
import type {
  CursorMove,
  RejectedEntry,
  SeriesAddition,
  SeriesCursor,
  SeriesRequest,
  SeriesWindow,
  StoredReading,
} from '../../contracts/series.ts';
import type { FactRead, WriteRef } from '../../contracts/store.ts';
import type { Sql, SqlStatement } from '../../support/sql-thread.ts';
import { LISTED, listParam, parsedOrText } from '../rows.ts';
import { markOf, markSum } from './series-marks.ts';
import { windowsOf } from './series-windows.ts';

const BATCH = 'run_id = ? AND batch_no = ?';

/** Documents whose series has another number of readings by now. One parameter, of `staleParam`. */
export const STALE = `SELECT json_extract(value, '$[0]') AS document_id FROM json_each(?) LEFT JOIN series s
    ON s.document_id = json_extract(value, '$[0]') AND s.series = json_extract(value, '$[1]')
  WHERE coalesce(s.readings, 0) IS NOT json_extract(value, '$[2]')`;

export function staleParam(additions: readonly SeriesAddition[]): string {
  return JSON.stringify(
    additions.flatMap(({ documentId, baseCounts }) =>
      Object.entries(baseCounts).map(([series, count]) => [documentId, series, count]),
    ),
  );
}

/**
 * Documents that were made from facts which others state by now. One parameter, of `misreadParam`. The type is compared by itself, so
 * that the index finds it: very many facts of other types may be about the same entity.
 */
export const MISREAD = `SELECT r.value ->> '$[0]' AS document_id FROM json_each(?) r
  WHERE (SELECT json_group_array(document_id) FROM (
      SELECT DISTINCT f.document_id FROM (
        SELECT document_id, version FROM fact WHERE object_id = r.value ->> '$[1]' AND type = r.value ->> '$[2]'
        UNION ALL SELECT document_id, version FROM fact WHERE object_id = r.value ->> '$[1]' AND r.value ->> '$[2]' IS NULL) f
      CROSS JOIN version v ON v.document_id = f.document_id AND v.version = f.version AND v.state = 'current' ORDER BY f.document_id))
    IS NOT r.value -> '$[3]'`;

export function misreadParam(reads: readonly FactRead[]): string {
  return JSON.stringify(
    reads.map(({ documentId, objectId, type, subjectIds }) => [documentId, objectId, type, subjectIds]),
  );
}

/**
 * The statements of a pivot that add readings, once its documents are judged (`pivot_item`).
 *
 * @param overtaken a query of documents that are not what they were, with its parameters.
 */
export function additionStatements(
  { runId, batchNo }: WriteRef,
  additions: readonly SeriesAddition[],
  overtaken: { readonly sql: string; readonly params: readonly string[] },
): SqlStatement[] {
  if (additions.length === 0) return [];
  const batch = [runId, batchNo];
  const isDone = `EXISTS (SELECT 1 FROM pivot_series WHERE ${BATCH} AND document_id = ? AND result = 'done')`;
  const digested = additions.map(({ documentId, readings }) => ({
    documentId,
    rows: readings.map((reading) => ({ ...reading, digest: readingDigest(reading) })),
  }));
  const readings = digested.flatMap(({ documentId, rows }) =>
    rows.map(({ series, at, value, placeKey, digest }) => [
      ...[documentId, series, at, digest, markOf(digest), JSON.stringify(value), placeKey],
      ...[...batch, ...batch, documentId],
    ]),
  );
  const totals = digested.flatMap(({ documentId, rows }) =>
    [...Map.groupBy(rows, ({ series }) => series)].map(([series, own]) => [
      ...[documentId, series, own.length, markSum(own.map(({ digest }) => digest)), ...batch, documentId],
    ]),
  );
  return [
    {
      sql: `INSERT INTO pivot_series (run_id, batch_no, document_id, result) SELECT ?, ?, value, iif(
              value IN (SELECT document_id FROM pivot_item WHERE ${BATCH} AND result = 'lost' UNION ${overtaken.sql} UNION ${STALE}),
              'lost', 'done') FROM json_each(?)`,
      params: [
        ...[...batch, ...batch, ...overtaken.params, staleParam(additions)],
        listParam([...new Set(additions.map(({ documentId }) => documentId))]),
      ],
    },
    {
      sql: `INSERT INTO reading (document_id, series, at, digest, mark, value, place_key, run_id, batch_no)
            SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE ${isDone}`,
      rows: readings,
    },
    {
      sql: `INSERT INTO series (document_id, series, readings, marks) SELECT ?, ?, ?, ? WHERE ${isDone}
            ON CONFLICT (document_id, series) DO UPDATE SET readings = readings + excluded.readings, marks = marks + excluded.marks`,
      rows: totals,
    },
  ];
}

/** The statements of a pivot that give the readings of documents to those that they became. */
export function absorptionStatements(
  { runId, batchNo }: WriteRef,
  absorbed: readonly { readonly documentId: string; readonly into: string }[],
): SqlStatement[] {
  const isDone = `EXISTS (SELECT 1 FROM pivot_item WHERE ${BATCH} AND document_id = ? AND result = 'done')`;
  const rows = absorbed.map(({ documentId, into }) => [into, documentId, runId, batchNo, into]);
  const ofInto = absorbed.map(({ into }) => [into, runId, batchNo, into]);
  if (absorbed.length === 0) return [];
  return [
    // What both have stays once: the rest goes with the document that is deleted.
    { sql: `UPDATE OR IGNORE reading SET document_id = ? WHERE document_id = ? AND ${isDone}`, rows },
    {
      sql: `INSERT OR REPLACE INTO series (document_id, series, readings, marks)
            SELECT document_id, series, count(*), sum(mark) FROM reading WHERE document_id = ? AND ${isDone} GROUP BY document_id, series`,
      rows: ofInto,
    },
  ];
}

/** The statements of a pivot that remove the readings of the documents that it deletes. */
export function removalStatements({ runId, batchNo }: WriteRef): SqlStatement[] {
  const gone = `(SELECT document_id FROM pivot_item WHERE ${BATCH} AND result = 'done' AND version IS NULL)`;
  const params = [runId, batchNo];
  return [
    { sql: `DELETE FROM reading WHERE document_id IN ${gone}`, params },
    { sql: `DELETE FROM series WHERE document_id IN ${gone}`, params },
  ];
}

/** The statements of a pivot that move cursors; each changes exactly one row unless another run was faster. */
export function cursorStatements(moves: readonly CursorMove[], runId: string): SqlStatement[] {
  return moves.map(({ source, stream, group, base, next, at }) =>
    base === null
      ? {
          sql: `INSERT INTO stream_cursor (source, stream, group_id, value, previous, moved_at, run_id) VALUES (?, ?, ?, ?, NULL, ?, ?)
                ON CONFLICT DO NOTHING`,
          params: [source, stream, group, next, at, runId],
          expectChanges: 1,
        }
      : {
          sql: `UPDATE stream_cursor SET previous = value, value = ?, moved_at = ?, run_id = ?
                WHERE source = ? AND stream = ? AND group_id = ? AND value = ?`,
          params: [next, at, runId, source, stream, group, base],
          expectChanges: 1,
        },
  );
}

/** Fails a pivot that moves cursors when one of its documents has lost: it changes one row unless one has. */
export function wholeStatement({ runId, batchNo }: WriteRef): SqlStatement {
  const lost = (table: string) => `EXISTS (SELECT 1 FROM ${table} WHERE ${BATCH} AND result = 'lost')`;
  const batch = [runId, batchNo];
  return {
    sql: `UPDATE pivot SET lsn = lsn WHERE ${BATCH} AND NOT ${lost('pivot_item')} AND NOT ${lost('pivot_series')}`,
    params: [...batch, ...batch, ...batch],
    expectChanges: 1,
  };
}

/** The statements of a pivot that keep rejected records, and that let go of those that are taken now. */
export function rejectionStatements(
  rejected: readonly RejectedEntry[],
  accepted: readonly string[],
): readonly SqlStatement[] {
  const rows = rejected.map((entry) => [
    ...[entry.id, entry.source, entry.stream, entry.group, entry.sourceUri, entry.place, entry.path, entry.reason],
    ...[entry.raw, entry.runId, entry.at],
  ]);
  return [
    ...(accepted.length === 0
      ? []
      : [{ sql: `DELETE FROM rejected WHERE id IN ${LISTED}`, params: [listParam(accepted)] }]),
    ...(rows.length === 0
      ? []
      : [{ sql: 'INSERT OR REPLACE INTO rejected VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', rows }]),
  ];
}

const READING = 'at, value, place_key AS placeKey';

interface ReadingRow {
  readonly at: string;
  readonly value: string;
  readonly placeKey: string | null;
}

interface HeadRow extends ReadingRow {
  readonly documentId: string;
  readonly series: string;
  readonly count: number;
}

/** What `RecordsStore.seriesWindows` gives. */
export function seriesWindows(sql: Sql, requests: readonly SeriesRequest[]): Promise<SeriesWindow[]> {
  return windowsOf(requests, {
    heads: async () => {
      const rows = await sql.all<HeadRow>(
        `SELECT s.document_id AS documentId, s.series, s.readings AS count, r.at, r.value, r.place_key AS placeKey
         FROM json_each(?) w JOIN series s ON s.document_id = json_extract(w.value, '$[0]') AND s.series = json_extract(w.value, '$[1]')
         JOIN reading r ON r.document_id = s.document_id AND r.series = s.series AND (r.at, r.digest) = (${LAST})`,
        [JSON.stringify(requests.map(({ documentId, series }) => [documentId, series]))],
      );
      return rows.map(({ documentId, series, count, ...row }) => ({ documentId, series, count, ...readingOf(row) }));
    },
    present: async (names) => {
      const rows = await sql.all<{ place: number }>(
        `SELECT w.key AS place FROM json_each(?) w JOIN reading r ON r.document_id = json_extract(w.value, '$[0]')
           AND r.series = json_extract(w.value, '$[1]') AND r.at = json_extract(w.value, '$[2]') AND r.digest = json_extract(w.value, '$[3]')`,
        [JSON.stringify(names)],
      );
      return rows.map(({ place }) => place);
    },
    late: (request, ats) => lateWindow(sql, request, ats),
  });
}

const LAST = `SELECT l.at, l.digest FROM reading l WHERE l.document_id = s.document_id AND l.series = s.series
  ORDER BY l.at DESC, l.digest DESC LIMIT 1`;

async function lateWindow(
  sql: Sql,
  { documentId, series }: SeriesRequest,
  ats: readonly string[],
): Promise<Pick<SeriesWindow, 'before' | 'moves' | 'nextAts'>> {
  const of = [documentId, series];
  const first = ats.reduce((a, b) => (a < b ? a : b));
  const [before] = await sql.all<ReadingRow>(
    `SELECT ${READING} FROM reading WHERE document_id = ? AND series = ? AND at < ? ORDER BY at DESC, digest DESC LIMIT 1`,
    [...of, first],
  );
  const nexts = await sql.all<{ at: string; nextAt: string | null }>(
    `SELECT j.value AS at, (SELECT min(r.at) FROM reading r WHERE r.document_id = ? AND r.series = ? AND r.at > j.value) AS nextAt FROM json_each(?) j`,
    [...of, listParam(ats)],
  );
  const moves = await sql.all<{ at: string; placeKey: string | null }>(
    `SELECT at, place_key AS placeKey FROM (
       SELECT at, digest, place_key, lag(place_key, 1, ?) OVER (ORDER BY at, digest) AS was FROM reading
       WHERE document_id = ? AND series = ? AND at >= ?) WHERE place_key IS NOT was ORDER BY at, digest`,
    [before?.placeKey ?? null, ...of, first],
  );
  const nextOf = new Map(nexts.map(({ at, nextAt }) => [at, nextAt]));
  return {
    before: before === undefined ? null : readingOf(before),
    nextAts: ats.map((at) => nextOf.get(at) ?? null),
    moves,
  };
}

/** What `RecordsStore.latestReadings` gives. */
export async function latestReadings(sql: Sql, documentIds: readonly string[]): Promise<StoredReading[]> {
  const rows = await sql.all<ReadingRow & { documentId: string; series: string }>(
    `SELECT s.document_id AS documentId, s.series, r.at, r.value, r.place_key AS placeKey FROM series s JOIN reading r
       ON r.document_id = s.document_id AND r.series = s.series AND (r.at, r.digest) = (${LAST})
     WHERE s.document_id IN ${LISTED} ORDER BY s.document_id, s.series`,
    [listParam(documentIds)],
  );
  return rows.map(({ documentId, series, ...row }) => ({ documentId, series, ...readingOf(row) }));
}

/** What `RecordsStore.readings` gives. */
export async function readings(
  sql: Sql,
  { documentId, series, fromAt, toAt }: SeriesCursor,
  limit: number,
): Promise<StoredReading[]> {
  const rows = await sql.all<ReadingRow>(
    `SELECT ${READING} FROM reading WHERE document_id = ? AND series = ? AND at >= ? AND at < ? ORDER BY at, digest LIMIT ?`,
    [documentId, series, fromAt ?? '', toAt ?? '~', limit],
  );
  return rows.map((row) => ({ documentId, series, ...readingOf(row) }));
}

/** What `RecordsStore.withReadings` gives. */
export async function withReadings(sql: Sql, afterDocumentId: string | null, limit: number): Promise<string[]> {
  const rows = await sql.all<{ documentId: string }>(
    `SELECT DISTINCT document_id AS documentId FROM (
       SELECT document_id FROM series WHERE document_id > ? UNION SELECT document_id FROM reading WHERE document_id > ?)
     ORDER BY document_id LIMIT ?`,
    [afterDocumentId ?? '', afterDocumentId ?? '', limit],
  );
  return rows.map(({ documentId }) => documentId);
}

/** Readings that one query gives. */
const PAGE_READINGS = 10_000;

/** What `RecordsStore.wrongSeries` gives: every row's digest made anew from what it holds. */
export async function wrongSeries(
  sql: Sql,
  documentIds: readonly string[],
): Promise<{ documentId: string; series: string }[]> {
  const wrong: { documentId: string; series: string }[] = [];
  for (const documentId of documentIds) {
    const heads = await sql.all<{ series: string; readings: number; marks: number }>(
      'SELECT series, readings, marks FROM series WHERE document_id = ?',
      [documentId],
    );
    const totals = await totalsOf(sql, documentId);
    for (const series of new Set([...heads.map((head) => head.series), ...totals.keys()])) {
      const head = heads.find((one) => one.series === series) ?? { readings: 0, marks: 0 };
      const { count, marks } = totals.get(series) ?? { count: 0, marks: 0 };
      if (head.readings !== count || head.marks !== marks) wrong.push({ documentId, series });
    }
  }
  return wrong;
}

async function totalsOf(sql: Sql, documentId: string): Promise<Map<string, { count: number; marks: number }>> {
  const totals = new Map<string, { count: number; marks: number }>();
  let after = { series: '', at: '', digest: '' };
  for (;;) {
    const page = await sql.all<ReadingRow & { series: string; digest: string }>(
      `SELECT series, digest, ${READING} FROM reading WHERE document_id = ? AND (series, at, digest) > (?, ?, ?)
       ORDER BY series, at, digest LIMIT ?`,
      [documentId, after.series, after.at, after.digest, PAGE_READINGS],
    );
    for (const { series, digest, ...row } of page) {
      const total = totals.get(series) ?? { count: 0, marks: 0 };
      const found = readingDigest({ series, ...readingOf(row) });
      // One that is not what its key says counts as nothing, so that no two that changed can make up for each other.
      total.marks += found === digest ? markOf(found) : 0;
      total.count += 1;
      totals.set(series, total);
    }
    if (page.length < PAGE_READINGS) return totals;
    after = page[page.length - 1]!;
  }
}

function readingOf({ at, value, placeKey }: ReadingRow): Omit<StoredReading, 'documentId' | 'series'> {
  const kept = parsedOrText(value);
  return { at, value: (typeof kept === 'object' && kept !== null ? kept : {}) as StoredReading['value'], placeKey };
}
