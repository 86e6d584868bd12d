import { Collection, type Selection, type Shown, type VectorParams } from './collection.ts';
import { assertFilter, type Filter, type Payload, type PointId } from './filter.ts';
import { invalid, malformed, notFound, Refusal, wrongInput } from './refusal.ts';

/** What a server holds. */
export interface State {
  readonly collections: Map<string, Collection>;
  /** Names of collections by their aliases. */
  readonly aliases: Map<string, string>;
}

export interface Asked {
  readonly state: State;
  readonly query: URLSearchParams;
  /** Parsed, or undefined when nothing was sent. */
  readonly body: Body;
  readonly length: number;
  /** The parts of the path that the route leaves open. */
  readonly names: readonly string[];
}

/** Anything that the routes look for in a request; nothing of it is there for sure. */
interface Body extends Shown, Selection {
  readonly vectors?: VectorParams;
  readonly field_name?: string;
  readonly field_schema?: string;
  readonly points?: never;
  readonly ids?: readonly PointId[];
  readonly limit?: number;
  readonly key?: string;
  readonly keys?: readonly string[];
  readonly payload?: Payload;
  readonly query?: unknown;
  readonly vector?: unknown;
  readonly using?: string;
  readonly searches?: readonly Body[];
  readonly operations?: readonly { readonly [name: string]: Body }[];
  readonly actions?: readonly { readonly [name: string]: { collection_name: string; alias_name: string } }[];
  readonly [name: string]: unknown;
}

export const VERSION = {
  title: 'qdrant - vector search engine',
  version: '1.18.3',
  commit: 'db8fa43fcb6aedec1e739487e17a99731b74590a',
};

interface Route {
  readonly method: string;
  /** Parts of the path; `*` is any one. */
  readonly path: string;
  /** Whether it changes points, and is answered with the state of the change. */
  readonly isUpdate?: boolean;
  readonly answer: (asked: Asked) => unknown;
}

const TYPES = new Set(['keyword', 'integer', 'float', 'bool', 'geo', 'datetime', 'text', 'uuid']);
const DISTANCES = new Set(['Cosine', 'Dot', 'Euclid', 'Manhattan']);

/** In the order in which they are tried. */
export const ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: 'collections',
    answer: ({ state }) => ({ collections: [...state.collections.keys()].map((name) => ({ name })) }),
  },
  { method: 'POST', path: 'collections/aliases', answer: changeAliases },
  {
    method: 'GET',
    path: 'collections/*/exists',
    answer: ({ state, names: [name = ''] }) => ({ exists: state.collections.has(nameOf(state, name)) }),
  },
  {
    method: 'GET',
    path: 'collections/*/aliases',
    answer: ({ state, names: [name = ''] }) => ({
      aliases: [...state.aliases]
        .filter(([, target]) => target === name)
        .map(([alias_name, collection_name]) => ({ alias_name, collection_name })),
    }),
  },
  { method: 'GET', path: 'collections/*', answer: (asked) => infoOf(collectionOf(asked)) },
  { method: 'PUT', path: 'collections/*', answer: createCollection },
  { method: 'DELETE', path: 'collections/*', answer: deleteCollection },
  { method: 'PUT', path: 'collections/*/index', isUpdate: true, answer: createIndex },
  {
    method: 'PUT',
    path: 'collections/*/points',
    isUpdate: true,
    answer: (asked) => upsert(collectionOf(asked), asked.body),
  },
  {
    method: 'POST',
    path: 'collections/*/points',
    answer: (asked) => collectionOf(asked).retrieve(asked.body.ids ?? [], asked.body),
  },
  {
    method: 'POST',
    path: 'collections/*/points/count',
    answer: (asked) => {
      const collection = collectionOf(asked);
      assertFilter(asked.body.filter, 'count_request');
      return { count: collection.count(asked.body.filter) };
    },
  },
  {
    method: 'POST',
    path: 'collections/*/points/scroll',
    answer: (asked) => {
      const collection = collectionOf(asked);
      if (asked.body.limit === 0) throw invalid('scroll_request.limit: value 0 invalid, must be 1 or larger');
      assertFilter(asked.body.filter, 'scroll_request');
      return collection.scroll(asked.body as object);
    },
  },
  { method: 'POST', path: 'collections/*/points/query', answer: (asked) => queried(collectionOf(asked), asked.body) },
  {
    method: 'POST',
    path: 'collections/*/points/query/batch',
    answer: (asked) => (asked.body.searches ?? []).map((search) => queried(collectionOf(asked), search)),
  },
  {
    method: 'POST',
    path: 'collections/*/points/search',
    answer: (asked) => collectionOf(asked).query(asked.body.vector, asked.body as object),
  },
  {
    method: 'POST',
    path: 'collections/*/points/payload',
    isUpdate: true,
    answer: (asked) => setPayload(collectionOf(asked), asked.body),
  },
  {
    method: 'PUT',
    path: 'collections/*/points/payload',
    isUpdate: true,
    answer: (asked) => collectionOf(asked).overwritePayload(asked.body.payload ?? {}, asked.body),
  },
  {
    method: 'POST',
    path: 'collections/*/points/payload/delete',
    isUpdate: true,
    answer: (asked) => collectionOf(asked).deletePayload(asked.body.keys ?? [], asked.body),
  },
  {
    method: 'PUT',
    path: 'collections/*/points/vectors',
    isUpdate: true,
    answer: (asked) => collectionOf(asked).setVectors(asked.body.points ?? []),
  },
  {
    method: 'POST',
    path: 'collections/*/points/delete',
    isUpdate: true,
    answer: (asked) => deletePoints(collectionOf(asked), asked.body),
  },
  { method: 'POST', path: 'collections/*/points/batch', answer: runBatch },
  { method: 'GET', path: 'collections/*/points/*', answer: retrieveOne },
  { method: 'POST', path: 'collections/*/facet', answer: facet },
];

