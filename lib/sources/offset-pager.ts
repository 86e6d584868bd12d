import type { Json } from '../contracts/document.ts';
import { asObject, idOf, own } from './feed-records.ts';
import type { Listing } from './feed-spec.ts';
import { flagOf, type OpenPager, type Pager, placed, type ReadPage } from './pager.ts';

/** Ids that are remembered to know rows again, the latest. */
const MAX_MET_IDS = 10_000;
/** Pages of nothing but rows that were met before: others may have come before them, but not for ever. */
const MAX_MET_PAGES = 10;

/**
 * Rows by their count (`start`). The last page says that there is no more and has rows all the same; a page without rows is the last
 * whatever it says. Source: what integrations of Turvo's public API have met.
 *
 * A row that leaves the list while it is walked moves all later ones up, by which one at the seam of two pages would be passed over. So
 * a page begins with the last row of the page before it. One that holds no row met before shows that rows have left: it is torn, and
 * those before it are read again, farther back each time. Rows without an id are not known again, and seams at them not looked at.
 */
export const openOffsetPager: OpenPager = (listing, start) => new OffsetPager(listing, offsetOf(start));

/** Where a page begins, and the id of the row that it begins with unless rows have left; null: it is not known. */
interface Offset {
  readonly start: number;
  readonly seam: string | null;
}

/** A page as it was answered. */
interface Answered {
  readonly rows: readonly Json[];
  readonly isPromised: boolean;
}

class OffsetPager implements Pager {
  readonly #listing: Listing;
  readonly #met = new Set<string>();
  /** Rows of the longest page. */
  #pageRows = 1;
  /** How many pages are gone back, when the next one is torn. */
  #stepPages = 1;
  /** The last page began here at most: before it rows are read again, and known. */
  #farthest = 0;
  #metPages = 0;

  constructor(listing: Listing, { seam }: Offset) {
    this.#listing = listing;
    if (seam !== null) this.#met.add(seam);
  }

  request(position: string | null) {
    const { path, query } = this.#listing;
    return { target: path, query: { ...query, start: String(offsetOf(position).start) } };
  }

  read(answer: Json, position: string | null, name: string): ReadPage | null {
    const answered = answeredPage(answer, this.#listing.rows);
    if (answered === null) return null;
    const { rows, isPromised } = answered;
    const offset = offsetOf(position);
    this.#pageRows = Math.max(this.#pageRows, rows.length);
    if (this.#isTorn(rows, offset)) return this.#back(offset);
    this.#stepPages = 1;
    const unmet = placed(rows, name).filter(({ value }) => !this.#has(value));
    for (const row of rows) this.#meet(row);
    const isKnown = offset.start < this.#farthest;
    this.#farthest = Math.max(this.#farthest, offset.start);
    if (unmet.length > 0) this.#metPages = 0;
    else if (!isKnown) this.#metPages += 1;
    return {
      rows: unmet,
      position: textOf(endOf(rows, offset)),
      hasMore: rows.length > 0 && isPromised,
      isTorn: false,
      endless: this.#metPages === MAX_MET_PAGES ? 'go in a circle' : null,
    };
  }

  #isTorn(rows: readonly Json[], { start, seam }: Offset): boolean {
    return start > 0 && seam !== null && !rows.some((row) => this.#has(row));
  }

  #back({ start, seam }: Offset): ReadPage {
    const position = textOf({ start: Math.max(0, start - this.#pageRows * this.#stepPages), seam });
    this.#farthest = Math.max(this.#farthest, start);
    this.#stepPages *= 2;
    return { rows: [], position, hasMore: true, isTorn: true, endless: null };
  }

  #has(row: Json): boolean {
    const id = idOf(row);
    return id !== null && this.#met.has(id);
  }

  #meet(row: Json): void {
    const id = idOf(row);
    if (id === null) return;
    this.#met.add(id);
    for (const oldest of this.#met) {
      if (this.#met.size <= MAX_MET_IDS) break;
      this.#met.delete(oldest);
    }
  }
}

function answeredPage(answer: Json, rows: string): Answered | null {
  const details = asObject(own(answer, 'details'));
  if (details === null) return null;
  const name = Object.keys(details).find((key) => key.toLowerCase() === rows.toLowerCase());
  const list = name === undefined ? [] : details[name];
  const pagination = own(details, 'pagination');
  if (!Array.isArray(list) || (name === undefined && pagination === undefined)) return null;
  const isPromised = flagOf(own(pagination, 'moreAvailable'));
  return isPromised === null ? null : { rows: list, isPromised };
}

/** Of the page after these rows. A page of a single row would begin where it began. */
function endOf(rows: readonly Json[], { start }: Offset): Offset {
  const seam = rows.length > 1 ? idOf(rows.at(-1)!) : null;
  return { start: start + rows.length - (seam === null ? 0 : 1), seam };
}

/** Cursors of before have no seam, and begin after the last row. */
function offsetOf(position: string | null): Offset {
  const [, start = '0', seam = null] = /^(\d+)(?: (.+))?$/s.exec(position ?? '') ?? [];
  return { start: Number(start), seam };
}

function textOf({ start, seam }: Offset): string {
  return seam === null ? String(start) : `${start} ${seam}`;
}
