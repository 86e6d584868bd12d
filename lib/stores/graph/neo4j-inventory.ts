import neo4j from 'neo4j-driver';
import {
  digestOf,
  documentDigest,
  entityDigest,
  mentionDigest,
  relationDigest,
  sha256,
} from '../../contracts/identity.ts';
import type {
  Closing,
  DocumentVersion,
  GraphDocument,
  InventoryRow,
  LatestValue,
  StoredEntity,
  StoredMention,
  StoredRelation,
  WriteRef,
} from '../../contracts/store.ts';
import { parsedOrText } from '../rows.ts';
import type { Neo4jConnection } from './neo4j-connection.ts';
import { groupIdOf, nameKey } from './neo4j-rows.ts';

/** How many nodes or relationships are read together. */
const PAGE_ITEMS = 5_000;
/** Each page of keys is sorted out of all that are selected, so it is large. */
const PAGE_KEYS = 20_000;
/** Chunks come with their texts and mentions. */
const PAGE_CHUNKS = 1_000;

/** What is read of, by the keys of its versions. */
export interface Reading {
  readonly connection: Neo4jConnection;
  readonly memory: string;
  readonly signal: AbortSignal;
}

const DOCUMENT = `d.document_id AS documentId, d.version AS version, d.id AS uuid, d.apex_group AS group, d.apex_source AS source,
  d.path AS sourceUri, d.name AS name, d.parent_id AS parentId, d.document_type AS mediaType, d.content_digest AS contentDigest,
  d.title AS title, d.stated_at AS statedAt`;

/** The documents of these versions. */
export function readDocuments<Answer extends GraphDocument>(
  { connection, signal }: Reading,
  versions: readonly string[],
  more = '',
): Promise<Answer[]> {
  return connection.read('documents', signal, (run) =>
    run<Answer>(`MATCH (d:ApexDocument) WHERE d.uuid IN $versions RETURN ${DOCUMENT}${more}`, { versions }),
  );
}

/** All that lies in the graph for these versions. */
export async function* readInventory(reading: Reading, versions: readonly string[]): AsyncGenerator<InventoryRow> {
  type Document = GraphDocument & { readonly isLive: boolean; readonly groupId: string; readonly mentioned: number };
  const more = ', d.live AS isLive, d.group_id AS groupId, COUNT { (d)-[:MENTIONS]->() } AS mentioned';
  const documents = await readDocuments<Document>(reading, versions, more);
  const groups = new Map(documents.map((row) => [keyOf(row), row.group]));
  const entities = new Map<string, number>();
  for await (const row of chunksOf(reading, versions, groups)) {
    if (row.kind === 'entity') entities.set(keyOf(row), (entities.get(keyOf(row)) ?? 0) + 1);
    yield row;
  }
  for (const row of documents) {
    // Readers of episodes go from the document's own node to its entities.
    const isRight = row.groupId === groupIdOf(String(row.group)) && row.mentioned >= (entities.get(keyOf(row)) ?? 0);
    const digest = withRight(documentDigest(row), isRight);
    yield { ...named(row), kind: 'document', id: row.documentId, digest, isLive: row.isLive === true };
  }
  yield* relationsOf(reading, versions);
}

type ChunkRow = DocumentVersion & {
  readonly id: string;
  readonly ordinal: number;
  readonly text: string;
  readonly textDigest: string;
  readonly isLive: boolean;
  readonly isTied: boolean;
};

/**
 * A chunk is tied to its document, to the chunk before it and to the entities that it mentions: told from the chunk's few
 * relationships, since an entity or a document may have very many.
 */
const CHUNKS = `MATCH (c:ApexChunk) WHERE c.uuid IN $chunks
  RETURN c.document_id AS documentId, c.version AS version, c.id AS id, c.index AS ordinal, c.text AS text,
    c.text_digest AS textDigest, c.live AS isLive,
    EXISTS { (c)-[:FROM_DOCUMENT]->(d) WHERE d.uuid = c.apex_version }
    AND (c.index = 0 OR COUNT { ()-[:NEXT_CHUNK]->(c) } > 0)
    AND COUNT { (c)<-[:FROM_CHUNK]-() } >= COUNT { MATCH (c)-[:MENTIONS]->(e) RETURN DISTINCT e } AS isTied`;

/** Chunks, page by page, each page with its mentions; an entity comes with the first mention of its version. */
async function* chunksOf(
  reading: Reading,
  versions: readonly string[],
  groups: ReadonlyMap<string, string>,
): AsyncGenerator<InventoryRow> {
  const { connection, memory, signal } = reading;
  const seen = new Set<string>();
  const pages = paged(PAGE_KEYS, (after, limit) =>
    connection.read('inventory', signal, (run) =>
      run<{ uuid: string }>(
        `MATCH (c:ApexChunk) WHERE c.apex_memory = $memory AND c.apex_version IN $versions AND c.uuid > $after
         RETURN c.uuid AS uuid ORDER BY uuid LIMIT $limit`,
        { memory, versions, after, limit },
      ),
    ),
  );
  for await (const keys of pages)
    for (let from = 0; from < keys.length; from += PAGE_CHUNKS) {
      const chunks = keys.slice(from, from + PAGE_CHUNKS).map(({ uuid }) => uuid);
      yield* rowsOf(reading, chunks, groups, seen);
    }
}

