import type { Json } from '../contracts/document.ts';
import type { StreamState } from './feed-cursor.ts';
import { listPages, withQuery } from './feed-paging.ts';
import { type Gathered, gather, idOf, own } from './feed-records.ts';
import type { EventListing } from './feed-spec.ts';
import { type Fetching, fetchThingIfThere } from './feed-things.ts';
import type { ListedPage } from './pager.ts';
import { inParts, nothing, type WalkPart } from './walk-parts.ts';
import { queryOf } from './walk-range.ts';

/** How a stream is followed by its events. */
export interface Following {
  readonly events: EventListing;
  /** Events are listed again from so long before the latest one. */
  readonly overlapMs: number;
  /** Unix time in milliseconds: no event counts as later. */
  readonly now: () => number;
  /** Whether what the events happened to is fetched with them. */
  readonly fetchesThings: boolean;
}

/** Ids of events that are remembered, the latest: more than a company can have in the overlap. */
const MAX_SEEN = 5_000;
/** Things whose fetching is remembered; beyond, some are fetched again. */
const MAX_FETCHED = 100_000;

/**
 * What happened since `state.high`, and if that is wanted each thing it happened to, fetched once unless more happened since. Events that come again in
 * the overlap are left out. A page of events is done when all its things are.
 */
export async function* walkEvents(
  fetching: Fetching,
  state: StreamState & { readonly high: number },
  following: Following,
): AsyncGenerator<WalkPart> {
  const { events, overlapMs, now } = following;
  const bounds = { from: state.high - overlapMs, to: now() };
  const listing = withQuery(events, queryOf(events.bounds, bounds));
  const seen = new Map(state.seen);
  const fetched = new Map<string, number>();
  let { high } = state;
  let before: StreamState = { ...state, walk: null };
  for await (const page of listPages(fetching, listing, null)) {
    const fresh = gatherEvents(page, events, seen);
    high = Math.max(high, Math.min(fresh.latest, now()));
    const after = { ...state, high, seen: remembered(seen, high - overlapMs), walk: null };
    const gathered = withThings(fetching, fresh, fetched, following);
    yield* inParts(gathered, { before, after, isLast: !page.hasMore, isWhole: false });
    before = after;
  }
}

/** Events, and what they happened to unless it was fetched after that. */
async function* withThings(
  fetching: Fetching,
  { gathered, things }: FreshEvents,
  fetched: Map<string, number>,
  { overlapMs, now, fetchesThings }: Following,
): AsyncGenerator<Gathered> {
  yield gathered;
  if (!fetchesThings) return;
  for (const [id, at] of things) {
    if ((fetched.get(id) ?? Number.NEGATIVE_INFINITY) >= at) continue;
    if (fetched.size >= MAX_FETCHED) fetched.clear();
    // Clocks differ, and what happens while a thing is fetched may not be in it.
    fetched.set(id, now() - overlapMs);
    yield* fetchThingIfThere(fetching, id);
  }
}

interface FreshEvents {
  readonly gathered: Gathered;
  /** Ids of the things that changed, and when they did last. */
  readonly things: ReadonlyMap<string, number>;
  /** When the last of them happened. */
  readonly latest: number;
}

/** The events of a page that were not seen before; they are now. */
function gatherEvents({ rows }: ListedPage, events: EventListing, seen: Map<string, number>): FreshEvents {
  const gathered = nothing();
  const things = new Map<string, number>();
  let latest = Number.NEGATIVE_INFINITY;
  for (const { value: row, place } of rows) {
    const id = idOf(row);
    if (id !== null && seen.has(id)) continue;
    if (!gather(gathered, row, events.stream, place)) continue;
    const at = timeOf(own(row, events.time));
    if (id !== null && at !== null) seen.set(id, at);
    latest = Math.max(latest, at ?? latest);
    const thing = idOf(own(row, events.thing) ?? null);
    if (thing !== null) things.set(thing, Math.max(things.get(thing) ?? 0, at ?? Number.POSITIVE_INFINITY));
  }
  return { gathered, things, latest };
}

function timeOf(seconds: Json | undefined): number | null {
  return typeof seconds === 'number' && Number.isFinite(seconds) ? Math.round(seconds * 1_000) : null;
}

/** Those that the next listing may give again. */
function remembered(seen: ReadonlyMap<string, number>, from: number): [string, number][] {
  return [...seen]
    .filter(([, at]) => at >= from)
    .sort((a, b) => a[1] - b[1])
    .slice(-MAX_SEEN);
}
