import { expect, test } from 'vitest';
import { StoreError } from '../../lib/contracts/errors.ts';
import { openCase } from '../helpers/case.ts';
import { failing } from '../helpers/intercept.ts';
import { openMachine, withStores } from '../helpers/machine.ts';
import { openOpenAiServer, refusal } from '../helpers/openai-server.ts';
import { apex, startApex } from '../helpers/program.ts';
import { hasTerminal, openTerminal, steadyText } from '../helpers/terminal.ts';

/** Goal: whoever looks at a run sees where it stands, why, and what to do. Method: the built program over runs that went wrong. */

const REFUSAL = new StoreError('the store refuses', { code: 'APEX_STORE' });

/** A memory with a run whose only batch could not be discarded from the vectors. */
async function openParked() {
  const opened = openCase({ 'a.txt': 'Bay nine is free.\n' });
  const { ingest, close } = await openMachine(opened.home, {
    change: (parts) =>
      withStores(parts, ({ graph, vectors }) => ({
        graph: failing(graph, 'write', REFUSAL),
        vectors: failing(vectors, 'discard', REFUSAL),
      })),
  });
  const { summary } = await ingest(opened.documents);
  await close();
  return { ...opened, runId: summary.run_id };
}

test('a parked discard is named with its batch, its store, the reason, since when, and what tries it again', async () => {
  const { home, run, runId } = await openParked();
  const { stdout } = await apex(['runs', 'show', runId], { home });
  expect(stdout).toMatch(
    /^parked batch 1 {2}since \d{4}-\d\d-\d\d [\d:]{8}; vectors did not take the discard \(the store refuses\); it is discarded because of APEX_STORE\ntry again with {2}apex cleanup$/m,
  );
  const [shown] = (await run('runs', 'show', runId)).lines;
  expect(shown).toMatchObject({
    parked: 1,
    batches: [{ state: 'parked', attempt: 1, reason: 'APEX_STORE', refused_by: ['vectors'], set_aside: 0 }],
    history: [{ what: 'started' }, { what: 'interrupted', reason: 'APEX_COMPENSATION' }],
  });
  await run('cleanup');
  expect((await apex(['runs', 'show', runId], { home })).stdout).not.toContain('parked batch');
});

test('runs are listed by where they stand and so many at most, a killed one as interrupted', async () => {
  const { home, documents, run, kill, write, ingest } = openCase({ 'a.txt': 'Bay nine is free.\n' });
  expect((await run('runs', 'list', '--state', 'failed')).stdout).toBe('');
  await ingest();
  await ingest();
  write('a.txt', 'Bay ten is free.\n');
  await kill('records.pivot:before', 'ingest', documents);
  const states = async (...flags: string[]) => (await run('runs', 'list', ...flags)).lines.map(({ state }) => state);
  expect(await states()).toEqual(['interrupted', 'completed', 'completed']);
  expect(await states('--state', 'completed')).toEqual(['completed', 'completed']);
  expect(await states('--state', 'interrupted')).toEqual(['interrupted']);
  expect(await states('--limit', '2')).toEqual(['interrupted', 'completed']);
  expect(await states('--state', 'completed', '--limit', '1')).toEqual(['completed']);
  const none = await apex(['runs', 'list', '--state', 'rolled_back'], { home });
  expect([none.stdout, none.stderr]).toEqual(['', 'No run is rolled back.']);
  for (const flags of [
    ['--state', 'done'],
    ['--limit', '0'],
    ['--limit', 'x'],
  ])
    expect((await run('runs', 'list', ...flags)).exitCode).toBe(2);
});

test('a run that stopped tells why, and each time that it was taken over', async () => {
  const server = await openOpenAiServer(() => refusal(401, 'invalid_api_key'));
  const { home, documents, runWith } = openCase({ 'a.txt': 'Bay nine is free.\n' }, server.env);
  await runWith({}, 'ingest', documents);
  await runWith({}, 'ingest', documents);
  const [stopped] = (await runWith({}, 'runs', 'list')).lines;
  const shown = (await apex(['runs', 'show', String(stopped!['run_id'])], { home, env: server.env })).stdout;
  expect(shown).toMatch(/^why +PROVIDER_REFUSED: Check the key, the model name and the account\.$/m);
  expect(shown).toMatch(/taken over .* \(resume\)/);
  expect(shown).toMatch(/^continue with +apex resume /m);
});

test('a live run shows what it is at', async () => {
  const answer = Promise.withResolvers<null>();
  const question = Promise.withResolvers<void>();
  const server = await openOpenAiServer(() => {
    question.resolve();
    return answer.promise;
  });
  const { home, documents, run } = openCase(
    { 'a.txt': 'Bay nine is free.\n', 'b.txt': 'Bay ten is free.\n' },
    server.env,
  );
  const ingest = startApex(['ingest', documents], { home, env: server.env });
  await question.promise;
  const [live] = (await run('runs', 'list', '--state', 'running')).lines;
  const { stdout } = await apex(['runs', 'show', String(live!['run_id'])], { home, env: server.env });
  expect(stdout).toMatch(/^now +batch 1 prepares 2 documents; begun \d{4}-/m);
  answer.resolve(null);
  expect((await ingest.finished).exitCode).toBe(0);
});

/** What differs from run to run, in as many columns. */
function steady(lines: readonly string[]): string {
  return steadyText(lines)
    .replaceAll(/\d[\d.]* m?s\b/g, '9 ms')
    .replaceAll(/ {2,}/g, '  ')
    .replaceAll(/the store r?\w*…/g, 'the store refuses');
}

test.skipIf(!hasTerminal).each([80, 120])(
  'a run with a parked discard on a terminal of %i columns',
  async (columns) => {
    const { home, runId } = await openParked();
    const terminal = openTerminal(['runs', 'show', runId], { home, columns });
    expect(await terminal.ended).toBe(0);
    for (const line of terminal.lines()) expect(line.length).toBeLessThanOrEqual(columns);
    expect(steady(terminal.lines())).toMatchSnapshot();
  },
);