/** The collection of that name or alias. @throws Refusal 404. */
export function collectionOf({ state, names: [name = ''] }: Pick<Asked, 'state' | 'names'>): Collection {
  const collection = state.collections.get(nameOf(state, name));
  if (collection === undefined) throw notFound(`Collection \`${name}\` doesn't exist!`);
  return collection;
}

function nameOf({ aliases }: State, name: string): string {
  return aliases.get(name) ?? name;
}

function createCollection({ state, body, length, names: [name = ''] }: Asked): boolean {
  if (name.includes('/'))
    throw new Refusal(
      422,
      'Validation error in path parameters: [collection_name: collection name cannot contain "/" char]',
    );
  const { vectors } = body;
  const isKnown =
    vectors !== undefined && Number.isInteger(vectors.size) && vectors.size > 0 && DISTANCES.has(vectors.distance);
  if (!isKnown)
    throw malformed(`data did not match any variant of untagged enum VectorsConfig at line 1 column ${length - 1}`);
  if (state.collections.has(name)) throw new Refusal(409, `Wrong input: Collection \`${name}\` already exists!`);
  const { size, distance } = vectors;
  const { on_disk_payload = true } = body;
  const params = {
    vectors: { size, distance },
    shard_number: 1,
    replication_factor: 1,
    write_consistency_factor: 1,
    on_disk_payload,
  };
  state.collections.set(name, new Collection(params));
  return true;
}

function deleteCollection({ state, names: [name = ''] }: Asked): boolean {
  for (const [alias, target] of state.aliases) if (target === name) state.aliases.delete(alias);
  return state.collections.delete(name);
}

function infoOf(collection: Collection) {
  const schema = [...collection.indexes].map(([path, type]) => [
    path,
    { data_type: type, points: collection.indexedPoints(path) },
  ]);
  return {
    ...{
      status: 'green',
      optimizer_status: 'ok',
      indexed_vectors_count: 0,
      points_count: collection.size,
      segments_count: 2,
    },
    config: {
      params: collection.params,
      hnsw_config: { m: 16, ef_construct: 100, full_scan_threshold: 10_000, max_indexing_threads: 0, on_disk: false },
      optimizer_config: {
        ...{
          deleted_threshold: 0.2,
          vacuum_min_vector_number: 1_000,
          default_segment_number: 0,
          max_segment_size: null,
        },
        ...{
          memmap_threshold: null,
          indexing_threshold: 10_000,
          flush_interval_sec: 5,
          max_optimization_threads: null,
        },
        prevent_unoptimized: null,
      },
      wal_config: { wal_capacity_mb: 32, wal_segments_ahead: 0, wal_retain_closed: 1 },
      quantization_config: null,
    },
    payload_schema: Object.fromEntries(schema),
    update_queue: { length: 0 },
  };
}

