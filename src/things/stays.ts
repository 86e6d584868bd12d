import type { ObservedFact, Reading, ThingRef } from '../../lib/contracts/feed.ts';
import type { SeriesWindow } from '../../lib/contracts/series.ts';
import type { StateFact } from './state.ts';

/** From when on a thing is in a place, or in none. */
interface Move {
  readonly at: string;
  readonly placeKey: string | null;
}

/**
 * How many stays a thing keeps, the latest: of a truck those of about a week. Each version states all that it keeps, so all of them for
 * ever would make each new one take longer than the one before. Older ones still follow from the series.
 */
export const MAX_STAYS = 32;

/**
 * The latest stays of a thing in known places once more readings of its position are there: from the first reading inside to the
 * first outside. Readings that come late are put between those that are there. Pure.
 *
 * @param facts what is known of the thing; its stays are those of type `AT` that this function made.
 * @param readings none of them is there yet; at least one.
 * @param window what they meet in the series. @returns the same facts where nothing is another way now.
 */
export function withStays(
  facts: readonly StateFact[],
  readings: readonly Reading[],
  window: SeriesWindow,
): readonly StateFact[] {
  const first = readings.map(({ at }) => at).reduce((a, b) => (a < b ? a : b));
  const places = placesOf(facts, readings);
  const moves = movesWith(readings, window);
  const known = facts.filter(isStay);
  const earlier = known.filter(({ validFrom }) => validFrom !== null && validFrom < first);
  // More readings never make fewer stays: which are the latest does not depend on the order in which readings came.
  const stays = staysOf(moves, earlier, window.before?.placeKey ?? null, places).slice(-MAX_STAYS);
  const isSame = known.length === stays.length && known.every((stay, index) => isEqual(stay, stays[index]!));
  return isSame ? facts : [...facts.filter((fact) => !isStay(fact)), ...stays];
}

function isEqual(a: StateFact, b: StateFact): boolean {
  const isSameSpan = a.validFrom === b.validFrom && a.validTo === b.validTo;
  return isSameSpan && a.object.key === b.object.key && a.object.name === b.object.name;
}

/** Was it made here? */
export function isStay({ type, detail }: ObservedFact): boolean {
  return type === 'AT' && detail['isStay'] === true;
}

function placesOf(facts: readonly StateFact[], readings: readonly Reading[]): ReadonlyMap<string, ThingRef> {
  const known = facts.filter(isStay).map(({ object }) => object as ThingRef);
  const read = readings.flatMap(({ place }) => (place === null ? [] : [place]));
  return new Map([...known, ...read].map((place) => [place.key, place]));
}

/** The moves from the first of the readings on: those that were there, with what the readings add. */
function movesWith(readings: readonly Reading[], window: SeriesWindow): Move[] {
  const nextOf = new Map(window.fresh.map(({ at }, index) => [at, window.nextAts[index] ?? null]));
  const points = new Map<string, string | null>(window.moves.map(({ at, placeKey }) => [at, placeKey]));
  const placeAt = (at: string) =>
    window.moves.findLast((move) => move.at <= at)?.placeKey ??
    (window.moves.some((move) => move.at <= at) ? null : (window.before?.placeKey ?? null));
  for (const { at } of readings) {
    // After a reading that comes late the thing is again where it was.
    const nextAt = nextOf.get(at) ?? null;
    if (nextAt !== null && !points.has(nextAt)) points.set(nextAt, placeAt(nextAt));
  }
  for (const { at, place } of readings.toSorted((a, b) => (a.at < b.at ? -1 : 1))) points.set(at, place?.key ?? null);
  return [...points].map(([at, placeKey]) => ({ at, placeKey })).sort((a, b) => (a.at < b.at ? -1 : 1));
}

function staysOf(
  moves: readonly Move[],
  earlier: readonly StateFact[],
  placeBefore: string | null,
  places: ReadonlyMap<string, ThingRef>,
): StateFact[] {
  const stays = earlier.map((stay) => ({ ...stay }));
  let open: { -readonly [key in keyof StateFact]: StateFact[key] } | null = null;
  const last = stays.at(-1);
  if (placeBefore !== null && last !== undefined && last.object.key === placeBefore) {
    open = last;
    open.validTo = null;
  }
  for (const { at, placeKey } of moves) {
    if ((open?.object.key ?? null) === placeKey) continue;
    if (open !== null) open.validTo = at;
    open = placeKey === null ? null : stayFrom(at, places.get(placeKey) ?? unnamed(placeKey));
    if (open !== null) stays.push(open);
  }
  return stays;
}

/** A place that no fact names, as where another run has added readings there since the facts were asked for: the pivot will notice. */
function unnamed(key: string): ThingRef {
  return { kind: 'Location', key, name: key };
}

/**
 * Where a thing was at a time by its readings, and until when; null: in no known place. Since when is told where it came there just then.
 *
 * @param window what a reading of that time would meet in the series.
 */
export function stayAt(
  at: string,
  { before, moves }: SeriesWindow,
): { readonly stay: StateFact; readonly until: string | null } | null {
  const [first, second] = moves;
  const isMove = first?.at === at;
  const key = isMove ? first.placeKey : (before?.placeKey ?? null);
  if (key === null) return null;
  const stay = stayFrom(at, unnamed(key));
  return { stay: isMove ? stay : { ...stay, validFrom: null }, until: (isMove ? second : first)?.at ?? null };
}

function stayFrom(at: string, place: ThingRef): StateFact {
  return {
    ...{ type: 'AT', object: place, validFrom: at, validTo: null, basis: 'source_event', confidence: 1 },
    ...{ detail: { isStay: true }, isOwn: false },
  };
}
