import { randomBytes } from 'node:crypto';
import type { VersionRecord } from '../../lib/contracts/store.ts';
import type { BareDocument, BareTarget } from './bare-memory.ts';
import type { Measured } from './bulk/loader.ts';
import { bareNeo4j } from './bulk/neo4j.ts';
import { barePostgres } from './bulk/postgres.ts';
import { bareQdrant } from './bulk/qdrant.ts';
import { bareRedis, prepareEntries } from './bulk/redis.ts';

/** The addresses of the four servers. */
export type ServerUrls = { readonly [store in Measured]: string };

/** Empty places in the four servers that are filled with nothing but what they are to hold, all four at once. */
export async function bareServers(urls: ServerUrls, dimensions: number, createdAt: string): Promise<BareTarget> {
  const place = (store: Measured) => ({ url: urls[store], name: `bare_${randomBytes(6).toString('hex')}`, dimensions });
  const records = await barePostgres(place('records'));
  const others = [await bareNeo4j(place('graph')), await bareQdrant(place('vectors')), await bareRedis(place('cache'))];
  let batchNo = 0;
  return {
    write: async (documents) => {
      const batch = documents.map((document) => versionOf(document, createdAt));
      prepareEntries(batch);
      batchNo += 1;
      await Promise.all([records, ...others].map((loader) => loader.write(batch, batchNo)));
    },
    writeReadings: (id, readings) => records.writeReadings(id, readings),
    close: () => {},
  };
}

/** Without digests to check by. */
function versionOf({ id, uri, digest, ...document }: BareDocument, createdAt: string): VersionRecord {
  return {
    ...document,
    ...{ documentId: id, version: 1, group: '', sourceUri: uri, parentId: null, contentDigest: digest },
    ...{ settingsDigest: '', storesDigest: '', title: null, createdAt, warnings: [] },
    metadata: document.metadata as VersionRecord['metadata'],
    inventory: { records: [], graph: [], vectors: [], cache: [] },
  };
}
