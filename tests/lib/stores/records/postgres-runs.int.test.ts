import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, inject, test } from 'vitest';
import type { RecordsStore } from '../../../../lib/contracts/store.ts';
import { openRecords, postgresSettings, withClient } from '../../../helpers/postgres.ts';
import { never, pivotOf, recordOf, ref } from '../../../helpers/records.ts';

/** Goal: several hosts agree on whose a run is, by one clock. Method: stores of two hosts on one schema, leases of a moment. */

const LEASE_MS = 300;
const run = { runId: 'run-1', journalId: 'journal' };

async function untilFree(store: RecordsStore): Promise<void> {
  while ((await store.heldRuns(never)).runs.length > 0) await delay(20);
}

describe.skipIf(inject('servers').postgres === null)('runs in PostgreSQL', () => {
  test('a lease runs out by itself; who comes then has the run, and who comes back is fenced', async () => {
    const settings = postgresSettings({ leaseMs: LEASE_MS });
    const [silent, other] = [await openRecords(settings), await openRecords(settings)];
    const { fence } = await silent.openRun(run, never);
    const record = recordOf('a', { version: 1 });
    await silent.writeBuilding(ref('run-1'), 3, [record], never);
    await untilFree(other);
    expect(await other.abortRun('run-1', never)).toBe(true);
    expect(await silent.renewLease({ runId: 'run-1', fence }, never)).toBe(false);
    await silent.endLease({ runId: 'run-1', fence }, never);
    const pivoting = silent.pivot(pivotOf({ ref: ref('run-1'), fence }, [record]), never);
    await expect(pivoting).rejects.toMatchObject({ code: 'FENCED' });
    expect(await other.pivotOutcome(ref('run-1'), never)).toBeNull();
  });

  test('a lease that ran out is renewed when nobody came, and held for the host it is on', async () => {
    const settings = postgresSettings({ leaseMs: LEASE_MS });
    const store = await openRecords(settings);
    const { fence } = await store.openRun(run, never);
    await untilFree(store);
    expect(await store.renewLease({ runId: 'run-1', fence }, never)).toBe(true);
    const long = await openRecords({ ...settings, leaseMs: 60_000 });
    const { fence: next } = await long.openRun({ runId: 'run-2', journalId: 'journal' }, never);
    const { runs, lastFence } = await long.heldRuns(never);
    expect(lastFence).toBe(next);
    const held = runs.find(({ runId }) => runId === 'run-2')!;
    expect(held.host).not.toBe('');
    const untilMs = Date.parse(held.until);
    const nowMs = await withClient(async (client) => {
      const { rows } = await client.query<{ now: Date }>('SELECT clock_timestamp() AS now');
      return rows[0]!.now.getTime();
    });
    expect(Math.abs(untilMs - nowMs - 60_000)).toBeLessThan(30_000);
  });

  test('only one of several who come at once, however many, has the last fence', async () => {
    const settings = postgresSettings();
    const stores = await Promise.all(Array.from({ length: 3 }, () => openRecords(settings)));
    await stores[0]!.openRun(run, never);
    const { fence } = (await stores[0]!.runMirror('run-1', never))!;
    await stores[0]!.endLease({ runId: 'run-1', fence }, never);
    const aborted = await Promise.all(stores.map((store) => store.abortRun('run-1', never)));
    expect(aborted).toEqual([true, true, true]);
    expect((await stores[0]!.runMirror('run-1', never))!.fence).toBeGreaterThan(fence);
  });

  test('a run whose process fell silent within a transaction is aborted when the server has given that up', async () => {
    const settings = postgresSettings({ leaseMs: 1, limits: { lockMs: 500, idleMs: 1_000 } });
    const store = await openRecords(settings);
    await store.openRun(run, never);
    await withClient(async (client) => {
      await client.query('BEGIN; SET LOCAL idle_in_transaction_session_timeout = 1000');
      await client.query(`UPDATE ${settings.schema}.run SET last_lsn = 9`);
      expect(await store.abortRun('run-1', never)).toBe(true);
      await expect(client.query('COMMIT')).rejects.toThrow();
    });
    expect(await store.runMirror('run-1', never)).toMatchObject({ lastLsn: 0 });
  });
});