async function* rowsOf(
  { connection, signal }: Reading,
  chunks: readonly string[],
  groups: ReadonlyMap<string, string>,
  seen: Set<string>,
): AsyncGenerator<InventoryRow> {
  const [page, mentions] = await connection.read(
    'inventory',
    signal,
    async (run) => [await run<ChunkRow>(CHUNKS, { chunks }), await run<MentionRow>(MENTIONS_OF, { chunks })] as const,
  );
  for (const row of page) {
    const isRight = row.isTied === true && sha256(String(row.text)) === row.textDigest;
    const digest = withRight(digestOf(row.ordinal), isRight);
    yield { ...named(row), kind: 'chunk', id: row.id, digest, isLive: row.isLive === true };
  }
  for (const row of mentions) {
    const digest = withRight(mentionDigest(row, row.name), row.nameKey === nameKey(String(row.name)));
    yield { ...named(row), kind: 'mention', id: row.mentionId, digest };
    const key = `${keyOf(row)}\0${row.entityId}`;
    if (!seen.has(key)) yield { ...named(row), kind: 'entity', id: row.entityId, digest: entityDigestOf(row, groups) };
    seen.add(key);
  }
}

type MentionRow = DocumentVersion &
  StoredMention &
  Pick<StoredEntity, 'type' | 'key'> & {
    readonly name: string;
    readonly nameKey: string;
    readonly entityGroup: string;
    readonly entityGroupId: string;
    readonly entityNameKey: string;
    /** Whether it bears its type as a label. */
    readonly isLabelled: boolean;
  };

const MENTIONS_OF = `MATCH (c:ApexChunk)-[m:MENTIONS]->(e:ApexEntity) WHERE c.uuid IN $chunks
  RETURN m.document_id AS documentId, m.version AS version, m.mention_id AS mentionId, c.id AS chunkId, e.entity_id AS entityId,
    m.start AS start, m.end AS end, m.quote AS quote, m.name AS name, m.apex_name AS nameKey, e.apex_type AS type, e.apex_key AS key,
    e.apex_group AS entityGroup, e.group_id AS entityGroupId, e.apex_name AS entityNameKey, e.apex_type IN labels(e) AS isLabelled`;

/** It must be found by its key, bear its label and belong to the group of the document that mentions it. */
function entityDigestOf(row: MentionRow, groups: ReadonlyMap<string, string>): string {
  const group = String(groups.get(keyOf(row)) ?? row.entityGroup);
  const isRight =
    row.entityNameKey === nameKey(String(row.key)) &&
    row.isLabelled === true &&
    row.entityGroup === group &&
    row.entityGroupId === groupIdOf(group);
  return withRight(entityDigest(row), isRight);
}

type RelationRow = DocumentVersion &
  Omit<StoredRelation, 'detail'> & { readonly uuid: string; readonly isLive: boolean; readonly detail: string | null };

async function* relationsOf(
  { connection, memory, signal }: Reading,
  versions: readonly string[],
): AsyncGenerator<InventoryRow> {
  const pages = paged(PAGE_ITEMS, (after, limit) =>
    connection.read('inventory', signal, (run) =>
      run<RelationRow>(
        `MATCH (s)-[x:RELATES_TO]->(o) WHERE x.apex_memory = $memory AND x.apex_version IN $versions AND x.uuid > $after
         RETURN x.uuid AS uuid, x.document_id AS documentId, x.version AS version, x.relation_id AS relationId, x.name AS type,
           s.entity_id AS subjectId, o.entity_id AS objectId, x.chunk_id AS chunkId, x.fact AS quote, x.apex_valid_at AS validAt,
           x.apex_stated_until AS invalidAt, x.apex_detail AS detail, x.live AS isLive ORDER BY uuid LIMIT $limit`,
        { memory, versions, after, limit },
      ),
    ),
  );
  for await (const page of pages)
    for (const row of page)
      yield {
        ...named(row),
        ...{
          kind: 'relation',
          id: row.relationId,
          digest: relationDigest({ ...row, detail: detailOf(row.detail) }),
          isLive: row.isLive === true,
        },
      };
}

/** Detail that is damaged becomes what no digest takes for what was kept. */
function detailOf(kept: string | null): NonNullable<StoredRelation['detail']> {
  const detail = parsedOrText(kept ?? '{}');
  return typeof detail === 'object' && detail !== null
    ? (detail as NonNullable<StoredRelation['detail']>)
    : { kept: String(kept) };
}

