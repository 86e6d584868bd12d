import { type Filter, matches, type Payload, type PointId, valuesAt } from './filter.ts';
import { dot, normalized, printed } from './numbers.ts';
import { malformed, notFound, wrongInput } from './refusal.ts';

interface Point {
  payload: Payload;
  vector: Float32Array;
  version: number;
}

/** Which points an operation is about. */
export interface Selection {
  readonly points?: readonly PointId[];
  readonly filter?: Filter | null;
}

export interface Shown {
  readonly with_payload?:
    | boolean
    | readonly string[]
    | { include?: readonly string[]; exclude?: readonly string[] }
    | null;
  readonly with_vector?: boolean | readonly string[] | null;
}

interface Scored {
  readonly id: PointId;
  readonly version: number;
  readonly score: number;
}

export interface VectorParams {
  readonly size: number;
  readonly distance: string;
}

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** The points of one collection, with one unnamed vector each, searched exactly. */
export class Collection {
  readonly params: { readonly vectors: VectorParams; readonly [name: string]: unknown };
  /** Payload indexes: types by path. */
  readonly indexes = new Map<string, string>();
  readonly #points = new Map<PointId, Point>();
  /** Ids in the order of a scroll, numbers before UUIDs; null after some came or went. */
  #inOrder: PointId[] | null = null;
  #operations = 0;

  constructor(params: Collection['params']) {
    this.params = params;
  }

  get size(): number {
    return this.#points.size;
  }

  nextOperation(): number {
    this.#operations += 1;
    return this.#operations;
  }

