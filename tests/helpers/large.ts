import { inventoryOf, uuidOf } from '../../lib/contracts/identity.ts';
import type { VersionRecord } from '../../lib/contracts/store.ts';
import { entityOf, recordOf } from './records.ts';

/** How many chunks mention one organisation of a large document. */
const CHUNKS_OF_ENTITY = 5;

/** A document of so many chunks of 800 characters; each mentions two of its organisations, which facts tie together. */
export function largeRecord(
  documentId: string,
  { chunkCount, version = 1 }: { chunkCount: number; version?: number },
): VersionRecord {
  const base = recordOf(documentId, {
    version,
    organizations: [],
    texts: Array.from({ length: chunkCount }, (_, ordinal) =>
      `part ${ordinal} of ${documentId} `.padEnd(800, 'says steel '),
    ),
  });
  const entities = Array.from({ length: Math.ceil(chunkCount / CHUNKS_OF_ENTITY) }, (_, index) =>
    entityOf(`org ${index}`),
  );
  const mentions = base.chunks.flatMap(({ chunkId, ordinal }) =>
    [ordinal, ordinal * 7 + 1].map((number, place) => {
      const { entityId, name } = entities[number % entities.length]!;
      const start = place * 20;
      return {
        mentionId: uuidOf('mention', chunkId, entityId, start),
        entityId,
        chunkId,
        start,
        end: start + 5,
        quote: name,
      };
    }),
  );
  const relations = entities.slice(1).map(({ entityId: objectId }, index) => {
    const { chunkId } = base.chunks[index]!;
    const subjectId = entities[index]!.entityId;
    const relationId = uuidOf('relation', documentId, version, 'SHIPPER_OF', subjectId, objectId, chunkId);
    return {
      relationId,
      type: 'SHIPPER_OF' as const,
      subjectId,
      objectId,
      chunkId,
      quote: 'ships',
      validAt: '2026-01-31',
    };
  });
  const record = { ...base, entities, mentions, relations };
  return { ...record, inventory: inventoryOf(record) };
}
