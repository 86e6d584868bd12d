import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { uuidOf } from '../../../../lib/contracts/identity.ts';
import type { PivotOutcome, RecordsStore, VersionRecord } from '../../../../lib/contracts/store.ts';
import { misread } from '../../../../lib/stores/records/postgres-series.ts';
import { openRecords, postgresSettings, withClient } from '../../../helpers/postgres.ts';
import { collect, never, pivotOf, recordOf, ref, versionOf } from '../../../helpers/records.ts';
import { postgres } from '../../../servers/postgres.ts';
import { startServer } from '../../../servers/start.ts';

/** Goal: large documents, many writers and a server that dies cost no row. Method: as many as there may be, on a real server. */

const { postgres: url } = inject('servers');

/** A document of many chunks; its inventory is that of the first, since it is never compared here. */
function large(version: number, chunks: number): VersionRecord {
  const small = recordOf('large', { version });
  const [chunk] = small.chunks;
  return {
    ...small,
    chunks: Array.from({ length: chunks }, (_, ordinal) => ({
      ...chunk!,
      ...{ chunkId: uuidOf('chunk', 'large', version, ordinal), ordinal, text: `line ${ordinal} of steel` },
    })),
  };
}

const CHUNKS = 50_000;

describe.skipIf(url === null)('a document of 50,000 chunks', () => {
  test('is written, superseded and deleted, and nothing of it is left', async () => {
    const settings = postgresSettings();
    const store = await openRecords(settings);
    const { fence } = await store.openRun({ runId: 'run-1', journalId: 'journal' }, never);
    const commit = async (batchNo: number, record: VersionRecord, baseVersion: number | null) => {
      await store.allocate([record], never);
      expect(await store.write(ref('run-1', batchNo), [record], never)).toBe(CHUNKS + 1);
      return store.pivot(pivotOf({ ref: ref('run-1', batchNo), fence }, [record], baseVersion), never);
    };
    await commit(1, large(1, CHUNKS), null);
    const { retiring } = await commit(2, large(2, CHUNKS), 1);
    expect(await store.retire(retiring, never)).toEqual([CHUNKS + 1]);
    const asked = ['steel', 'line', 'lin'].map((text) => ({ text, isBeginning: text === 'lin', weight: 1 }));
    expect(await store.searchText(asked, 50, null, never)).toHaveLength(50);
    const rows = await collect(store.inventory([{ documentId: 'large', version: 2 }], never));
    expect(new Set(rows.map(({ id }) => id)).size).toBe(CHUNKS + 1);
    const deletes = [{ documentId: 'large', baseVersion: 2 }];
    const outcome = await store.pivot(pivotOf({ ref: ref('run-1', 3), fence, deletes }, []), never);
    expect(await collect(store.unshared(outcome.retiring, never))).toHaveLength(CHUNKS);
    expect(await store.retire(outcome.retiring, never)).toEqual([CHUNKS + 1]);
    expect(await store.strays(never)).toEqual([]);
    const { rows: left } = await withClient((client) =>
      client.query(
        `SELECT (SELECT count(*) FROM ${settings.schema}.chunk) + (SELECT count(*) FROM ${settings.schema}.version) AS n`,
      ),
    );
    expect(left).toEqual([{ n: '0' }]);
  }, 300_000);

  test('whose write is discarded leaves nothing', async () => {
    const store = await openRecords();
    await store.write(ref('run-1'), [large(1, 25_000)], never);
    await store.discard(ref('run-1'), never);
    expect(await store.count(ref('run-1'), never)).toBe(0);
    expect(await store.strays(never)).toEqual([]);
  }, 120_000);
});

test.skipIf(url === null)(
  'what a pivot was made from is looked up by entity and type together, whatever else is said',
  async () => {
    const settings = postgresSettings();
    await openRecords(settings);
    const plan = await withClient(async (client) => {
      // A table without rows is scanned otherwise.
      await client.query('SET enable_seqscan = off');
      const { rows } = await client.query(`EXPLAIN ${misread(`${settings.schema}.`, 1)}`, [[], [], [], []]);
      return rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n');
    });
    expect(plan).toContain('Index Cond: ((object_id = r.object_id) AND (type = r.type))');
  },
);

