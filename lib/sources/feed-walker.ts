import { UsageError } from '../contracts/errors.ts';
import type { Feed, FeedListeners, FeedPage, WalkOptions } from '../contracts/feed-source.ts';
import { ANSWER_LIMITS } from '../support/http-settings.ts';
import { createPace, type Pace, REAL_TIMING } from '../support/http-waits.ts';
import { connect, openClient } from './feed-client.ts';
import { decodeCursor, encodeCursor, NO_STATE, type OpenWalk, type StreamState } from './feed-cursor.ts';
import type { FeedSource, FeedTools, StreamSpec } from './feed-spec.ts';
import { type Fetching, fetchThing } from './feed-things.ts';
import { walkEvents } from './walk-events.ts';
import { walkFeed, walkFeedAgain } from './walk-feed.ts';
import { inParts, type WalkPart } from './walk-parts.ts';
import { walkRange } from './walk-range.ts';

/**
 * Opens a source; nothing is asked yet.
 *
 * @param settings values by the names of the source's options; what is missing or empty is the option's fallback.
 * @throws ConfigError naming the setting that is missing or malformed.
 */
export function openFeed(
  source: FeedSource,
  settings: ReadonlyMap<string, string>,
  tools: FeedTools & FeedListeners,
): Feed {
  const connection = connect(source, settings, tools);
  const client = openClient(source, connection, tools);
  const paces = new Map<string, Pace>();
  const fetchingOf = (stream: StreamSpec, signal: AbortSignal): Fetching => ({
    source: source.name,
    client,
    signal,
    stream,
    maxPages: tools.maxPages,
    pace: paceOf(stream, paces),
    baseUrl: connection.baseUrl,
    onWarning: tools.onWarning,
  });
  return {
    walk: (options) => walkStream({ source, options, tools, fetchingOf }),
    check: async (signal) => {
      await client.get({ target: source.probe.path, query: source.probe.query }, signal);
    },
    close: () => client.close(),
  };
}

/** Opens a source with this machine's clock, and the limits that answers have. Errors as `openFeed`. */
export function openRealFeed(
  source: FeedSource,
  settings: ReadonlyMap<string, string>,
  tools: Omit<FeedTools, 'timing' | 'limits'> & FeedListeners,
): Feed {
  return openFeed(source, settings, { ...tools, timing: REAL_TIMING, limits: ANSWER_LIMITS });
}

function paceOf({ name, rate }: StreamSpec, paces: Map<string, Pace>): Pace | null {
  if (rate === null) return null;
  const pace = paces.get(name) ?? createPace(rate);
  paces.set(name, pace);
  return pace;
}

interface Walking {
  readonly source: FeedSource;
  readonly options: WalkOptions;
  readonly tools: FeedTools & FeedListeners;
  readonly fetchingOf: (stream: StreamSpec, signal: AbortSignal) => Fetching;
}

async function* walkStream(walking: Walking): AsyncGenerator<FeedPage> {
  const { source, options, fetchingOf } = walking;
  const stream = streamOf(source, options.stream);
  const walked = stream.within === null || options.id !== null ? stream : streamOf(source, stream.within);
  const state = stateOf(walking);
  const fetching = fetchingOf(walked, options.signal);
  const parts = options.id === null ? walkParts(walking, fetching, state) : oneThing(fetching, state, options.id);
  let before = options.cursor;
  for await (const { records, rejected, after, isLast, isWhole } of parts) {
    const kept = walked === stream ? records : records.filter((record) => record.stream === stream.name);
    const cursor = { before, after: options.id === null ? encodeCursor(after) : before };
    const allOf = isWhole && walked === stream ? stream.allOf : null;
    yield { stream: stream.name, records: kept, rejected, cursor, isLast, allOf };
    before = cursor.after;
  }
}

function oneThing(fetching: Fetching, state: StreamState, id: string): AsyncGenerator<WalkPart> {
  return inParts(fetchThing(fetching, id), { before: state, after: state, isLast: true, isWhole: false });
}

function streamOf({ name, streams }: FeedSource, wanted: string): StreamSpec {
  const found = streams.find((stream) => stream.name === wanted);
  if (found !== undefined) return found;
  const names = streams.map((stream) => stream.name).join(', ');
  throw new UsageError(`${name} has no stream "${wanted.slice(0, 80)}"; it has ${names}.`, { code: 'APEX_USAGE' });
}

