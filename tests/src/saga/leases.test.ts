import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Leases } from '../../../src/saga/leases.ts';
import { FakeRecordsStore } from '../../helpers/fakes/records.ts';
import { Faults, noAnswer } from '../../helpers/faults.ts';
import { never } from '../../helpers/records.ts';

/** Goal: a living run is held, a dead one is not for long. Method: a clock of the tests, which moves while somebody waits. */

const LEASE_MS = 60_000;

function openHost() {
  let nowMs = 0;
  const faults = new Faults();
  const store = new FakeRecordsStore({ leaseMs: LEASE_MS, now: () => nowMs });
  const waits = new Set<{ readonly untilMs: number; readonly wake: () => void }>();
  const sleep = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const wait = { untilMs: nowMs + ms, wake: resolve };
      waits.add(wait);
      signal.addEventListener('abort', () => {
        waits.delete(wait);
        reject(signal.reason);
      });
    });
  const leases = new Leases({ stores: { records: faults.wrap('records', store) }, surroundings: { sleep } });
  return {
    ...{ faults, leases, store, waits },
    open: (runId: string) => leases.open({ runId, journalId: 'journal' }, never),
    heldRuns: async () => (await store.heldRuns(never)).runs.map(({ runId }) => runId),
    /** Lets time pass, and whoever waited go on. */
    pass: async (ms: number) => {
      for (const untilMs = nowMs + ms; nowMs < untilMs; ) {
        nowMs = Math.min(untilMs, nowMs + 1_000);
        for (const wait of [...waits].filter((one) => one.untilMs <= nowMs)) {
          waits.delete(wait);
          wait.wake();
        }
        await turn();
      }
    },
  };
}

test('a run is held as long as it is not let go, and no longer', async () => {
  const { leases, open, heldRuns, pass, store, waits } = openHost();
  await open('run-1');
  await pass(10 * LEASE_MS);
  expect(await heldRuns()).toEqual(['run-1']);
  expect(await store.abortRun('run-1', never)).toBe(false);
  await leases.release('run-1');
  expect([await heldRuns(), waits.size]).toEqual([[], 0]);
});

test('a renewal that gets no answer is made up for by the next', async () => {
  const { faults, heldRuns, leases, open, pass } = openHost();
  faults.fail('records.renewLease:before', noAnswer(), 2);
  await open('run-1');
  await pass(LEASE_MS);
  expect(await heldRuns()).toEqual(['run-1']);
  expect(faults.calls.filter((call) => call === 'records.renewLease')).toHaveLength(4);
  expect(leases.lossOf('run-1')).toBeNull();
});

test('who is silent for longer than its lease loses the run, and hears of it as soon as it asks', async () => {
  const { faults, heldRuns, leases, open, pass, store } = openHost();
  faults.fail('records.renewLease:before', noAnswer(), 4);
  await open('run-1');
  await pass(LEASE_MS);
  expect(await heldRuns()).toEqual([]);
  expect(await store.abortRun('run-1', never)).toBe(true);
  await pass(LEASE_MS);
  expect(leases.lossOf('run-1')).toMatchObject({ code: 'FENCED' });
  await leases.release('run-1');
  await open('run-1');
  expect(leases.lossOf('run-1')).toBeNull();
  await leases.close();
});

test('a run that nobody took in the silence goes on', async () => {
  const { faults, heldRuns, leases, open, pass } = openHost();
  faults.fail('records.renewLease:before', noAnswer(), 4);
  await open('run-1');
  await pass(2 * LEASE_MS);
  expect([await heldRuns(), leases.lossOf('run-1')]).toEqual([['run-1'], null]);
});

test('letting go of a run does not need the store, and all are let go of in the end', async () => {
  const { faults, leases, open, waits } = openHost();
  faults.fail('records.endLease:before', noAnswer());
  await open('run-1');
  await open('run-2');
  await leases.release('run-9');
  await leases.close();
  expect(waits.size).toBe(0);
  expect(faults.calls.filter((call) => call === 'records.endLease')).toHaveLength(2);
});

test('a failure that is no silence is told to whoever lets go', async () => {
  const { faults, leases, open, pass } = openHost();
  faults.fail('records.renewLease:before', new TypeError('a mistake'));
  await open('run-1');
  await pass(LEASE_MS);
  await expect(leases.release('run-1')).rejects.toThrow('a mistake');
});

test('where no other host can be, nothing is renewed', async () => {
  const waits: number[] = [];
  const sleep = async (ms: number) => void waits.push(ms);
  const leases = new Leases({ stores: { records: new FakeRecordsStore() }, surroundings: { sleep } });
  expect(await leases.open({ runId: 'run-1', journalId: 'journal' }, never)).toMatchObject({ fence: 1 });
  await leases.close();
  expect(waits).toEqual([]);
});
