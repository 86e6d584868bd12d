import { expect, onTestFinished, test } from 'vitest';
import type { RunPlan } from '../../../lib/contracts/journal.ts';
import { openDataFolder, openRegistry } from '../../../lib/journal/index.ts';
import { LocalEngine } from '../../../src/engines/local.ts';
import { openFakeParts } from '../../helpers/fakes/machine.ts';
import { Faults, journalFailure, noAnswer, refusal } from '../../helpers/faults.ts';
import { temporaryFolder } from '../../helpers/memory.ts';
import { never } from '../../helpers/records.ts';

/** Goal: a run says what it came to, and the same command goes on with it. Method: real journals, and all other parts in memory. */

const PLAN: RunPlan = {
  ...{ kind: 'ingest', source: 'fake', targets: ['/docs'], documentId: null, group: 'default', settingsDigest: 's' },
};

async function openEngine(texts: Readonly<Record<string, string>> = { a: 'one', b: 'two' }) {
  const folder = temporaryFolder();
  openDataFolder(folder);
  let journals = 0;
  const createJournalId = () => `journal-${++journals}`;
  const registry = await openRegistry({ folder, createJournalId, now: Date.now, probe: null });
  onTestFinished(() => registry.close());
  const faults = new Faults();
  const create = registry.create.bind(registry);
  registry.create = async (run) => faults.wrap('journal', await create(run));
  const { stores, parts } = openFakeParts({ texts, faults, registry });
  const engine = new LocalEngine(parts);
  return {
    ...{ faults, stores, registry },
    start: (signal = never) => engine.start(PLAN, () => {}, signal),
    current: async () => (await stores.records.currentVersions(null, 99, never)).length,
  };
}

const writes = (calls: readonly string[]) => calls.filter((call) => /\.(?:write\w*|pivot|publish|set)$/.test(call));

test('a run brings its documents in, and the same command again does nothing', async () => {
  const { faults, start, current } = await openEngine();
  expect(await start()).toMatchObject({ state: 'completed', added: 2, batches: 1, exit_status: 0, error: null });
  faults.forget();
  expect(await start()).toMatchObject({ state: 'completed', added: 0, unchanged: 2, batches: 0, exit_status: 0 });
  expect([writes(faults.calls), await current()]).toEqual([[], 2]);
});

test('a run that a store stopped leaves nothing, and the same command goes on with it', async () => {
  const { faults, stores, registry, start, current } = await openEngine();
  faults.fail('vectors.write:before', noAnswer(), 3);
  const stopped = await start();
  expect(stopped).toMatchObject({ state: 'interrupted', exit_status: 75, error: { code: 'APEX_STORE' } });
  expect(await Array.fromAsync(stores.graph.versions(never))).toEqual([]);
  expect(await start()).toMatchObject({ run_id: stopped.run_id, state: 'completed', added: 2, exit_status: 0 });
  expect([await current(), (await registry.list()).length]).toEqual([2, 1]);
});

test('a run that the user interrupted says so, leaves nothing, and the same command goes on with it', async () => {
  const { faults, stores, start, current } = await openEngine();
  const user = new AbortController();
  faults.at('graph.write:after', () => user.abort('SIGINT'));
  expect(await start(user.signal)).toMatchObject({
    ...{ state: 'interrupted', exit_status: 130, error: { code: 'ABORTED' } },
  });
  expect(await Array.fromAsync(stores.vectors.versions(never))).toEqual([]);
  expect(await start()).toMatchObject({ state: 'completed', added: 2 });
  expect(await current()).toBe(2);
});

test.each(['a store', 'the user'])('a discard that fails needs attention and is said: stopped by %s', async (who) => {
  const { faults, registry, start } = await openEngine();
  const user = new AbortController();
  if (who === 'the user') faults.at('graph.write:after', () => user.abort('SIGINT'));
  else faults.fail('graph.write:after', refusal());
  faults.fail('graph.discard:before', noAnswer(), 3);
  const stopped = await start(user.signal);
  expect(stopped).toMatchObject({
    ...{ state: 'needs_attention', exit_status: 5, error: { code: 'APEX_COMPENSATION', retryable: true } },
  });
  expect((await registry.get(stopped.run_id))?.state).toBe('needs_attention');
});

test('after a journal failure nothing is said of the run: the next process finds it as it was left', async () => {
  const { faults, registry, start, current } = await openEngine();
  faults.fail('journal.append.pivot_done:before', journalFailure());
  await expect(start()).rejects.toMatchObject({ code: 'APEX_JOURNAL' });
  expect(faults.calls.at(-1)).toBe('journal.append.pivot_done');
  expect((await registry.list()).map(({ state }) => state)).toEqual(['running']);
  expect(await current()).toBe(2);
});