/** What the cursor holds. One that cannot be read is as none, and said. */
function stateOf({ source, options, tools }: Walking): StreamState {
  if (options.cursor === null) return NO_STATE;
  const state = decodeCursor(options.cursor);
  if (state !== null) return state;
  const message = `${source.name}: the saved cursor of ${options.stream} cannot be read; the stream is fetched as if for the first time`;
  tools.onWarning({ stream: options.stream, code: 'CURSOR_REFUSED', message });
  return NO_STATE;
}

/** How the stream is walked, from where it stands and what is asked for. */
function walkParts(
  { source, options, tools, fetchingOf }: Walking,
  fetching: Fetching,
  saved: StreamState,
): AsyncGenerator<WalkPart> {
  const { progress } = fetching.stream;
  const now = tools.timing.now();
  const isBound = options.since !== null || options.until !== null || options.isAll;
  const isOpen = saved.walk !== null && (options.isResume || !isBound);
  const state = options.isAll && !options.isResume ? { ...NO_STATE, high: saved.high } : saved;
  if (progress.kind === 'cursor') {
    const history = fetchingOf(streamOf(source, progress.history), options.signal);
    const gap = isOpen ? saved.walk : gapOf(options, now);
    if (options.until !== null && gap !== null) return walkRange(history, { ...state, walk: null }, gap);
    const feed = { ...fetching, history };
    if (options.isAll && saved.position !== null) return walkFeedAgain(feed, saved, gap ?? saved.walk, now);
    return walkFeed(feed, state, gap, now);
  }
  const walk = isOpen && saved.walk !== null ? saved.walk : newWalk(fetching.stream, state, options, now);
  const isWhole = options.isAll && walk.from === null && walk.isMoving;
  const range = (from: StreamState) => walkRange(fetching, { ...from, walk: null }, walk, isWhole);
  const isOfAll = options.since === null && options.until === null;
  if (progress.kind !== 'events' || isOpen || saved.high === null || !isOfAll) return range(state);
  const following = { events: progress.events, overlapMs: progress.overlapMs, now: () => tools.timing.now() };
  const known = { ...saved, high: saved.high };
  if (!options.isAll) return walkEvents(fetching, known, { ...following, fetchesThings: true });
  return eventsAndAll(walkEvents(fetching, known, { ...following, fetchesThings: false }), range);
}

/** When things have changed since the last walk is told by their events alone; what they are now, by the listing of all. */
async function* eventsAndAll(
  events: AsyncIterable<WalkPart>,
  range: (from: StreamState) => AsyncIterable<WalkPart>,
): AsyncGenerator<WalkPart> {
  let state = NO_STATE;
  for await (const part of events) {
    state = part.after;
    yield { ...part, isLast: false };
  }
  yield* range(state);
}

/** The time to be fetched of a feed besides what comes in; a feed that looks back to no beginning looks back a day. */
function gapOf({ since, until }: WalkOptions, now: number): OpenWalk | null {
  if (since === null && until === null) return null;
  const to = until ?? now;
  return { from: since ?? to - DAY_MS, to, isMoving: false, variant: 0, position: null };
}

const DAY_MS = 24 * 60 * 60_000;

/** A walk with the bounds that were asked for, or those that the stream's progress gives. */
function newWalk({ progress }: StreamSpec, { high }: StreamState, options: WalkOptions, now: number): OpenWalk {
  const { since, until, isAll } = options;
  const to = until ?? now;
  const isFresh = isAll || high === null;
  // Changes between what is known and a later beginning would be lost for good.
  const isMoving = until === null && (since === null || isFresh || since <= high);
  const rest = { to, isMoving, variant: 0, position: null };
  if (since !== null) return { from: since, ...rest };
  const overlapMs = 'overlapMs' in progress ? progress.overlapMs : 0;
  if (progress.kind === 'window') return { from: (isFresh ? to : Math.min(high, to)) - overlapMs, ...rest };
  return { from: progress.kind === 'updated-after' && !isFresh ? high - overlapMs : null, ...rest };
}
