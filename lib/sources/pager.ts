import type { Json } from '../contracts/document.ts';
import type { HttpRequest } from '../support/http-settings.ts';
import type { Listing } from './feed-spec.ts';

/** A row, and what it is called in places, for people: `page 3 data[7]`. */
export interface ListedRow {
  readonly value: Json;
  readonly place: string;
}

/** A page of a listing. */
export interface ListedPage {
  /** Those that the listing did not give before. */
  readonly rows: readonly ListedRow[];
  /** Where the listing goes on, also later where a source allows that; null: it tells no position. */
  readonly position: string | null;
  readonly hasMore: boolean;
}

/** A page, and what it tells of those before it. */
export interface ReadPage extends ListedPage {
  /** Rows between the last page and this one may be missing: it does not count, and its position is an earlier one. */
  readonly isTorn: boolean;
  /** What shows that the pages lead nowhere, as in `the pages of /vehicles stay empty`; null: nothing yet. */
  readonly endless: string | null;
}

/** What is asked for the pages of one listing, and what their answers hold. */
export interface Pager {
  request(position: string | null): Omit<HttpRequest, 'body'>;
  /** @param name of the page's rows, in places. @returns null when the answer is not of this kind. */
  read(answer: Json, position: string | null, name: string): ReadPage | null;
}

/** Begins to read a listing at a position; null: at its beginning. */
export type OpenPager = (listing: Listing, start: string | null) => Pager;

/** Rows with their places. */
export function placed(rows: readonly Json[], name: string): ListedRow[] {
  return rows.map((value, index) => ({ value, place: `${name}[${index}]` }));
}

/** A yes or a no, which may be a text, and is a no where there is none; null: neither. Guessing would lose all pages that follow. */
export function flagOf(value: Json | undefined): boolean | null {
  if (value === true || value === 'true') return true;
  return value === undefined || value === null || value === false || value === 'false' ? false : null;
}
