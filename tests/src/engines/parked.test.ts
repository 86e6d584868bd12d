import { expect, test } from 'vitest';
import { StoreError } from '../../../lib/contracts/errors.ts';
import type { Stores } from '../../../lib/contracts/store.ts';
import { openCase } from '../../helpers/case.ts';
import { dumpMemory } from '../../helpers/dump.ts';
import { failing, intercepted } from '../../helpers/intercept.ts';
import { openMachine, withStores } from '../../helpers/machine.ts';

/**
 * Goal: what cannot be discarded is never swallowed. Method: one store refuses a write and one refuses the discard, in this
 * process over the real parts; the built program lists what is left, and a healthy process clears it up.
 */

const REFUSAL = new StoreError('the store refuses', { code: 'APEX_STORE' });

/** Which stores refuse at the moment. */
interface Faults {
  write: keyof Stores | null;
  discard: keyof Stores | null;
}

/** A memory that holds one text, whose file says something else by now, and a process whose stores refuse as the faults say. */
async function openParked(faults: Faults) {
  const opened = openCase({ 'a.txt': 'Bay nine is free.\n' });
  await opened.ingest();
  opened.write('a.txt', 'Bay ten is free.\n');
  const broken = await openMachine(opened.home, {
    change: (parts) =>
      withStores(parts, ({ records, graph, vectors }) => ({
        records: failing(records, 'discard', REFUSAL, () => faults.discard === 'records'),
        graph: failing(
          failing(graph, 'discard', REFUSAL, () => faults.discard === 'graph'),
          'write',
          REFUSAL,
          () => faults.write === 'graph',
        ),
        vectors: failing(
          failing(vectors, 'discard', REFUSAL, () => faults.discard === 'vectors'),
          'write',
          REFUSAL,
          () => faults.write === 'vectors',
        ),
      })),
  });
  return { ...opened, broken };
}

/** Nothing is left of any version that is not current. */
function leftovers(home: string) {
  const { leftovers, unsettled } = dumpMemory(home);
  return [...leftovers!.filter((row) => (row as { rows: number }).rows > 0), ...unsettled!];
}

test.each([
  ['records', 'vectors'],
  ['graph', 'vectors'],
  ['vectors', 'graph'],
] as const)(
  'a discard that %s refuses is parked: exit 5, listed, and nothing of it is seen',
  async (discard, write) => {
    const { home, documents, run, search, verify, broken } = await openParked({ write, discard });
    const { summary } = await broken.ingest(documents);
    expect(summary).toMatchObject({ state: 'needs_attention', exit_status: 5, error: { code: 'APEX_COMPENSATION' } });
    await broken.close();
    const { lines } = await run('runs', 'list');
    expect(lines[0]).toMatchObject({
      run_id: summary.run_id,
      state: 'needs_attention',
      is_owned: false,
      exit_status: 5,
    });
    expect((await run('runs', 'show', summary.run_id)).lines[0]).toMatchObject({
      parked: 1,
      batches: [{ state: 'parked', documents: 1, error: { code: 'APEX_COMPENSATION' } }],
    });
    expect([await search('nine'), await search('ten')]).toEqual([['Bay nine is free.'], []]);
    expect(leftovers(home)).not.toEqual([]);
    expect(await verify()).toBe(5);
  },
);

test.each<[string, (opened: ReturnType<typeof openCase>) => Promise<number | null>]>([
  ['cleanup', async ({ run }) => (await run('cleanup')).exitCode],
  ['the same ingest', async ({ run, documents }) => (await run('ingest', documents)).exitCode],
  ['another ingest', async ({ run }) => (await run('ingest', 'fixtures/sample/dock-note.txt')).exitCode],
  ['resume', async ({ run }) => (await run('resume')).exitCode],
])('%s clears up what is parked as soon as the store takes it, and ends with 0', async (_, clearUp) => {
  const opened = await openParked({ write: 'graph', discard: 'vectors' });
  await opened.broken.ingest(opened.documents);
  await opened.broken.close();
  expect(await clearUp(opened)).toBe(0);
  expect(leftovers(opened.home)).toEqual([]);
  expect(await opened.verify()).toBe(0);
  expect((await opened.ingest()).summary).toMatchObject({ state: 'completed', exit_status: 0 });
  expect([await opened.search('nine'), await opened.search('ten')]).toEqual([[], ['Bay ten is free.']]);
});

test('as long as something stays parked, cleanup and every ingest end with 5, and what they had to do is done', async () => {
  const faults: Faults = { write: 'graph', discard: 'vectors' };
  const { documents, run, write, broken } = await openParked(faults);
  const { summary } = await broken.ingest(documents);
  faults.write = null;
  expect(await broken.cleanup()).toMatchObject({ parked: 1, exit_status: 5 });
  const other = await broken.ingest('fixtures/sample/dock-note.txt');
  expect(other.summary).toMatchObject({ added: 1, state: 'completed', exit_status: 5 });
  expect(other.warnings).toContain('APEX_COMPENSATION');
  write('b.txt', 'Bay eleven is free.\n');
  const again = await broken.ingest(documents);
  expect(again.summary).toMatchObject({ added: 1, updated: 1, state: 'needs_attention', exit_status: 5 });
  expect(again.summary.run_id).toBe(summary.run_id);
  expect((await broken.resume()).summary).toMatchObject({ unchanged: 2, state: 'needs_attention', exit_status: 5 });
  await broken.close();
  expect((await run('cleanup')).exitCode).toBe(0);
  expect((await run('resume')).lines.at(-1)).toMatchObject({
    run_id: summary.run_id,
    state: 'completed',
    exit_status: 0,
  });
});

test('an interruption does not hide what is parked', async () => {
  const interruption = new AbortController();
  const { home, documents } = openCase({ 'a.txt': 'Bay nine is free.\n' });
  const { machine } = await openMachine(home, {
    change: (parts) =>
      withStores(parts, ({ graph, vectors }) => ({
        graph: intercepted(graph, 'write', async () => {
          interruption.abort('SIGINT');
          throw REFUSAL;
        }),
        vectors: failing(vectors, 'discard', REFUSAL),
      })),
  });
  const request = { targets: [documents], source: 'local_upload', documentId: null, onError: 'continue' } as const;
  const summary = await machine.ingest(request, () => {}, interruption.signal);
  expect(summary).toMatchObject({ state: 'needs_attention', exit_status: 5, error: { code: 'APEX_COMPENSATION' } });
});
