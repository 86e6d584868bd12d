import { execFileSync } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { expectEnd, openVictim, type Victim } from '../helpers/bad-input.ts';
import { dumpMemory } from '../helpers/dump.ts';
import { openOpenAiServer } from '../helpers/openai-server.ts';
import { apex } from '../helpers/program.ts';

/**
 * Goal: a signal, and a second apex, stop nothing halfway. Method: an embedding server that gives no answer holds a run where it can
 * be signalled and met; what a terminal shows of it is in `output.test.ts`.
 */

const CONTINUE = /Continue with: apex resume [0-9a-f-]{36}/;

/** A run over three documents that waits for the server's answer, one document a batch. */
async function openWaitingRun(...flags: string[]) {
  const server = await openOpenAiServer();
  const victim = await openVictim({ env: { ...server.env, APEX_BATCH_SIZE: '1' } });
  for (const name of ['a', 'b', 'c']) victim.write(`${name}.txt`, `Document ${name} waits at the dock.`);
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<null>();
  server.respond = () => {
    asked.resolve();
    return answer.promise;
  };
  const started = victim.start(['ingest', victim.documents, ...flags]);
  await asked.promise;
  return { victim, env: server.env, started, speak: () => answer.resolve(null) };
}

/** Goes on with the interrupted run: it ends as one that was never interrupted. */
async function assertResumed(victim: Victim, env: Readonly<Record<string, string>>): Promise<void> {
  await victim.assertUnharmed();
  expectEnd(await victim.run(['resume']), 0, /added/);
  const reference = join(victim.root, 'reference');
  await apex(['ingest', victim.documents], { home: reference, env });
  const isNew = (sourceUri: string) => sourceUri.includes('/documents/');
  expect(dumpMemory(victim.home, isNew)).toEqual(dumpMemory(reference));
  expectEnd(await victim.run(['resume']), 0, 'There is nothing to resume.');
  await victim.assertUnharmed();
}

test.each([
  ['SIGINT', 130, 'text'],
  ['SIGTERM', 143, 'text'],
  ['SIGINT', 130, 'json'],
  ['SIGTERM', 143, 'json'],
] as const)('%s ends a run with %i, and it is gone on with: %s', async (signal, exitCode, format) => {
  const { victim, env, started, speak } = await openWaitingRun(...(format === 'json' ? ['--json'] : []));
  started.kill(signal);
  const finished = await started.finished;
  expectEnd(finished, exitCode, 'Stopping after what is being written; press Ctrl-C again to stop at once.', CONTINUE);
  if (format === 'json') expect(finished.lines.at(-1)).toMatchObject({ state: 'interrupted', exit_status: exitCode });
  expect((await victim.run(['runs', 'list', '--json'])).lines[0]).toMatchObject({ state: 'interrupted' });
  speak();
  await assertResumed(victim, env);
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  'a second %s ends a run at once, whatever the first one waits for',
  async (signal) => {
    const { victim, env, started, speak } = await openWaitingRun();
    // A run cannot note that it was interrupted while another holds the registry.
    const registry = new Database(join(victim.home, 'registry.db'));
    registry.exec('BEGIN IMMEDIATE');
    started.kill(signal);
    await started.notes('press Ctrl-C again');
    // What comes sooner is taken for the same one: a terminal and a wrapper each deliver it.
    await setTimeout(300);
    started.kill(signal);
    const finished = await started.finished;
    registry.close();
    expect(finished.signal).toBe(signal);
    expect(finished.stderr).toMatch(/Stopped at once; .+ Continue with: apex resume$/);
    speak();
    await assertResumed(victim, env);
  },
);

test('a signal before there is a run ends the command with its status, and is no bug', async () => {
  const victim = await openVictim();
  const good = victim.write('good.txt', 'Bay nine is free.');
  await victim.run(['ingest', good], { env: { APEX_CRASH_POINT: 'records.pivot:before' } });
  // The program opens this file at each point that it passes, and waits for who reads it.
  const log = join(victim.root, 'points');
  execFileSync('mkfifo', [log]);
  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const started = victim.start(['cleanup'], { APEX_CRASH_LOG: log });
    const reader = await open(log, 'r');
    const writer = await open(log, 'r+');
    started.kill(signal);
    const points = reader.createReadStream().resume();
    expectEnd(await started.finished, exitCode, 'apex: interrupted; run the same command again');
    points.destroy();
    await writer.close();
  }
  expectEnd(await victim.run(['cleanup']), 0, '1 run settled: 0 batches finished, 1 discarded, 0 parked');
  expectEnd(await victim.run(['resume']), 0, /added .*good\.txt/);
  await victim.assertUnharmed();
});

test('beside a run at work a second apex reads, does what is its own, and leaves the run to its owner', async () => {
  const { victim, started, speak } = await openWaitingRun();
  const [run] = (await victim.run(['runs', 'list', '--json'])).lines;
  expect(run).toMatchObject({ state: 'running', is_owned: true });
  const runId = String(run!['run_id']);
  for (const command of ['resume', 'rollback']) {
    const said = `run ${runId} is being worked on by another process`;
    expectEnd(await victim.run([command, runId]), 75, said, 'Wait for it to end, then run the same command again.');
  }
  expectEnd(await victim.run(['resume']), 0, 'There is nothing to resume.');
  expectEnd(await victim.run(['cleanup']), 0, 'There is nothing to clean up.');
  expectEnd(await victim.run(['search', 'dock', '--mode', 'keyword']), 0, 'Dock four was free before.');
  await victim.assertUnharmed();
  const second = victim.start(['ingest', victim.documents, '--json']);
  speak();
  const finished = await Promise.all([started.finished, second.finished]);
  for (const each of finished) expectEnd(each, 0);
  expect(dumpMemory(victim.home)['documents']).toHaveLength(4);
  expectEnd(await victim.run(['ingest', victim.documents]), 0, /unchanged {2}3/);
  await victim.assertUnharmed();
});
