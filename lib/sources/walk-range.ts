import type { Json } from '../contracts/document.ts';
import { isApexError } from '../contracts/errors.ts';
import type { OpenWalk, StreamState } from './feed-cursor.ts';
import { listPages, withQuery } from './feed-paging.ts';
import { type Gathered, own } from './feed-records.ts';
import type { Bounds, Listing, StreamSpec, TimeFormat } from './feed-spec.ts';
import { expandRow, type Fetching } from './feed-things.ts';
import type { ListedPage, ListedRow } from './pager.ts';
import { inParts, type WalkPart } from './walk-parts.ts';

/**
 * Lists a stream from where its walk stands, all its variants, with all that belongs to the rows.
 *
 * @param isEndless asks for no end in time: a row that changes meanwhile would leave a list that has one, as if it were gone.
 */
export async function* walkRange(
  fetching: Fetching,
  state: StreamState,
  open: OpenWalk,
  isEndless = false,
): AsyncGenerator<WalkPart> {
  const { stream } = fetching;
  // The cursor may be of a version that had more variants.
  const walk = open.variant < stream.variants.length ? open : { ...open, variant: 0, position: null };
  const isFromBeginning = walk.from === null && walk.variant === 0 && walk.position === null;
  const isWhole = stream.allOf !== null && isFromBeginning && walk.isMoving;
  let before: StreamState = { ...state, walk };
  for (let variant = walk.variant; variant < stream.variants.length; variant += 1) {
    const isLastVariant = variant === stream.variants.length - 1;
    const listing = listingOf(stream, { ...walk, to: isEndless ? null : walk.to }, variant);
    const position = variant === walk.variant ? walk.position : null;
    for await (const page of listAnew(fetching, listing, position)) {
      const rows = rowsWithin(stream, page.rows, walk);
      const hasMore = page.hasMore && !isBefore(stream, page.rows, walk);
      const isEnd = !hasMore && isLastVariant;
      const next = hasMore ? { variant, position: page.position } : { variant: variant + 1, position: null };
      const after = isEnd ? endState(state, walk) : { ...state, walk: { ...walk, ...next } };
      yield* inParts(expandRows(fetching, rows), {
        before,
        after,
        isLast: isEnd,
        isWhole: isEnd && isWhole,
      });
      before = after;
      if (!hasMore) break;
    }
  }
}

/** A stream that has been walked to its end; one that looked back only is where it was. */
function endState(state: StreamState, { isMoving, to }: OpenWalk): StreamState {
  return { ...state, high: isMoving ? to : state.high, walk: null };
}

async function* expandRows(fetching: Fetching, rows: readonly ListedRow[]): AsyncGenerator<Gathered> {
  for (const row of rows) yield* expandRow(fetching, row);
}

/** The listing of one variant within the bounds of a walk. */
function listingOf(stream: StreamSpec, walk: Limits, variant: number): Listing {
  const bounds = boundsOf(stream);
  return withQuery(stream, { ...stream.variants[variant], ...(bounds === null ? {} : queryOf(bounds, walk)) });
}

function boundsOf({ progress }: StreamSpec): Bounds | null {
  return progress.kind === 'updated-after' || progress.kind === 'window' ? progress.bounds : null;
}

/** Unix times in milliseconds; null: there is none. */
interface Limits {
  readonly from: number | null;
  readonly to: number | null;
}

/** Members of a query that bound it in time. */
export function queryOf({ from, to, format }: Bounds, walk: Limits): Record<string, string> {
  return {
    ...(walk.from === null ? {} : { [from]: timeText(walk.from, format) }),
    ...(to === null || walk.to === null ? {} : { [to]: timeText(walk.to, format) }),
  };
}

function timeText(ms: number, format: TimeFormat): string {
  return format === 'iso' ? new Date(ms).toISOString() : String(ms / 1_000);
}

/** The pages from a saved position; where that is not taken any more, from the first. */
async function* listAnew(fetching: Fetching, listing: Listing, position: string | null): AsyncGenerator<ListedPage> {
  const { source, stream, onWarning } = fetching;
  let isSaved = position !== null;
  try {
    for await (const page of listPages(fetching, listing, position)) {
      isSaved = false;
      yield page;
    }
    return;
  } catch (error) {
    if (!isSaved || !(isRefusedPosition(error) || isOfOtherHost(error))) throw error;
  }
  const message = `${source}: the place where ${stream.name} stopped is not known any more; it is listed from its beginning`;
  onWarning({ stream: stream.name, code: 'CURSOR_REFUSED', message });
  yield* listPages(fetching, listing, null);
}

/** An expired or foreign position shows as a request that is not accepted. Source: Samsara's page on response codes. */
export function isRefusedPosition(error: unknown): boolean {
  return isApexError(error) && error.code === 'SOURCE_REQUEST' && error.details['status'] === 400;
}

/** A position may be an address, and the source's has changed since. Nothing was sent there. */
function isOfOtherHost(error: unknown): boolean {
  return isApexError(error) && error.code === 'FOREIGN_LINK';
}

/** Rows that changed within the walk's time, of a stream that can only be listed with the newest first. */
function rowsWithin(
  { newestFirst }: StreamSpec,
  rows: readonly ListedRow[],
  { from, to, isMoving }: OpenWalk,
): readonly ListedRow[] {
  if (newestFirst === null || (from === null && isMoving)) return rows;
  return rows.filter(({ value }) => {
    const at = changedAt(value, newestFirst);
    return at === null || (at >= (from ?? Number.NEGATIVE_INFINITY) && (isMoving || at <= to));
  });
}

/** Is every row older than the walk? The order is that of the company's settings, so that a single one tells nothing. */
function isBefore({ newestFirst }: StreamSpec, rows: readonly ListedRow[], { from }: OpenWalk): boolean {
  if (newestFirst === null || from === null || rows.length === 0) return false;
  return rows.every(({ value }) => {
    const at = changedAt(value, newestFirst);
    return at !== null && at < from;
  });
}

function changedAt(row: Json, field: string): number | null {
  const seconds = own(row, field);
  return typeof seconds === 'number' && Number.isFinite(seconds) ? Math.round(seconds * 1_000) : null;
}
