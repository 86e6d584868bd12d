import { inventoryOf, storedVector, uuidOf } from '../../../lib/contracts/identity.ts';
import type { VersionRecord } from '../../../lib/contracts/store.ts';
import { randomFrom } from '../../../tests/crash/random.ts';
import { shipmentNotes } from '../documents.ts';

/** Chunks of one document, documents of one batch: a batch is as large as a run makes it. */
const DOCUMENT_CHUNKS = 10;
const BATCH_DOCUMENTS = 256;
const CHUNK_CHARACTERS = 800;
/** As many as documents of a company share: the more documents, the more mentions each has. */
const ENTITIES = 5_000;
const CHUNK_MENTIONS = 2;
const DOCUMENT_RELATIONS = 2;

/** Batches of records with so many chunks in all; the same ones for the same numbers. */
export function* bulkBatches(rows: number, dimensions: number): Generator<VersionRecord[]> {
  const documents = Math.ceil(rows / DOCUMENT_CHUNKS);
  for (let from = 0; from < documents; from += BATCH_DOCUMENTS) {
    const numbers = Array.from({ length: Math.min(BATCH_DOCUMENTS, documents - from) }, (_, index) => from + index);
    yield numbers.map((number) =>
      bulkRecord(number, { dimensions, chunkCount: Math.min(DOCUMENT_CHUNKS, rows - number * DOCUMENT_CHUNKS) }),
    );
  }
}

function bulkRecord(
  number: number,
  { dimensions, chunkCount }: { readonly dimensions: number; readonly chunkCount: number },
): VersionRecord {
  const random = randomFrom(number + 1);
  const documentId = `doc-${String(number).padStart(8, '0')}`;
  const text = shipmentNotes(number + 1, chunkCount * CHUNK_CHARACTERS + 1_000);
  const chunks = Array.from({ length: chunkCount }, (_, ordinal) => ({
    chunkId: uuidOf('chunk', documentId, 1, ordinal),
    ordinal,
    text: text.slice(ordinal * CHUNK_CHARACTERS, (ordinal + 1) * CHUNK_CHARACTERS),
    start: ordinal * CHUNK_CHARACTERS,
    end: (ordinal + 1) * CHUNK_CHARACTERS,
    headingPath: ['Shipment notes', `Stop ${ordinal}`],
    page: null,
    tokenCount: 200,
    vector: storedVector(Float32Array.from({ length: dimensions }, () => random() - 0.5)),
  }));
  const entityNumbers = Array.from({ length: chunkCount * CHUNK_MENTIONS }, () => Math.floor(random() * ENTITIES));
  const entityIdOf = (entity: number) => uuidOf('entity', '', 'Organization', `company ${entity}`);
  const entities = [...new Set(entityNumbers)].map((entity) => ({
    ...{ entityId: entityIdOf(entity), type: 'Organization' as const },
    ...{ key: `company ${entity}`, name: `Company ${entity}` },
  }));
  const mentions = entityNumbers.map((entity, index) => {
    const { chunkId } = chunks[Math.floor(index / CHUNK_MENTIONS)]!;
    const start = (index % CHUNK_MENTIONS) * 100;
    const mentionId = uuidOf('mention', chunkId, entityIdOf(entity), start, start + 12);
    const quote = `Company ${entity}`;
    return { mentionId, entityId: entityIdOf(entity), chunkId, start, end: start + 12, quote };
  });
  const relations = entities.slice(0, DOCUMENT_RELATIONS).map(({ entityId: subjectId }, index) => {
    const objectId = entities.at(-1 - index)!.entityId;
    const { chunkId } = chunks[0]!;
    const relationId = uuidOf('relation', documentId, 1, 'SHIPPER_OF', subjectId, objectId, chunkId);
    const quote = text.slice(0, 120);
    return { relationId, type: 'SHIPPER_OF' as const, subjectId, objectId, chunkId, quote, validAt: '2026-03-01' };
  });
  const record = {
    ...{ documentId, version: 1, uuid: uuidOf('document', '', documentId), group: '', source: 'local_upload' },
    ...{ sourceUri: `file:///notes/${documentId}.md`, name: `${documentId}.md`, parentId: null },
    ...{
      mediaType: 'text/markdown',
      bytes: text.length,
      contentDigest: uuidOf(documentId),
      settingsDigest: 'settings',
    },
    ...{ storesDigest: 'stores', title: `Notes ${number}`, metadata: { title: `Notes ${number}` } },
    ...{ statedAt: '2026-03-01', createdAt: '2026-11-01T00:00:00.000Z', warnings: [] },
    ...{ chunks, entities, mentions, relations },
  };
  return { ...record, inventory: inventoryOf(record) };
}
