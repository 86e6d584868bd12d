import { randomUUID } from 'node:crypto';
import { QdrantClient } from '@qdrant/js-client-rest';
import { inject, onTestFinished } from 'vitest';
import { openQdrantVectors, type QdrantSettings, type QdrantVectorStore } from '../../lib/stores/vectors/qdrant.ts';
import { DIMENSIONS, never } from './records.ts';

/** Key of the server that the tests use: the stand-in asks for none. */
export const QDRANT_KEY = process.env['APEX_TEST_QDRANT_API_KEY'] || null;

/** One collection for all tests: memories in it do not see each other. */
export function qdrantSettings(changes: Partial<QdrantSettings> = {}): QdrantSettings {
  return {
    ...{ url: inject('servers').qdrant!, apiKey: QDRANT_KEY, collection: 'apex-tests', memoryId: randomUUID() },
    ...{ embedder: { model: 'test', dimensions: DIMENSIONS }, ...changes },
  };
}

/** Opened for one test. */
export async function openVectors(changes: Partial<QdrantSettings> = {}): Promise<QdrantVectorStore> {
  const store = await openQdrantVectors(qdrantSettings(changes), never);
  onTestFinished(() => store.close());
  return store;
}

/** Asks the tests' server past the adapter. */
export function qdrantClient(): QdrantClient {
  const key = QDRANT_KEY === null ? {} : { apiKey: QDRANT_KEY };
  return new QdrantClient({ url: inject('servers').qdrant!, checkCompatibility: false, ...key });
}
