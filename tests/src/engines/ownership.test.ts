import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Stores } from '../../../lib/contracts/store.ts';
import { openEmbeddedStores } from '../../../lib/stores/index.ts';
import type { Parts } from '../../../src/pipeline/parts.ts';
import { openCase } from '../../helpers/case.ts';
import { dumpMemory } from '../../helpers/dump.ts';
import { intercepted } from '../../helpers/intercept.ts';
import { openMachine, withStores } from '../../helpers/machine.ts';
import { apex } from '../../helpers/program.ts';
import { collect, never, recordOf, ref } from '../../helpers/records.ts';

/**
 * Goal: a run has one owner, and a memory is what its stores are. Method: machines in this process over one data directory, their
 * stores held or exchanged.
 */

/** Parts whose pivots wait until `before` has ended. */
const heldBeforePivot = (before: () => Promise<unknown>) => (parts: Parts) =>
  withStores(parts, ({ records }) => ({
    records: intercepted(records, 'pivot', async ({ go }) => {
      await before();
      return go();
    }),
  }));

function leftovers(home: string) {
  const { leftovers, unsettled } = dumpMemory(home);
  return [...leftovers!.filter((row) => (row as { rows: number }).rows > 0), ...unsettled!];
}

test.each(['has ended', 'is still writing'])(
  'a process whose run was taken over ends with 75 and discards nothing, when the new owner %s',
  async (when) => {
    const { home, documents, verify } = openCase({ 'a.txt': 'Gate one.\n', 'b.txt': 'Bay nine.\n' });
    const isWriting = Promise.withResolvers<void>();
    const hasEnded = Promise.withResolvers<void>();
    const owner = await openMachine(home, {
      change: heldBeforePivot(async () => {
        isWriting.resolve();
        if (when === 'is still writing') await hasEnded.promise;
      }),
    });
    let takenOver: ReturnType<typeof owner.resume> | null = null;
    const zombie = await openMachine(home, {
      change: heldBeforePivot(async () => {
        const [run] = await owner.runs();
        // The kernel frees the lock only at death; here it is let go while the process lives.
        await zombie.parts.registry.release(run!.runId);
        takenOver = owner.resume(run!.runId);
        await (when === 'has ended' ? takenOver : isWriting.promise);
      }),
    });
    const ended = await zombie.ingest(documents);
    hasEnded.resolve();
    expect(ended.summary).toMatchObject({ added: 0, exit_status: 75, error: { code: 'FENCED' } });
    const { summary } = await takenOver!;
    expect(summary).toMatchObject({ run_id: ended.summary.run_id, added: 2, state: 'completed', exit_status: 0 });
    expect(await owner.runs()).toMatchObject([{ runId: summary.run_id, state: 'completed', exitStatus: 0 }]);
    expect([leftovers(home), await verify()]).toEqual([[], 0]);
  },
);

test('an ingest whose interrupted run is claimed by another process first does its work in a run of its own', async () => {
  const { home, documents, run, verify } = openCase({ 'a.txt': 'Gate one.\n' });
  const point = { APEX_CRASH_POINT: 'records.pivot:before' };
  expect((await apex(['ingest', documents], { home, env: point })).signal).toBe('SIGKILL');
  const other = await openMachine(home);
  const [dead] = await other.runs();
  const { ingest } = await openMachine(home, {
    change: (parts) => ({
      ...parts,
      registry: intercepted(parts.registry, 'claim', async ({ go }) => {
        // A cleanup has it for a moment, to settle what it left.
        await other.parts.registry.claim(dead!.runId);
        return go();
      }),
    }),
  });
  const { summary } = await ingest(documents);
  expect(summary).toMatchObject({ added: 1, state: 'completed', exit_status: 0 });
  expect(summary.run_id).not.toBe(dead!.runId);
  await other.close();
  expect((await run('cleanup')).exitCode).toBe(0);
  expect([leftovers(home), await verify()]).toEqual([[], 0]);
});

test('what a process wrote after its run had ended is discarded by the next one, and said', async () => {
  const { home, documents, verify } = openCase({ 'a.txt': 'Gate one.\n' });
  const machine = await openMachine(home);
  const { summary } = await machine.ingest(documents);
  const late = ref(summary.run_id, 7);
  await machine.parts.stores.graph.write(late, [recordOf('late')], never);
  await machine.parts.stores.records.write(late, [recordOf('late')], never);
  expect(await verify()).toBe(5);
  const next = await machine.ingest(documents);
  expect(next.warnings).toEqual(['JOURNAL_WENT_BACK']);
  expect([leftovers(home), await verify()]).toEqual([[], 0]);
});

/** Other stores than the memory's own, in a file of their own. */
async function openOtherStores(path: string): Promise<Stores> {
  const embedder = { model: 'lexical-1', dimensions: 512 };
  const { stores, close } = await openEmbeddedStores({ path, embedder, createMemoryId: () => 'another' });
  onTestFinished(close);
  return stores;
}

test.each(['graph', 'vectors'] as const)(
  'a role that points at another store (%s): everything is written there, without an embedding call, and proved there',
  async (role) => {
    const { home, documents } = openCase({
      'a.txt': 'Gate one.\n',
      'b.md': '# Load LD-700001\n\nCarrier: Farrow Freight LLC\n',
    });
    const before = await openMachine(home);
    await before.ingest(documents);
    const other = await openOtherStores(join(home, 'other.db'));
    let isEmbedded = false;
    const change = (parts: Parts): Parts => ({
      ...withStores(parts, () => ({ [role]: other[role] })),
      embedder: intercepted(parts.embedder, 'embed', ({ go }) => {
        isEmbedded = true;
        return go();
      }),
    });
    const moved = await openMachine(home, { change });
    const { differences } = await moved.verify();
    expect(new Set(differences.map((difference) => difference.problem))).toEqual(new Set(['missing']));
    expect((await moved.ingest(documents)).summary).toMatchObject({ updated: 2, unchanged: 0, embedding_calls: 0 });
    expect(isEmbedded).toBe(false);
    expect((await moved.verify()).differences).toEqual([]);
    expect(await collect(other[role].versions(never))).toHaveLength(2);
    expect((await moved.ingest(documents)).summary).toMatchObject({ unchanged: 2, batches: 0 });
    expect(await moved.search('gate')).toEqual(['Gate one.']);
  },
);