  upsert(
    points: readonly { id: PointId; vector: unknown; payload?: Payload | null }[],
    updateFilter?: Filter | null,
  ): void {
    const made = points.map(({ id, vector, payload }) => ({
      id: assertId(id),
      point: { payload: structuredClone(payload ?? {}), vector: this.#kept(vector), version: this.#operations },
    }));
    for (const { id, point } of made) {
      const before = this.#points.get(id);
      if (before !== undefined && updateFilter != null && !matches(updateFilter, id, before.payload)) continue;
      if (before === undefined) this.#inOrder = null;
      this.#points.set(id, point);
    }
  }

  setVectors(points: readonly { id: PointId; vector: unknown }[]): void {
    const made = points.map(({ id, vector }) => [this.#existing(id), this.#kept(vector)] as const);
    for (const [point, vector] of made) point.vector = vector;
  }

  setPayload(payload: Payload, key: string | undefined, selection: Selection): void {
    for (const id of this.selected(selection)) {
      const point = this.#existing(id);
      const at = key === undefined ? point.payload : objectAt(point.payload, key);
      Object.assign(at, structuredClone(payload));
    }
  }

  overwritePayload(payload: Payload, selection: Selection): void {
    for (const id of this.selected(selection)) this.#existing(id).payload = structuredClone(payload);
  }

  deletePayload(keys: readonly string[], selection: Selection): void {
    for (const id of this.selected(selection)) for (const key of keys) delete this.#existing(id).payload[key];
  }

  delete(selection: Selection): void {
    for (const id of this.selected(selection)) this.#points.delete(id);
    this.#inOrder = null;
  }

  count(filter: Filter | null | undefined): number {
    return this.selected({ filter: filter ?? {} }).length;
  }

  /** Ids in the order of a scroll. */
  selected({ points, filter }: Selection): PointId[] {
    if (points !== undefined) return [...points];
    return this.#ids().filter((id) => this.#isMeant(id, filter));
  }

  #ids(): readonly PointId[] {
    this.#inOrder ??= [...this.#points.keys()].sort(byId);
    return this.#inOrder;
  }

  #isMeant(id: PointId, filter: Filter | null | undefined): boolean {
    return matches(filter, id, this.#points.get(id)!.payload);
  }

  scroll({
    filter,
    limit = 10,
    offset,
    ...shown
  }: Shown & { filter?: Filter; limit?: number; offset?: PointId | null }) {
    const all = this.#ids();
    const ids: PointId[] = [];
    for (let at = offset == null ? 0 : firstFrom(all, offset); at < all.length && ids.length <= limit; at += 1)
      if (this.#isMeant(all[at]!, filter)) ids.push(all[at]!);
    const points = ids.slice(0, limit).map((id) => this.show(id, { with_payload: true, ...shown }));
    return { points, next_page_offset: ids[limit] ?? null };
  }

  /** Those of the given ids that are there. */
  retrieve(ids: readonly PointId[], shown: Shown) {
    const found = ids.filter((id) => this.#points.has(id));
    return found.map((id) => this.show(id, { with_payload: true, ...shown }));
  }

  has(id: PointId): boolean {
    return this.#points.has(id);
  }

  /** Nearest first. Ties come in no order that anybody may count on: here the highest id first. */
  query(
    query: unknown,
    {
      filter,
      limit = 10,
      score_threshold: threshold,
      ...shown
    }: Shown & { filter?: Filter; limit?: number; score_threshold?: number },
  ): Scored[] {
    const asked = typeof query === 'string' ? this.#existing(query).vector : this.#kept(query);
    const ids = this.selected({ filter: filter ?? {} }).filter((id) => id !== query);
    return ids
      .map((id) => ({ id, version: this.#existing(id).version, score: printed(dot(asked, this.#existing(id).vector)) }))
      .filter(({ score }) => threshold == null || score >= threshold)
      .sort((a, b) => b.score - a.score || byId(b.id, a.id))
      .slice(0, limit)
      .map((scored) => ({ ...scored, ...this.show(scored.id, shown) }));
  }

  facet(key: string, filter: Filter | null | undefined, limit = 10): { value: unknown; count: number }[] {
    const counts = new Map<unknown, number>();
    for (const id of this.selected({ filter: filter ?? {} }))
      for (const value of new Set(valuesAt(this.#existing(id).payload, key)))
        counts.set(value, (counts.get(value) ?? 0) + 1);
    const hits = [...counts].map(([value, count]) => ({ value, count }));
    return hits.sort((a, b) => b.count - a.count || (String(a.value) < String(b.value) ? -1 : 1)).slice(0, limit);
  }

  /** How many points have something under an indexed path. */
  indexedPoints(path: string): number {
    return [...this.#points.values()].filter(({ payload }) => valuesAt(payload, path).length > 0).length;
  }

  show(id: PointId, { with_payload: isPayload = false, with_vector: isVector = false }: Shown) {
    const { payload, vector } = this.#existing(id);
    return {
      id,
      ...(isPayload === false || isPayload === null ? {} : { payload: shownPayload(payload, isPayload) }),
      ...(isVector === true ? { vector: Array.from(vector, printed) } : {}),
    };
  }

  #existing(id: PointId): Point {
    const point = this.#points.get(id);
    if (point === undefined) throw notFound(`No point with id ${id} found`);
    return point;
  }

  /** @throws Refusal, as the server does for what is no vector of this collection. */
  #kept(vector: unknown): Float32Array {
    if (vector !== null && typeof vector === 'object' && !Array.isArray(vector))
      throw wrongInput(`Not existing vector name error: ${Object.keys(vector)[0]}`);
    if (!Array.isArray(vector) || !vector.every((value) => typeof value === 'number'))
      throw malformed('data did not match any variant of untagged enum VectorStruct');
    const { size, distance } = this.params.vectors;
    if (vector.length !== size) throw wrongInput(`Vector dimension error: expected dim: ${size}, got ${vector.length}`);
    const floats = Float32Array.from(vector);
    return distance === 'Cosine' ? normalized(floats) : floats;
  }
}

function assertId(id: unknown): PointId {
  if (typeof id === 'number' && Number.isInteger(id) && id >= 0) return id;
  if (typeof id === 'string' && UUID.test(id)) return id.toLowerCase();
  throw malformed(`value ${String(id)} is not a valid point ID, valid values are either an unsigned integer or a UUID`);
}

/** Where the ids begin that are not before the given one. */
function firstFrom(ids: readonly PointId[], offset: PointId): number {
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (byId(ids[middle]!, offset) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function byId(a: PointId, b: PointId): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The object under a path, made where there is none. */
function objectAt(payload: Payload, path: string): Payload {
  let at = payload;
  for (const key of path.split('.')) {
    if (at[key] === null || typeof at[key] !== 'object') at[key] = {};
    at = at[key] as Payload;
  }
  return at;
}

function shownPayload(payload: Payload, wanted: Exclude<Shown['with_payload'], false | null | undefined>): Payload {
  if (wanted === true) return structuredClone(payload);
  const { include, exclude } = Array.isArray(wanted)
    ? { include: wanted as readonly string[], exclude: undefined }
    : (wanted as { include?: readonly string[]; exclude?: readonly string[] });
  if (exclude !== undefined)
    return Object.fromEntries(Object.entries(payload).filter(([key]) => !exclude.includes(key)));
  const shown: Payload = {};
  for (const path of include ?? []) copyPath(payload, shown, path.split('.'));
  return shown;
}

function copyPath(from: Payload, to: Payload, [key = '', ...rest]: readonly string[]): void {
  if (!(key in from)) return;
  if (rest.length === 0) to[key] = structuredClone(from[key]);
  else if (from[key] !== null && typeof from[key] === 'object') {
    const inner = { ...((to[key] as Payload | undefined) ?? {}) };
    copyPath(from[key] as Payload, inner, rest);
    to[key] = inner;
  }
}