test.skipIf(url === null)(
  'a fact’s version is looked up by its key, also where statistics say that no version is current',
  async () => {
    const settings = postgresSettings();
    const store = await openRecords(settings);
    const { fence } = await store.openRun({ runId: 'run-1', journalId: 'journal' }, never);
    const records = Array.from({ length: 300 }, (_, index) => recordOf(`d${index}`));
    await store.allocate(records, never);
    await store.write(ref('run-1'), records, never);
    const plan = await withClient(async (client) => {
      // What happens by itself when many versions have been written.
      await client.query(`ANALYZE ${settings.schema}.version, ${settings.schema}.fact`);
      await store.pivot(pivotOf({ ref: ref('run-1'), fence }, records), never);
      const { rows } = await client.query(`EXPLAIN ${misread(`${settings.schema}.`, 1)}`, [
        ...[['d1'], ['object'], ['CARRIER_OF'], ['[]']],
      ]);
      return rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n');
    });
    expect(plan).toContain('version_pkey');
    expect(plan).not.toContain('one_current');
  },
);

describe.skipIf(url === null)('a pivot of more documents than the server has locks for', () => {
  const COUNT = 30_000;
  const documents = Array.from({ length: COUNT }, (_, index) => ({ documentId: `d${index}`, uuid: `d${index}` }));
  const deletes = documents.map(({ documentId }) => ({ documentId, baseVersion: null }));

  test('is committed whole', async () => {
    const store = await openRecords();
    const { fence } = await store.openRun({ runId: 'run-1', journalId: 'journal' }, never);
    await store.allocate(documents, never);
    const { deleted } = await store.pivot(pivotOf({ ref: ref('run-1'), fence, deletes }, []), never);
    expect(deleted).toHaveLength(COUNT);
  }, 120_000);

  test('waits for those of a few of its documents, and those for it, however they come', async () => {
    const settings = postgresSettings();
    const stores = await Promise.all(Array.from({ length: 4 }, () => openRecords(settings)));
    await stores[0]!.allocate(documents, never);
    const records = await Promise.all(
      [1, 2, 3].map(async (number) => {
        const record = recordOf(`d${number}`, { version: 1 + number });
        await stores[number]!.write(ref(`run-${number}`), [record], never);
        return record;
      }),
    );
    const fences = await Promise.all(
      stores.map((store, number) => store.openRun({ runId: `run-${number}`, journalId: 'journal' }, never)),
    );
    const pivots = [
      ...records.map((record, index) =>
        pivotOf({ ref: ref(`run-${index + 1}`), fence: fences[index + 1]!.fence }, [record]),
      ),
      pivotOf({ ref: ref('run-0'), fence: fences[0]!.fence, deletes }, []),
    ];
    const [large, ...small] = [pivots[3]!, ...pivots.slice(0, 3)];
    const outcomes = await Promise.all([
      stores[0]!.pivot(large, never),
      ...small.map((pivot, index) => stores[index + 1]!.pivot(pivot, never)),
    ]);
    const [{ deleted, lost, committed: _ }, ...others] = outcomes as [PivotOutcome, ...PivotOutcome[]];
    // Whichever came first of a document decided; a delete of what somebody has just written leaves it.
    expect(lost).toEqual([]);
    const written = others.flatMap(({ committed }) => committed.map(({ documentId }) => documentId));
    const current = await stores[0]!.currentVersions(null, 9, never);
    expect(current.map(({ documentId }) => documentId)).toEqual(written.toSorted());
    expect(deleted.length + written.length).toBeGreaterThanOrEqual(COUNT);
  }, 120_000);
});

