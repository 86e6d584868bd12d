import { StoreError } from '../../../lib/contracts/errors.ts';
import { canonicalJson, readingDigest } from '../../../lib/contracts/identity.ts';
import type {
  CursorMove,
  RejectedEntry,
  RejectedPage,
  SeriesAddition,
  SeriesCursor,
  SeriesRequest,
  SeriesWindow,
  StoredReading,
} from '../../../lib/contracts/series.ts';
import type { PivotRequest } from '../../../lib/contracts/store.ts';

type Row = Omit<StoredReading, 'documentId' | 'series'>;

/** What a fake records store keeps beside documents. */
export class FakeSeries {
  readonly #readings = new Map<string, StoredReading[]>();
  readonly #cursors = new Map<string, { value: string; previous: string | null; movedAt: string }>();
  readonly #rejected = new Map<string, RejectedEntry>();

  /** Documents of these additions whose series have grown since. */
  stale(additions: readonly SeriesAddition[]): string[] {
    return additions
      .filter(({ documentId, baseCounts }) =>
        Object.entries(baseCounts).some(([series, count]) => this.#of(documentId, series).length !== count),
      )
      .map(({ documentId }) => documentId);
  }

  assertCursors(moves: readonly CursorMove[]): void {
    for (const move of moves)
      if ((this.#cursors.get(cursorKey(move))?.value ?? null) !== move.base)
        throw new StoreError('another run has read it', { code: 'CURSOR_MOVED' });
  }

  commit(
    { series = [], absorbed = [], cursors = [], rejected = [], accepted = [] }: PivotRequest,
    done: Changed,
  ): void {
    for (const { documentId, readings } of series.filter((addition) => done.extended.includes(addition.documentId)))
      for (const reading of readings) this.#put({ documentId, ...reading });
    for (const { documentId, into } of absorbed.filter((pair) => done.deleted.includes(pair.documentId)))
      for (const reading of this.#all(documentId)) this.#put({ ...reading, documentId: into });
    for (const documentId of done.deleted)
      for (const key of [...this.#readings.keys()]) if (key.startsWith(`${documentId}\0`)) this.#readings.delete(key);
    for (const move of cursors) {
      const previous = this.#cursors.get(cursorKey(move))?.value ?? null;
      this.#cursors.set(cursorKey(move), { value: move.next, previous, movedAt: move.at });
    }
    for (const id of accepted) this.#rejected.delete(id);
    for (const entry of rejected) this.#rejected.set(entry.id, entry);
  }

  window({ documentId, series, readings }: SeriesRequest): SeriesWindow {
    const rows = this.#of(documentId, series);
    const there = new Set(rows.map(readingDigest));
    const fresh = readings.filter((reading) => !there.has(readingDigest({ series, ...reading })));
    const ats = fresh.map(({ at }) => at);
    if (ats.length === 0) return { count: rows.length, fresh, nextAts: [], before: null, moves: [] };
    const first = [...ats].sort()[0]!;
    const before = rows.findLast(({ at }) => at < first) ?? null;
    let placeKey = before?.placeKey ?? null;
    const moves: { at: string; placeKey: string | null }[] = [];
    for (const row of rows.filter(({ at }) => at >= first)) {
      if (row.placeKey !== placeKey) moves.push({ at: row.at, placeKey: row.placeKey });
      placeKey = row.placeKey;
    }
    return {
      count: rows.length,
      fresh,
      nextAts: ats.map((at) => rows.find((row) => row.at > at)?.at ?? null),
      before: before === null ? null : rowOf(before),
      moves,
    };
  }

  latest(documentIds: readonly string[]): StoredReading[] {
    return [...this.#readings]
      .filter(([key]) => documentIds.includes(key.split('\0')[0]!))
      .map(([, rows]) => rows.at(-1)!);
  }

  readings({ documentId, series, fromAt, toAt }: SeriesCursor, limit: number): StoredReading[] {
    return this.#of(documentId, series)
      .filter(({ at }) => at >= (fromAt ?? '') && at < (toAt ?? '~'))
      .slice(0, limit);
  }

  documents(after: string | null, limit: number): string[] {
    const ids = [...this.#readings.keys()].map((key) => key.split('\0')[0]!);
    return [...new Set(ids)]
      .filter((id) => id > (after ?? ''))
      .sort()
      .slice(0, limit);
  }

  cursor(stream: { source: string; stream: string; group: string }) {
    return this.#cursors.get(cursorKey(stream)) ?? null;
  }

  rejectedAmong(ids: readonly string[]): string[] {
    return ids.filter((id) => this.#rejected.has(id)).sort();
  }

  rejected({ afterId, limit, group, source }: RejectedPage): RejectedEntry[] {
    return [...this.#rejected.values()]
      .filter((entry) => entry.id > (afterId ?? ''))
      .filter((entry) => entry.group === (group ?? entry.group) && entry.source === (source ?? entry.source))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, limit);
  }

  #of(documentId: string, series: string): StoredReading[] {
    return this.#readings.get(`${documentId}\0${series}`) ?? [];
  }

  #all(documentId: string): StoredReading[] {
    return [...this.#readings].filter(([key]) => key.startsWith(`${documentId}\0`)).flatMap(([, rows]) => rows);
  }

  #put(reading: StoredReading): void {
    const { documentId, series } = reading;
    const rows = this.#of(documentId, series);
    if (rows.some((row) => canonicalJson(row) === canonicalJson(reading))) return;
    const sorted = [...rows, reading].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
    this.#readings.set(`${documentId}\0${series}`, sorted);
  }
}

/** What a pivot came to, as far as series depend on it. */
interface Changed {
  readonly extended: readonly string[];
  readonly deleted: readonly string[];
}

function cursorKey({ source, stream, group }: { source: string; stream: string; group: string }): string {
  return JSON.stringify([source, stream, group]);
}

function rowOf({ at, value, placeKey }: StoredReading): Row {
  return { at, value, placeKey };
}
