import type { OpenWalk, StreamState } from './feed-cursor.ts';
import { listPages } from './feed-paging.ts';
import { gather } from './feed-records.ts';
import type { Fetching } from './feed-things.ts';
import type { ListedPage } from './pager.ts';
import { nothing, type WalkPart } from './walk-parts.ts';
import { isRefusedPosition, walkRange } from './walk-range.ts';

/** A feed with the stream that gives what happened in a time. */
export interface FeedFetching extends Fetching {
  readonly history: Fetching;
}

/**
 * What came since a position, or without one the last known values; then what happened in `gap`, by the history. In this order, since
 * the new position has to stand before the history ends: what happens meanwhile is in the feed.
 *
 * A position that is refused is replaced by a new one, and the time since the last walk becomes the gap.
 */
export async function* walkFeed(
  fetching: FeedFetching,
  state: StreamState,
  gap: OpenWalk | null,
  now: number,
): AsyncGenerator<WalkPart> {
  let current: StreamState = { ...state, walk: gap };
  for await (const step of feedPages(fetching, current, now)) {
    current = step.after;
    const isLast = !step.page.hasMore && current.walk === null;
    yield { ...partOf(fetching, step.page), after: current, isLast, isWhole: false };
  }
  if (current.walk !== null) yield* walkRange(fetching.history, { ...current, walk: null }, current.walk);
}

/**
 * As `walkFeed`, and then the last known values again. Without its position a feed gives nothing else, and what came since the position
 * would be lost.
 */
export async function* walkFeedAgain(
  fetching: FeedFetching,
  state: StreamState,
  gap: OpenWalk | null,
  now: number,
): AsyncGenerator<WalkPart> {
  let after = state;
  for await (const part of walkFeed(fetching, state, gap, now)) {
    after = part.after;
    yield { ...part, isLast: false };
  }
  for await (const page of listPages(fetching, fetching.stream, null))
    yield { ...partOf(fetching, page), after, isLast: !page.hasMore, isWhole: false };
}

function partOf({ stream }: Fetching, { rows }: ListedPage) {
  const gathered = nothing();
  for (const { value, place } of rows) gather(gathered, value, stream.name, place);
  return gathered;
}

interface FeedStep {
  readonly page: ListedPage;
  readonly after: StreamState;
}

async function* feedPages(fetching: FeedFetching, state: StreamState, now: number): AsyncGenerator<FeedStep> {
  let isSaved = state.position !== null;
  try {
    yield* stepsFrom(state);
    return;
  } catch (error) {
    if (!isSaved || !isRefusedPosition(error)) throw error;
  }
  const { source, stream, onWarning } = fetching;
  const start = { ...state, position: null, walk: gapSince(state, now) };
  const instead = start.walk === null ? 'the last known values' : 'the history since then, and the last known values';
  const message = `${source}: the position in ${stream.name} is not taken any more; ${instead} are fetched`;
  onWarning({ stream: stream.name, code: 'CURSOR_REFUSED', message });
  yield* stepsFrom(start);

  async function* stepsFrom(from: StreamState): AsyncGenerator<FeedStep> {
    for await (const page of listPages(fetching, fetching.stream, from.position)) {
      isSaved = false;
      // While pages are left, what is known ends where it ended before.
      const high = page.hasMore ? from.high : now;
      yield { page, after: { ...from, high, position: page.position } };
    }
  }
}

/** The time that the refused position would have covered, and a gap that is asked for or not filled yet. */
function gapSince({ high, walk }: StreamState, now: number): OpenWalk | null {
  const from = Math.min(walk?.from ?? Number.POSITIVE_INFINITY, high ?? Number.POSITIVE_INFINITY);
  return Number.isFinite(from) ? { from, to: now, isMoving: false, variant: 0, position: null } : null;
}