/** What entities of these keys were last observed as. */
export async function readLatest(
  { connection, memory, signal }: Reading,
  keys: readonly string[],
): Promise<LatestValue[]> {
  const rows = await connection.read('latest', signal, (run) =>
    run<{ entityId: string; at: string; value: string }>(
      `UNWIND $keys AS key MATCH (e:ApexEntity {uuid: key}) WHERE e.apex_memory = $memory AND e.apex_latest_at IS NOT NULL
       RETURN e.entity_id AS entityId, e.apex_latest_at AS at, e.apex_latest AS value`,
      { memory, keys },
    ),
  );
  return rows.map(({ value, ...row }) => {
    const kept = parsedOrText(value);
    return { ...row, value: (typeof kept === 'object' && kept !== null ? kept : {}) as LatestValue['value'] };
  });
}

/** The ends of validity of the facts of these versions. */
export async function readClosings(
  { connection, memory, signal }: Reading,
  versions: readonly string[],
): Promise<Closing[]> {
  const pages = paged(PAGE_ITEMS, (after, limit) =>
    connection.read('closings', signal, (run) =>
      run<Closing & { readonly uuid: string }>(
        `MATCH ()-[x:RELATES_TO]->() WHERE x.apex_memory = $memory AND x.apex_version IN $versions AND x.uuid > $after
         RETURN x.uuid AS uuid, x.relation_id AS relationId, x.apex_invalid_at AS invalidAt, x.apex_expired_at AS expiredAt
         ORDER BY uuid LIMIT $limit`,
        { memory, versions, after, limit },
      ),
    ),
  );
  const closings: Closing[] = [];
  for await (const page of pages)
    for (const { relationId, invalidAt, expiredAt } of page) closings.push({ relationId, invalidAt, expiredAt });
  return closings;
}

type VersionRow = DocumentVersion & WriteRef & { readonly uuid: string; readonly isNamed: boolean };

const WRITER = (item: string) =>
  `${item}.document_id AS documentId, ${item}.version AS version, ${item}.run_id AS runId, ${item}.batch_no AS batchNo`;

/** Where versions are found: by their documents, then by what has lost its document. Pages are in the order of an index. */
const VERSIONS = [
  `MATCH (d:ApexDocument) WHERE d.apex_memory = $memory AND d.uuid > $after
   WITH d ORDER BY d.apex_memory, d.uuid LIMIT $limit RETURN d.uuid AS uuid, ${WRITER('d')}, false AS isNamed`,
  ...['(x:ApexChunk)', '()-[x:RELATES_TO]->()'].map(
    (pattern) => `MATCH ${pattern} WHERE x.apex_memory = $memory AND x.apex_version > $after
     WITH x ORDER BY x.apex_memory, x.apex_version LIMIT $limit
     RETURN x.apex_version AS uuid, ${WRITER('x')}, EXISTS { (:ApexDocument {uuid: x.apex_version}) } AS isNamed`,
  ),
];

/** Every version that the memory holds anything of, once. */
export async function* readVersions({
  connection,
  memory,
  signal,
}: Reading): AsyncGenerator<DocumentVersion & WriteRef> {
  const seen = new Set<string>();
  for (const statement of VERSIONS) {
    const pages = paged(PAGE_ITEMS, (after, limit) =>
      connection.read('versions', signal, (run) => run<VersionRow>(statement, { memory, after, limit })),
    );
    for await (const page of pages)
      for (const { uuid, isNamed, documentId, version, runId, batchNo } of page) {
        if (isNamed || seen.has(uuid)) continue;
        // Documents come each once, and are not named again.
        if (statement !== VERSIONS[0]) seen.add(uuid);
        yield { documentId, version, runId, batchNo };
      }
  }
}

/** The memory's entities that nothing is tied to. */
export async function readStrays({
  connection,
  memory,
  signal,
}: Reading): Promise<{ readonly uuid: string; readonly id: string }[]> {
  const strays: { uuid: string; id: string }[] = [];
  const pages = paged(PAGE_ITEMS, (after, limit) =>
    connection.read('strays', signal, (run) =>
      run<{ uuid: string; id: string; isTied: boolean }>(
        `MATCH (e:ApexEntity) WHERE e.apex_memory = $memory AND e.uuid > $after WITH e ORDER BY e.apex_memory, e.uuid LIMIT $limit
         RETURN e.uuid AS uuid, e.entity_id AS id, EXISTS { (e)--() } AS isTied`,
        { memory, after, limit },
      ),
    ),
  );
  for await (const page of pages)
    for (const { uuid, id, isTied } of page) if (!isTied) strays.push({ uuid, id: String(id) });
  return strays;
}

/** Pages in the order of `uuid`, until one is not full. */
async function* paged<Item extends { readonly uuid: string }>(
  size: number,
  read: (after: string, limit: unknown) => Promise<Item[]>,
): AsyncGenerator<Item[]> {
  for (let after = ''; ; ) {
    const page = await read(after, neo4j.int(size));
    yield page;
    if (page.length < size) return;
    after = page[page.length - 1]!.uuid;
  }
}

/** Another digest where what readers find it by does not belong to its content. */
function withRight(digest: string, isRight: boolean): string {
  return isRight ? digest : digestOf(digest, false);
}

function named({ documentId, version }: DocumentVersion): DocumentVersion {
  return { documentId, version };
}

function keyOf({ documentId, version }: DocumentVersion): string {
  return `${version}\0${documentId}`;
}
