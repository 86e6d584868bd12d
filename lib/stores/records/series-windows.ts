import { readingDigest } from '../../contracts/identity.ts';
import type { SeriesRequest, SeriesWindow, StoredReading } from '../../contracts/series.ts';

type Row = Omit<StoredReading, 'documentId' | 'series'>;

/** What a store keeps of a series at its end. */
export interface SeriesHead extends StoredReading {
  /** How many readings the series has. */
  readonly count: number;
}

/** A reading as rows of readings are told by. */
export type ReadingName = readonly [documentId: string, series: string, at: string, digest: string];

/** What a store answers of series; the first two in one question each. */
export interface SeriesQuestions {
  /** The last reading of each of these series that has one. */
  heads(requests: readonly SeriesRequest[]): Promise<readonly SeriesHead[]>;
  /** Which of these are there: their places in the list. */
  present(names: readonly ReadingName[]): Promise<readonly number[]>;
  /** What readings at these times meet in a series that goes on after the first of them. */
  late(request: SeriesRequest, ats: readonly string[]): Promise<Pick<SeriesWindow, 'before' | 'moves' | 'nextAts'>>;
}

/** What `RecordsStore.seriesWindows` gives. More than two questions only where readings come late that are not there yet. */
export async function windowsOf(
  requests: readonly SeriesRequest[],
  questions: SeriesQuestions,
): Promise<SeriesWindow[]> {
  if (requests.length === 0) return [];
  // Counted first: what is added later makes the count another one, and the pivot notices.
  const heads = await questions.heads(requests);
  const headOf = new Map(heads.map((head) => [keyOf(head), head]));
  const asked = requests.flatMap((request) => {
    const head = headOf.get(keyOf(request));
    const late = head === undefined ? [] : request.readings.filter(({ at }) => at <= head.at);
    return late.map((row) => ({ row, name: nameOf(request, row) }));
  });
  const found = asked.length === 0 ? [] : await questions.present(asked.map(({ name }) => name));
  const present = new Set(found.map((place) => asked[place]!.row));
  const windows: SeriesWindow[] = [];
  for (const request of requests) {
    const fresh = request.readings.filter((row) => !present.has(row));
    windows.push(await windowOf({ ...request, readings: fresh }, headOf.get(keyOf(request)), questions));
  }
  return windows;
}

/** @param request asks only for what is not there yet. */
async function windowOf(
  request: SeriesRequest,
  head: SeriesHead | undefined,
  questions: SeriesQuestions,
): Promise<SeriesWindow> {
  const fresh = request.readings;
  const ats = fresh.map(({ at }) => at);
  const nothing = { fresh, before: null, moves: [], nextAts: ats.map(() => null) };
  if (head === undefined) return { count: 0, ...nothing };
  const { count, at, value, placeKey } = head;
  if (ats.length === 0) return { count, ...nothing };
  if (ats.every((time) => at < time)) return { count, ...nothing, before: { at, value, placeKey } };
  return { count, fresh, ...(await questions.late(request, ats)) };
}

function keyOf({ documentId, series }: Pick<SeriesRequest, 'documentId' | 'series'>): string {
  return JSON.stringify([documentId, series]);
}

function nameOf({ documentId, series }: SeriesRequest, row: Row): ReadingName {
  return [documentId, series, row.at, readingDigest({ series, ...row })];
}