function createIndex(asked: Asked): void {
  const { field_name: path = '', field_schema: type = '' } = asked.body;
  if (!TYPES.has(type))
    throw malformed(
      `data did not match any variant of untagged enum PayloadFieldSchema at line 1 column ${asked.length}`,
    );
  collectionOf(asked).indexes.set(path, type);
}

function upsert(collection: Collection, body: Body): void {
  const { batch, update_filter } = body as {
    batch?: { ids: PointId[]; vectors: unknown[]; payloads?: Payload[] };
    update_filter?: Filter;
  };
  const points =
    batch?.ids.map((id, index) => ({ id, vector: batch.vectors[index], payload: batch.payloads?.[index] ?? {} })) ??
    body.points;
  if (!Array.isArray(points)) throw malformed('Invalid PointInsertOperations format');
  if (points.length === 0) throw new Refusal(400, 'Bad request: Empty update request');
  if (points.some((point: object) => !('vector' in point))) throw malformed('missing field `vector`');
  collection.upsert(points, update_filter);
}

function setPayload(collection: Collection, { payload = {}, key, points, filter }: Body): void {
  if (points === undefined && filter == null) throw malformed('Either list of point ids or filter must be provided');
  collection.setPayload(payload, key, {
    ...(points === undefined ? {} : { points }),
    ...(filter == null ? {} : { filter }),
  });
}

function deletePoints(collection: Collection, { points, filter }: Body): void {
  if (points === undefined && filter == null)
    throw malformed('data did not match any variant of untagged enum PointsSelector');
  collection.delete(points === undefined ? { filter: filter ?? {} } : { points });
}

function queried(collection: Collection, body: Body) {
  if (body.limit === 0) throw invalid('internal.limit: value 0 invalid, must be 1 or larger');
  if (body.using !== undefined && body.using !== '') throw wrongInput(`Not existing vector name error: ${body.using}`);
  assertFilter(body.filter, 'internal');
  const { nearest = body.query } = (body.query ?? {}) as { nearest?: unknown };
  return { points: collection.query(nearest, body as object) };
}

function retrieveOne(asked: Asked) {
  const [, id = ''] = asked.names;
  const collection = collectionOf(asked);
  if (!collection.has(id)) throw notFound(`Point with id ${id} does not exists!`);
  return collection.show(id, { with_payload: true, with_vector: true });
}

function facet(asked: Asked) {
  const { key = '', filter, limit } = asked.body;
  const collection = collectionOf(asked);
  if (!collection.indexes.has(key))
    throw wrongInput(
      `No appropriate index for faceting: \`${key}\`. Please create one to facet on this field. Check https://qdrant.tech/documentation/concepts/indexing/#payload-index to see which payload schemas support Match conditions`,
    );
  return { hits: collection.facet(key, filter, limit) };
}

function changeAliases({ state, body }: Asked): boolean {
  for (const { create_alias: create, delete_alias: remove } of body.actions ?? []) {
    if (remove !== undefined) state.aliases.delete(remove.alias_name);
    if (create === undefined) continue;
    if (!state.collections.has(create.collection_name))
      throw notFound(`Collection \`${create.collection_name}\` doesn't exist!`);
    state.aliases.set(create.alias_name, create.collection_name);
  }
  return true;
}

const BATCHED: { readonly [name: string]: (collection: Collection, body: Body) => void } = {
  upsert,
  set_payload: setPayload,
  delete: deletePoints,
};

function runBatch(asked: Asked) {
  const collection = collectionOf(asked);
  return (asked.body.operations ?? []).map((operation) => {
    const [name = '', body = {}] = Object.entries(operation)[0] ?? [];
    const operationId = collection.nextOperation();
    BATCHED[name]!(collection, body as Body);
    return { operation_id: operationId, status: stateOf(asked.query) };
  });
}

/** What an update is answered with: applied when it was waited for. */
export function stateOf(query: URLSearchParams): 'completed' | 'acknowledged' {
  return query.get('wait') === 'true' ? 'completed' : 'acknowledged';
}