describe.skipIf(url === null)('many at once', () => {
  test('commit the same documents in any order: each version wins or loses, and no one waits for ever', async () => {
    const settings = postgresSettings();
    const stores = await Promise.all(Array.from({ length: 4 }, () => openRecords(settings)));
    const names = Array.from({ length: 12 }, (_, index) => `d${index}`);
    const commit = async (store: RecordsStore, runId: string, batchNo: number, shift: number) => {
      const order = names.map((_, index) => names[(index * 5 + shift) % names.length]!);
      const current = await store.current(order, never);
      const bases = order.map((name) => current.get(name)?.version ?? null);
      const versions = await store.allocate(
        order.map((documentId) => ({ documentId, uuid: documentId })),
        never,
      );
      const records = order.map((name, index) => recordOf(name, { version: versions[index]! }));
      await store.writeBuilding(ref(runId, batchNo), batchNo, records, never);
      const { fence } = (await store.runMirror(runId, never))!;
      const asked = records.map((record, index) => ({ ...versionOf(record), baseVersion: bases[index]! }));
      const outcome = await store.pivot(
        pivotOf({ ref: ref(runId, batchNo), fence, lsn: batchNo, versions: asked }, []),
        never,
      );
      expect(outcome.committed.length + outcome.lost.length).toBe(names.length);
      await store.retire([...outcome.retiring, ...outcome.lost], never);
      await store.finish(ref(runId, batchNo), never);
      return outcome.committed.length;
    };
    const committed = await Promise.all(
      stores.map(async (store, index) => {
        await store.openRun({ runId: `run-${index}`, journalId: 'journal' }, never);
        let count = 0;
        for (let batchNo = 1; batchNo <= 8; batchNo += 1)
          count += await commit(store, `run-${index}`, batchNo, index * 7 + batchNo);
        return count;
      }),
    );
    expect(committed.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(names.length * 8);
    const [store] = stores;
    const versions = await collect(store!.versions(never));
    expect(versions.map(({ documentId }) => documentId).toSorted()).toEqual(names.toSorted());
    expect(await store!.currentVersions(null, 99, never)).toEqual(
      versions.map(versionOf).toSorted((a, b) => (a.documentId < b.documentId ? -1 : 1)),
    );
    expect(await store!.strays(never)).toEqual([]);
    expect(await store!.unsettled(never)).toEqual([]);
  }, 120_000);

  test('claim the same run: each gets a fence of its own, and the highest is the run’s', async () => {
    const settings = postgresSettings();
    const stores = await Promise.all(Array.from({ length: 3 }, () => openRecords(settings)));
    const claims = await Promise.all(
      stores.flatMap((store) =>
        Array.from({ length: 5 }, () => store.openRun({ runId: 'run-1', journalId: 'j' }, never)),
      ),
    );
    const fences = claims.map(({ fence }) => fence);
    expect(new Set(fences).size).toBe(fences.length);
    expect((await stores[0]!.runMirror('run-1', never))?.fence).toBe(Math.max(...fences));
  });
});

describe.skipIf(url === null)('a postgres that', () => {
  test('is held fails in time; killed and started again it has all that was committed, and serves', async () => {
    const server = await startServer(postgres());
    onTestFinished(server.stop);
    const limits = { connectMs: 1_000, answerMs: 1_000, statementMs: 800, lockMs: 800, idleMs: 800 };
    const store = await openRecords({ ...postgresSettings(), url: server.url, limits });
    const { fence } = await store.openRun({ runId: 'run-1', journalId: 'journal' }, never);
    const record = recordOf('a');
    await store.write(ref('run-1'), [record], never);
    await store.pivot(pivotOf({ ref: ref('run-1'), fence }, [record]), never);
    const failed = () =>
      store.document('a', never).then(
        () => null,
        (error: Error) => error,
      );
    // Sessions that are there have processes of their own; held, it lets nobody new in.
    server.signal('SIGSTOP');
    const late = () =>
      openRecords({ ...postgresSettings(), url: server.url, limits }).then(
        () => null,
        (error: Error) => error,
      );
    // One may be let in before the signal has come to it.
    await expect.poll(late, { timeout: 10_000 }).toMatchObject({ code: 'APEX_STORE', retryable: true });
    server.signal('SIGCONT');
    await expect.poll(failed, { timeout: 10_000 }).toBeNull();
    server.signal('SIGKILL');
    await expect.poll(failed, { timeout: 10_000 }).toMatchObject({ code: 'APEX_STORE', retryable: true });
    await server.restart();
    await expect.poll(failed, { timeout: 20_000 }).toBeNull();
    expect((await store.document('a', never))?.version).toBe(1);
    expect(await store.searchText([{ text: 'steel', isBeginning: false, weight: 1 }], 9, null, never)).toHaveLength(1);
  }, 120_000);

  test('ends its sessions in the middle of a write loses nothing that was committed, and the write may be repeated', async () => {
    const settings = postgresSettings();
    const store = await openRecords(settings);
    const ending = setInterval(() => {
      void withClient((client) =>
        client.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'apex' AND query LIKE '%${settings.schema}%'`,
        ),
      ).catch(() => {});
    }, 60);
    onTestFinished(() => clearInterval(ending));
    const record = large(1, 3_000);
    const failures: unknown[] = [];
    for (let attempt = 0; attempt < 3; attempt += 1)
      await store.write(ref('run-1'), [record], never).catch((error: unknown) => failures.push(error));
    clearInterval(ending);
    for (const failure of failures) expect(failure).toMatchObject({ code: 'APEX_STORE', retryable: true });
    // The last of those that end sessions may still be at it.
    const written = () => store.write(ref('run-1'), [record], never).catch(() => null);
    await expect.poll(written, { timeout: 20_000 }).toBe(3_001);
    expect(await store.strays(never)).toEqual([]);
  }, 120_000);
});
