import type { EntityType } from '../../lib/contracts/document.ts';
import { inventoryOf, storedVector, uuidOf } from '../../lib/contracts/identity.ts';
import type {
  DocumentVersion,
  InventoryRow,
  PivotRequest,
  Role,
  StoredRelation,
  VersionRecord,
  WriteRef,
} from '../../lib/contracts/store.ts';

/** Vectors in tests are this long. */
export const DIMENSIONS = 4;

/** A signal that never fires. */
export const never: AbortSignal = new AbortController().signal;

/** Batch `batchNo` of a run. */
export function ref(runId: string, batchNo = 0): WriteRef {
  return { runId, batchNo };
}

/** Just the name of a version. */
export function versionOf({ documentId, version }: DocumentVersion): DocumentVersion {
  return { documentId, version };
}

interface RecordOptions {
  readonly version?: number;
  readonly group?: string;
  readonly parentId?: string | null;
  readonly sourceVersion?: string | null;
  readonly texts?: readonly string[];
  /** The key of an organisation that the first chunk mentions; each relation goes from one to the next. */
  readonly organizations?: readonly string[];
  readonly vectors?: readonly (readonly number[])[];
  /** What each relation says of when and how it holds. */
  readonly stated?: Pick<StoredRelation, 'validAt' | 'invalidAt' | 'detail'>;
}

/** One version of a document, whole: chunks with vectors, entities with mentions, relations and the inventory of it all. */
export function recordOf(documentId: string, options: RecordOptions = {}): VersionRecord {
  const {
    version = 1,
    group = 'default',
    texts = ['ACME ships steel', 'to Globex'],
    organizations = ['acme'],
  } = options;
  const chunks = texts.map((text, ordinal) => ({
    chunkId: uuidOf('chunk', documentId, version, ordinal),
    ordinal,
    text,
    start: ordinal * 100,
    end: ordinal * 100 + text.length,
    headingPath: ['Freight', 'Müller'],
    page: ordinal === 0 ? null : ordinal,
    tokenCount: text.split(' ').length,
    vector: storedVector(Float32Array.from(options.vectors?.[ordinal] ?? [1, ordinal, version, 0.5])),
  }));
  const entities = organizations.map((key) => entityOf(key, group));
  const chunkId = chunks[0]?.chunkId ?? '';
  const mentions = entities.map(({ entityId, name }, start) => ({
    mentionId: uuidOf('mention', chunkId, entityId, start),
    ...{ entityId, chunkId, start, end: start + name.length, quote: name },
  }));
  const relations = entities.slice(1).map(({ entityId: objectId }, index) => {
    const subjectId = entities[index]!.entityId;
    const relationId = uuidOf('relation', documentId, version, 'SHIPPER_OF', subjectId, objectId, chunkId);
    const said = { type: 'SHIPPER_OF' as const, subjectId, objectId, chunkId, quote: 'ships', validAt: null };
    return { relationId, ...said, ...options.stated };
  });
  const record = {
    ...{ documentId, version, uuid: uuidOf('document', documentId), group, chunks, entities, mentions, relations },
    ...{
      source: 'local_upload',
      sourceUri: `file:///${documentId}`,
      name: documentId,
      parentId: options.parentId ?? null,
    },
    ...{
      mediaType: 'text/plain',
      bytes: 42,
      title: 'Contract',
      statedAt: '2026-01-31',
      createdAt: '2026-02-01T00:00:00Z',
    },
    ...{ contentDigest: `content-${version}`, settingsDigest: 'settings', storesDigest: 'stores' },
    sourceVersion: options.sourceVersion ?? null,
    ...{ metadata: { author: 'Ann', pages: 2 }, warnings: [{ code: 'TYPE_MISMATCH', message: 'named .md' }] },
  };
  return { ...record, inventory: inventoryOf(record) };
}

/** The organisation of that key; the same in every document of the group. */
export function entityOf(key: string, group = 'default') {
  const type: EntityType = 'Organization';
  return { entityId: uuidOf('entity', group, type, key), type, key, name: key.toUpperCase() };
}

/** A pivot of these records; each was staged when `baseVersion` was current. */
export function pivotOf(
  pivot: { ref: WriteRef; fence: number } & Partial<PivotRequest>,
  records: readonly DocumentVersion[],
  baseVersion: number | null = null,
): PivotRequest {
  const versions = records.map((record) => ({ ...versionOf(record), baseVersion }));
  return { lsn: 1, deletes: [], quarantined: [], versions, ...pivot };
}

/** Everything an iteration yields. */
export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Inventory rows as one text each, sorted: stores give them in any order. */
export function rowTexts(rows: readonly InventoryRow[]): string[] {
  return rows
    .map(({ documentId, version, kind, id, digest }) => [documentId, version, kind, id, digest].join(' '))
    .sort();
}

/** What a store must hold of these records. */
export function expectedTexts(role: Role, records: readonly VersionRecord[]): string[] {
  return rowTexts(records.flatMap((record) => record.inventory[role].map((row) => ({ ...versionOf(record), ...row }))));
}
