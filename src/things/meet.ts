import type { Observation, Reading } from '../../lib/contracts/feed.ts';
import { canonicalJson } from '../../lib/contracts/identity.ts';
import type { SeriesAddition, SeriesWindow } from '../../lib/contracts/series.ts';
import type { RecordsStore } from '../../lib/contracts/store.ts';
import { thingDocumentId } from '../pipeline/identity.ts';
import type { KnownThing } from './known.ts';

/** Readings of one series of one thing that are not there yet, and what they meet there. */
export interface Met {
  readonly series: string;
  readonly fresh: readonly Reading[];
  readonly window: SeriesWindow;
}

interface MeetOptions {
  readonly records: Pick<RecordsStore, 'seriesWindows'>;
  readonly group: string;
  readonly signal: AbortSignal;
}

/** By key of their thing: what its readings meet. One question for all. */
export async function metReadings(
  byKey: ReadonlyMap<string, readonly Observation[]>,
  { records, group, signal }: MeetOptions,
): Promise<ReadonlyMap<string, readonly Met[]>> {
  const asked = [...byKey].flatMap(([key, observations]) => {
    const readings = observations.flatMap((observation) => observation.readings);
    return [...Map.groupBy(readings, ({ series }) => series)].map(([series, all]) => ({
      ...{ key, series, readings: new Map(all.map((reading) => [spelled(rowOf(reading)), reading])) },
    }));
  });
  if (asked.length === 0) return new Map();
  const windows = await records.seriesWindows(
    asked.map(({ key, series, readings }) => ({
      ...{ documentId: thingDocumentId(group, key), series, readings: [...readings.values()].map(rowOf) },
    })),
    signal,
  );
  const met = asked.map(({ key, series, readings }, index) => {
    const window = windows[index]!;
    return { key, series, window, fresh: window.fresh.map((row) => readings.get(spelled(row))!) };
  });
  return Map.groupBy(
    met.filter(({ fresh }) => fresh.length > 0),
    ({ key }) => key,
  );
}

/** What is to be added to the series of a thing. */
export function seriesAddition(
  documentId: string,
  met: readonly Met[],
  known: KnownThing | null,
): SeriesAddition | null {
  if (met.length === 0) return null;
  return {
    documentId,
    baseVersion: known?.document.version ?? null,
    baseCounts: Object.fromEntries(met.map(({ series, window }) => [series, window.count])),
    readings: met.flatMap(({ series, window }) => window.fresh.map((row) => ({ series, ...row }))),
  };
}

type ReadingRow = SeriesWindow['fresh'][number];

function rowOf({ at, value, place }: Reading): ReadingRow {
  return { at, value, placeKey: place?.key ?? null };
}

function spelled({ at, value, placeKey }: ReadingRow): string {
  return canonicalJson([at, value, placeKey]);
}
