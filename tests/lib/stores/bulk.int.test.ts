import { randomUUID } from 'node:crypto';
import neo4j from 'neo4j-driver';
import pg from 'pg';
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import type { VersionRecord } from '../../../lib/contracts/store.ts';
import { RedisCacheStore } from '../../../lib/stores/cache/redis.ts';
import { openNeo4jGraph } from '../../../lib/stores/graph/neo4j.ts';
import { neo4jSettings } from '../../helpers/neo4j.ts';
import { openRecords } from '../../helpers/postgres.ts';
import { startProxy } from '../../helpers/proxy.ts';
import { openVectors } from '../../helpers/qdrant.ts';
import { never, pivotOf, recordOf, ref, versionOf } from '../../helpers/records.ts';
import { openQdrantStandIn } from '../../servers/qdrant/stand-in.ts';

/**
 * Goal: how often a server is asked does not grow with the rows of a batch, but with the pages that they fill. Method: statements and
 * requests are counted at the drivers, and before the server, while batches of several sizes are written and made visible.
 */

const servers = inject('servers');

/** Writes a batch and makes it visible. */
type Bring = (batchNo: number, records: readonly VersionRecord[]) => Promise<unknown>;

/** Something that is asked, and how often it was so far. */
interface Counted {
  readonly bring: Bring;
  readonly asked: () => number;
  /** Rows of one statement or request. */
  readonly pageRows: number;
}

const COUNTED: { readonly [store: string]: () => Promise<Counted> } = {
  'statements of PostgreSQL': async () => {
    const store = await openRecords();
    const { fence } = await store.openRun({ runId: 'run-1', journalId: 'journal' }, never);
    const query = vi.spyOn(pg.Client.prototype, 'query');
    onTestFinished(() => query.mockRestore());
    const bring: Bring = async (batchNo, records) => {
      await store.allocate(records, never);
      await store.write(ref('run-1', batchNo), records, never);
      await store.pivot(pivotOf({ ref: ref('run-1', batchNo), fence }, records), never);
      await store.finish(ref('run-1', batchNo), never);
    };
    return { bring, asked: () => query.mock.calls.length, pageRows: 1_000 };
  },
  'statements of Neo4j': async () => {
    const graph = await openNeo4jGraph({ ...neo4jSettings(servers.neo4j!), memoryId: randomUUID() }, never);
    onTestFinished(() => graph.close());
    const run = vi.spyOn(transactionPrototype(), 'run');
    onTestFinished(() => run.mockRestore());
    const bring: Bring = async (batchNo, records) => {
      await graph.write(ref('run-1', batchNo), records, never);
      await graph.publish(records.map(versionOf), never);
    };
    onTestFinished(async () => {
      for (let batchNo = 0; batchNo < 3; batchNo += 1) await graph.discard(ref('run-1', batchNo), never);
    });
    return { bring, asked: () => run.mock.calls.length, pageRows: 1_000 };
  },
  'requests of Qdrant': async () => {
    // It is only counted, which nothing but the stand-in does.
    const standIn = await openQdrantStandIn();
    onTestFinished(() => standIn.stop());
    const store = await openVectors({ url: standIn.url, apiKey: null });
    const bring: Bring = async (batchNo, records) => {
      await store.write(ref('run-1', batchNo), records, never);
      await store.publish(records.map(versionOf), never);
    };
    return { bring, asked: () => standIn.seen.length, pageRows: 200 };
  },
  'messages of Redis': async () => {
    const proxy = await startProxy(servers.redis!);
    const cache = new RedisCacheStore({ url: proxy.url, memoryId: randomUUID(), ttlMs: 60_000 });
    onTestFinished(() => cache.close());
    await cache.get(['connect'], never);
    const bring: Bring = (_, records) =>
      cache.set(
        records.map((record) => ({ key: record.uuid, value: Buffer.from(record.name), document: versionOf(record) })),
        never,
      );
    return { bring, asked: () => proxy.requests, pageRows: 256 };
  },
};

/** Each statement of a transaction goes through its `run`, which the driver does not hand out by name. */
function transactionPrototype(): { run: (text: string) => unknown } {
  const driver = neo4j.driver(neo4jSettings(servers.neo4j!).uri);
  const begun = driver.session().beginTransaction();
  Promise.resolve(begun).catch(() => {});
  void driver.close();
  let prototype = Object.getPrototypeOf(begun) as object;
  while (!Object.hasOwn(prototype, 'run')) prototype = Object.getPrototypeOf(prototype) as object;
  return prototype as { run: (text: string) => unknown };
}

/** Two chunks, two mentions and one fact each. */
function batchOf(batchNo: number, count: number): VersionRecord[] {
  return Array.from({ length: count }, (_, index) =>
    recordOf(`${batchNo}-${index}`, { organizations: [`a ${index}`, `b ${index}`] }),
  );
}

const ROWS_A_DOCUMENT = 2;

describe.skipIf(Object.values(servers).includes(null))('of a batch', () => {
  test.each(Object.keys(COUNTED))('%s grow with pages, not with rows', async (name) => {
    const { bring, asked, pageRows } = await COUNTED[name]!();
    const countOf = async (batchNo: number, documents: number) => {
      const records = batchOf(batchNo, documents);
      const before = asked();
      await bring(batchNo, records);
      return asked() - before;
    };
    const [few, page] = [await countOf(0, 5), await countOf(1, 90)];
    expect(few).toBeGreaterThan(0);
    expect(page).toBe(few);
    const pages = Math.ceil((800 * ROWS_A_DOCUMENT) / pageRows);
    expect(await countOf(2, 800)).toBeLessThanOrEqual(few * pages);
  });
});
