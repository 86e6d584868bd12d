import type { Json } from '../contracts/document.ts';
import { SourceError } from '../contracts/errors.ts';
import type { HttpClient } from '../support/http.ts';
import type { Query } from '../support/http-settings.ts';
import type { Pace } from '../support/http-waits.ts';
import { own } from './feed-records.ts';
import type { Listing, PagingKind } from './feed-spec.ts';
import { openOffsetPager } from './offset-pager.ts';
import { flagOf, type ListedPage, type OpenPager, type Pager, placed } from './pager.ts';

/** Who asks, and within which bounds. */
export interface Asking {
  readonly source: string;
  readonly client: HttpClient;
  readonly signal: AbortSignal;
  readonly maxPages: number;
  /** A limit of the stream's own. */
  readonly pace: Pace | null;
}

/** Empty pages of which each promises more: a source may send some, but not for ever. */
const MAX_EMPTY_PAGES = 100;

/** Source: Samsara's page on pagination. All members of the query are repeated with each position. */
const openCursorPager: OpenPager = ({ path, query, rows }, start) => ({
  request: (position) => ({ target: path, query: position === null ? query : { ...query, after: position } }),
  read: readingPositions(start, (answer, position) => {
    const list = own(answer, rows);
    const pagination = own(answer, 'pagination');
    if (!Array.isArray(list)) return null;
    const end = own(pagination, 'endCursor');
    const hasEnd = typeof end === 'string' && end !== '';
    const hasMore = flagOf(own(pagination, 'hasNextPage'));
    if (hasMore === null || (hasMore && !hasEnd)) return null;
    return { list, position: hasEnd ? end : position, hasMore };
  }),
});

/** Source: Front's page on pagination. The address of the next page holds the whole query. */
const openLinkPager: OpenPager = ({ path, query, rows }, start) => ({
  request: (position) => (position === null ? { target: path, query } : { target: position }),
  read: readingPositions(start, (answer) => {
    const list = own(answer, rows);
    if (!Array.isArray(list)) return null;
    const next = own(own(answer, '_pagination'), 'next');
    if (next === undefined || next === null) return { list, position: null, hasMore: false };
    return typeof next === 'string' ? { list, position: next, hasMore: true } : null;
  }),
});

/** What an answer holds that names the position of the next page itself. */
interface Positioned {
  readonly list: readonly Json[];
  readonly position: string | null;
  readonly hasMore: boolean;
}

/** Reads pages of which none may lead to a position that was visited, and not too many in a row be empty. */
function readingPositions(
  start: string | null,
  read: (answer: Json, position: string | null) => Positioned | null,
): Pager['read'] {
  const visited = new Set<string | null>([start]);
  let emptyPages = 0;
  const endless = ({ list, position }: Positioned): string | null => {
    emptyPages = list.length === 0 ? emptyPages + 1 : 0;
    if (visited.has(position)) return 'go in a circle';
    visited.add(position);
    return emptyPages === MAX_EMPTY_PAGES ? `stay empty (${MAX_EMPTY_PAGES} of them)` : null;
  };
  return (answer, asked, name) => {
    const page = read(answer, asked);
    if (page === null) return null;
    const { list, position, hasMore } = page;
    return { rows: placed(list, name), position, hasMore, isTorn: false, endless: endless(page) };
  };
}

const PAGERS: { readonly [kind in PagingKind]: OpenPager } = {
  cursor: openCursorPager,
  link: openLinkPager,
  offset: openOffsetPager,
};

/**
 * The pages of a listing from a position on, at least one. A page may be empty and not be the last.
 *
 * @throws SourceError of the client; SOURCE_ANSWER for an answer of another shape; ENDLESS_PAGES for pages that go in a circle, that
 * stay empty, or that are more than a walk may have.
 */
export async function* listPages(asking: Asking, listing: Listing, start: string | null): AsyncGenerator<ListedPage> {
  const { source, client, signal, maxPages, pace } = asking;
  const pager = PAGERS[listing.paging](listing, start);
  let position = start;
  for (let count = 1; ; count += 1) {
    const request = pager.request(position);
    const { value } = await client.get(pace === null ? request : { ...request, pace }, signal);
    const page = pager.read(value, position, `page ${count} ${listing.rows}`);
    if (page === null) throw answerProblem(source, listing);
    if (!page.isTorn) yield page;
    if (!page.hasMore) return;
    if (page.endless !== null) throw endless(source, listing, page.endless);
    if (count === maxPages) throw endless(source, listing, `do not end (${maxPages} were read)`);
    position = page.position;
  }
}

/** The listing with more in its query. */
export function withQuery(listing: Listing, query: Query): Listing {
  return { ...listing, query: { ...listing.query, ...query } };
}

function answerProblem(source: string, { path, rows }: Listing): SourceError {
  return new SourceError(`${source}: the answer of ${withoutQuery(path)} has no ${rows} that could be read`, {
    code: 'SOURCE_ANSWER',
    details: { source },
  });
}

function endless(source: string, { path }: Listing, what: string): SourceError {
  return new SourceError(`${source}: the pages of ${withoutQuery(path)} ${what}`, {
    code: 'ENDLESS_PAGES',
    retryable: true,
    details: { source },
  });
}

function withoutQuery(path: string): string {
  return path.split('?', 1)[0] ?? path;
}
