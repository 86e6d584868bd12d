import type { Json } from '../contracts/document.ts';
import { SourceError } from '../contracts/errors.ts';
import type { HttpClient } from '../support/http.ts';
import type { HttpRequest, Query } from '../support/http-settings.ts';
import type { Pace } from '../support/http-waits.ts';
import { asObject, own } from './feed-records.ts';
import type { Listing, PagingKind } from './feed-spec.ts';

/** Who asks, and within which bounds. */
export interface Asking {
  readonly source: string;
  readonly client: HttpClient;
  readonly signal: AbortSignal;
  readonly maxPages: number;
  /** A limit of the stream's own. */
  readonly pace: Pace | null;
}

/** A page of a listing. */
export interface ListedPage {
  readonly rows: readonly Json[];
  /** Where the listing goes on, also later where a source allows that; null: it tells no position. */
  readonly position: string | null;
  readonly hasMore: boolean;
  /** What its rows are called in places, for people: `page 3 data`. */
  readonly place: string;
}

/** What is asked for a page, and what its answer holds. */
interface Pager {
  request(listing: Listing, position: string | null): Omit<HttpRequest, 'body'>;
  /** @returns null when the answer is not of this kind. */
  read(answer: Json, listing: Listing, position: string | null): Omit<ListedPage, 'place'> | null;
}

/** Empty pages of which each promises more: a source may send some, but not for ever. */
const MAX_EMPTY_PAGES = 100;

/** Source: Samsara's page on pagination. All members of the query are repeated with each position. */
const cursorPager: Pager = {
  request: ({ path, query }, position) => ({
    target: path,
    query: position === null ? query : { ...query, after: position },
  }),
  read: (answer, { rows }, position) => {
    const list = own(answer, rows);
    const pagination = own(answer, 'pagination');
    if (!Array.isArray(list)) return null;
    const end = own(pagination, 'endCursor');
    const hasEnd = typeof end === 'string' && end !== '';
    const hasMore = flagOf(own(pagination, 'hasNextPage'));
    if (hasMore === null || (hasMore && !hasEnd)) return null;
    return { rows: list, position: hasEnd ? end : position, hasMore };
  },
};

/** Source: Front's page on pagination. The address of the next page holds the whole query. */
const linkPager: Pager = {
  request: ({ path, query }, position) => (position === null ? { target: path, query } : { target: position }),
  read: (answer, { rows }) => {
    const list = own(answer, rows);
    if (!Array.isArray(list)) return null;
    const next = own(own(answer, '_pagination'), 'next');
    if (next === undefined || next === null) return { rows: list, position: null, hasMore: false };
    return typeof next === 'string' ? { rows: list, position: next, hasMore: true } : null;
  },
};

/**
 * Rows by their count. The last page says that there is no more and has rows all the same; a page without rows is the last whatever
 * it says. Source: what integrations of Turvo's public API have met.
 */
const offsetPager: Pager = {
  request: ({ path, query }, position) => ({ target: path, query: { ...query, start: position ?? '0' } }),
  read: (answer, { rows }, position) => {
    const details = asObject(own(answer, 'details'));
    if (details === null) return null;
    const name = Object.keys(details).find((key) => key.toLowerCase() === rows.toLowerCase());
    const list = name === undefined ? [] : details[name];
    const pagination = own(details, 'pagination');
    if (!Array.isArray(list) || (name === undefined && pagination === undefined)) return null;
    const isPromised = flagOf(own(pagination, 'moreAvailable'));
    if (isPromised === null) return null;
    const hasMore = list.length > 0 && isPromised;
    return { rows: list, position: String(Number(position ?? 0) + list.length), hasMore };
  },
};

/** A yes or a no, which may be a text, and is a no where there is none; null: neither. Guessing would lose all pages that follow. */
function flagOf(value: Json | undefined): boolean | null {
  if (value === true || value === 'true') return true;
  return value === undefined || value === null || value === false || value === 'false' ? false : null;
}

const PAGERS: { readonly [kind in PagingKind]: Pager } = {
  cursor: cursorPager,
  link: linkPager,
  offset: offsetPager,
};

/**
 * The pages of a listing from a position on, at least one. A page may be empty and not be the last.
 *
 * @throws SourceError of the client; SOURCE_ANSWER for an answer of another shape; ENDLESS_PAGES for pages that go in a circle, that
 * stay empty, or that are more than a walk may have.
 */
export async function* listPages(asking: Asking, listing: Listing, start: string | null): AsyncGenerator<ListedPage> {
  const { source, client, signal, maxPages, pace } = asking;
  const pager = PAGERS[listing.paging];
  const visited = new Set<string | null>([start]);
  let position = start;
  let emptyPages = 0;
  let lastRows = '';
  for (let count = 1; ; count += 1) {
    const request = pager.request(listing, position);
    const { value } = await client.get(pace === null ? request : { ...request, pace }, signal);
    const page = pager.read(value, listing, position);
    if (page === null) throw answerProblem(source, listing);
    yield { ...page, place: `page ${count} ${listing.rows}` };
    if (!page.hasMore) return;
    emptyPages = page.rows.length === 0 ? emptyPages + 1 : 0;
    const rows = listing.paging === 'offset' ? idsOf(page.rows) : '';
    if (visited.has(page.position) || (rows !== '' && rows === lastRows))
      throw endless(source, listing, 'go in a circle');
    if (emptyPages === MAX_EMPTY_PAGES) throw endless(source, listing, `stay empty (${MAX_EMPTY_PAGES} of them)`);
    if (count === maxPages) throw endless(source, listing, `do not end (${maxPages} were read)`);
    visited.add(page.position);
    lastRows = rows;
    position = page.position;
  }
}

/** The listing with more in its query. */
export function withQuery(listing: Listing, query: Query): Listing {
  return { ...listing, query: { ...listing.query, ...query } };
}

/** Ids of rows: a server that does not heed an offset gives the same ones again and again, at offsets that move on. */
function idsOf(rows: readonly Json[]): string {
  const ids = rows.map((row) => own(row, 'id'));
  return ids.some((id) => id === undefined) ? '' : JSON.stringify(ids);
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
