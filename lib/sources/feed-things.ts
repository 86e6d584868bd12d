import type { Json } from '../contracts/document.ts';
import { isApexError, SourceError, UsageError } from '../contracts/errors.ts';
import type { JsonObject } from '../contracts/feed.ts';
import type { FeedWarning } from '../contracts/feed-source.ts';
import { type Asking, listPages } from './feed-paging.ts';
import { asObject, type Gathered, gather, idOf, own } from './feed-records.ts';
import type { Child, Listing, OneRequest, StreamSpec } from './feed-spec.ts';
import type { ListedRow } from './pager.ts';
import { nothing } from './walk-parts.ts';

/** Fetches things of a stream. */
export interface Fetching extends Asking {
  readonly stream: StreamSpec;
  /** Without a slash at its end. */
  readonly baseUrl: string;
  readonly onWarning: (warning: FeedWarning) => void;
}

/**
 * One thing by its id with all that belongs to it, in parts. A thing that has become part of another gives that other, and a record
 * of the stream's `merges` before it.
 *
 * @throws UsageError when the stream has no single records or the id cannot be one; SourceError of the client, also NOT_FOUND.
 */
export async function* fetchThing(fetching: Fetching, id: string): AsyncGenerator<Gathered> {
  yield* withMerge(fetching, id, await fetchOne(fetching, id));
}

/** As `fetchThing`; of a thing that is not there, or not for us, what is given instead, and a warning. */
export async function* fetchThingIfThere(
  fetching: Fetching,
  id: string,
  instead: ListedRow | null = null,
): AsyncGenerator<Gathered> {
  let found: Found;
  try {
    found = await fetchOne(fetching, id);
  } catch (error) {
    if (!isGone(error)) throw error;
    warnGone(fetching, id);
    if (instead !== null) yield* withChildren(fetching, instead.value, { gathered: nothing(), place: instead.place });
    return;
  }
  yield* withMerge(fetching, id, found);
}

/** A row of a listing with all that belongs to it, in parts. */
export async function* expandRow(fetching: Fetching, row: ListedRow): AsyncGenerator<Gathered> {
  const { value, place } = row;
  const id = idOf(value);
  if (fetching.stream.hasDetails && id !== null) yield* fetchThingIfThere(fetching, id, row);
  else yield* withChildren(fetching, value, { gathered: nothing(), place });
}

/** Is it the failure of one thing, while others may be there? */
function isGone(error: unknown): boolean {
  return isApexError(error) && (error.code === 'NOT_FOUND' || error.details['status'] === 403);
}

function warnGone({ source, stream, onWarning }: Fetching, id: string): void {
  onWarning({ stream: stream.name, code: 'GONE', message: `${source}: ${shortened(id)} cannot be fetched any more` });
}

async function* withMerge(fetching: Fetching, id: string, { value, place, isMoved }: Found): AsyncGenerator<Gathered> {
  const { merges } = fetching.stream;
  const gathered = nothing();
  const foundId = idOf(value);
  if (merges !== null && isMoved && foundId !== null && foundId !== id) {
    gather(gathered, { id, merged_into: foundId }, merges, place);
  }
  yield* withChildren(fetching, value, { gathered, place });
}

interface Found {
  readonly value: Json;
  readonly place: string;
  readonly isMoved: boolean;
}

async function fetchOne(fetching: Fetching, id: string): Promise<Found> {
  const { stream, client, signal, pace } = fetching;
  const { one } = stream;
  if (one === null)
    throw new UsageError(`${stream.name} has no single records to fetch by an id`, { code: 'APEX_USAGE' });
  const key = one.lookup === null || /^\d+$/.test(id) ? id : await lookUp(fetching, one.lookup, id);
  const target = withId(one.path, key, encodeURIComponent);
  const query = queryWithId(one, key);
  const { value, hops } = await client.get(pace === null ? { target, query } : { target, query, pace }, signal);
  const record = one.record === '' ? value : own(value, one.record);
  const first = Array.isArray(record) ? record[0] : record;
  if (asObject(first) === null) throw missing(fetching, id);
  return { value: first as Json, place: target, isMoved: hops.length > 0 };
}

function queryWithId({ query }: OneRequest, id: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(query).map(([name, value]) => [name, withId(String(value), id, String)]));
}

/** The id by what people call the record. */
async function lookUp(fetching: Fetching, lookup: Listing, name: string): Promise<string> {
  const query = Object.fromEntries(
    Object.entries(lookup.query).map(([key, value]) => [key, withId(String(value), name, String)]),
  );
  for await (const { rows } of listPages(fetching, { ...lookup, query }, null)) {
    const id = rows.map(({ value }) => idOf(value)).find((found) => found !== null);
    if (id !== undefined && id !== null) return id;
  }
  throw missing(fetching, name);
}

function missing({ source, stream }: Fetching, id: string): SourceError {
  return new SourceError(`${source}: ${stream.name} has no record ${shortened(id)}`, {
    code: 'NOT_FOUND',
    details: { source },
  });
}

/** Puts an id in its place. An id of dots would lead to another path, whatever is done to its letters. */
function withId(template: string, id: string, encode: (id: string) => string): string {
  if (/^\.*$/.test(id)) throw new UsageError(`"${shortened(id)}" is no id`, { code: 'APEX_USAGE' });
  return template.replaceAll('{id}', () => encode(id));
}

function shortened(id: string): string {
  return id.length > 80 ? `${id.slice(0, 80)}…` : id;
}

/** The thing's own record, then those of what belongs to it, a page at a time. */
async function* withChildren(
  fetching: Fetching,
  value: Json,
  { gathered, place }: { gathered: Gathered; place: string },
): AsyncGenerator<Gathered> {
  const { stream } = fetching;
  const isTaken = gather(gathered, value, stream.rowsAre ?? stream.name, place);
  yield gathered;
  const id = idOf(value);
  if (!isTaken || id === null) return;
  for (const child of stream.children) yield* childrenOf(fetching, id, child);
}

async function* childrenOf(fetching: Fetching, id: string, child: Child): AsyncGenerator<Gathered> {
  const path = withId(child.path, id, encodeURIComponent);
  const link = parentLink(fetching, id);
  try {
    for await (const page of listPages(fetching, { ...child, path }, null)) {
      const gathered = nothing();
      for (const { value: row, place } of page.rows) {
        gather(gathered, withParent(row, child, link), child.stream, `${path} ${place}`);
      }
      yield gathered;
    }
  } catch (error) {
    // Its thing has been removed meanwhile. That it may not be read is another matter: it is so of all.
    if (!isApexError(error) || error.code !== 'NOT_FOUND') throw error;
    warnGone(fetching, id);
  }
}

function parentLink({ baseUrl, stream }: Fetching, id: string): string {
  return `${baseUrl}${stream.path}/${encodeURIComponent(id)}`;
}

/** The row with the link to what it belongs to, where it has none: listed by itself it would not tell. */
function withParent(row: Json, { parent }: Child, link: string): Json {
  const object = asObject(row);
  if (object === null) return row;
  const links = asObject(own(object, '_links')) ?? {};
  const related = asObject(own(links, 'related')) ?? {};
  if (typeof own(related, parent) === 'string') return row;
  const changed: JsonObject = { ...object, _links: { ...links, related: { ...related, [parent]: link } } };
  return changed;
}
