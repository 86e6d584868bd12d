import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { dumpWhole } from '../helpers/dump-records.ts';
import { apex, type Finished, newFolder } from '../helpers/program.ts';
import { writeDocuments, writeFirstState } from './documents.ts';
import { COMMANDS, type CommandName, type KilledCommand } from './killed-commands.ts';

/** Small batches, so that a handful of documents passes every point several times; one at a time, so that points come in order. */
export const SETTINGS = { APEX_BATCH_SIZE: '3', APEX_CONCURRENCY: '1' };

/** A memory with a first state of a folder, and the folder's second state: what every crash test starts from. */
export interface Scenario {
  readonly command: KilledCommand;
  /** The folder of documents, in its second state. */
  readonly documents: string;
  /** Another folder, for the ingest that comes in between. */
  readonly others: string;
  /** The command that is killed. */
  readonly args: readonly string[];
  /** What the memory holds before it. */
  readonly before: Record<string, unknown[]>;
  /** What an uninterrupted run of it gives. */
  readonly reference: Record<string, unknown[]>;
  /** The points that an uninterrupted run passes, each once, in order of first passing. */
  readonly points: readonly string[];
  /** A copy of the memory before the command. */
  newHome(): string;
  remove(): void;
}

/** Makes everything ready for a command to be killed. */
export async function openScenario(name: CommandName): Promise<Scenario> {
  const command = COMMANDS[name];
  const root = newFolder(`crash-${name}`);
  const documents = join(root, 'documents');
  const others = join(root, 'others');
  const before = join(root, 'before');
  writeFirstState(documents);
  writeDocuments(others, { 'other.md': '# Other\n\nLoad LD-900001 is carried by Farrow Freight LLC.\n' });
  await mustSucceed(apex(['ingest', documents, '--json'], { home: before, env: SETTINGS }), 3);
  // What a repair must come to is what was there before something was damaged.
  const whole = dumpWhole(before);
  const args = [...(await command.begin({ home: before, documents })), '--json'];
  const after = join(root, 'after');
  cpSync(before, after, { recursive: true });
  const log = join(root, 'points.log');
  await mustSucceed(apex(args, { home: after, env: { ...SETTINGS, APEX_CRASH_LOG: log } }), command.exitCode);
  const passed = [...new Set(readFileSync(log, 'utf8').trim().split('\n'))];
  const commits = command.commits.flatMap((label) => [`${label}:before-commit`, `${label}:after-commit`]);
  let homes = 0;
  return {
    command,
    documents,
    others,
    args,
    before: whole,
    reference: dumpWhole(after),
    points: [...passed, ...commits],
    newHome: () => {
      homes += 1;
      const home = join(root, `home-${homes}`);
      cpSync(before, home, { recursive: true });
      return home;
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** How a killed command is brought to its end. */
export const RECOVERIES = ['resume', 'rollback', 'cleanup first', 'second ingest first'] as const;
export type Recovery = (typeof RECOVERIES)[number];

/** What a kill and a recovery from it came to. */
export interface Outcome {
  readonly killed: Finished;
  readonly verified: Finished;
  readonly dump: Record<string, unknown[]>;
}

/** Kills the scenario's command at a point, recovers, verifies and dumps. */
export async function killAndRecover(scenario: Scenario, point: string, recovery: Recovery): Promise<Outcome> {
  const home = scenario.newHome();
  const killed = await apex(scenario.args, { home, env: { ...SETTINGS, APEX_CRASH_POINT: point } });
  await recover(scenario, home, recovery);
  const verified = await apex(['verify', '--json'], { home });
  const found = dumpWhole(home, (sourceUri) => !sourceUri.includes('/others/'));
  rmSync(home, { recursive: true, force: true });
  return { killed, verified, dump: found };
}

/** Brings a memory whose command was killed to the state an uninterrupted run would have reached. */
export async function recover(scenario: Scenario, home: string, recovery: Recovery): Promise<void> {
  const again = () => apex(scenario.args, { home, env: SETTINGS });
  if (recovery === 'rollback') {
    const runId = await interruptedRun(home);
    if (runId !== null) await mustSucceed(apex(['rollback', runId, '--json'], { home, env: SETTINGS }), 4);
  } else if (recovery === 'cleanup first') {
    await mustSucceed(apex(['cleanup', '--json'], { home, env: SETTINGS }), 0);
  } else if (recovery === 'second ingest first') {
    await mustSucceed(apex(['ingest', scenario.others, '--json'], { home, env: SETTINGS }), 0);
  }
  const resumed = recovery === 'rollback' ? null : await apex(['resume', '--json'], { home, env: SETTINGS });
  // A command killed before its run was listed, or after its end, leaves nothing to resume: then it is run again.
  if (resumed === null || resumed.stdout === '') await again();
}

async function interruptedRun(home: string): Promise<string | null> {
  const { lines } = await apex(['runs', 'list', '--json'], { home });
  const run = lines.find(({ state }) => state === 'running' || state === 'interrupted');
  return run === undefined ? null : String(run['run_id']);
}

async function mustSucceed(running: Promise<Finished>, exitCode: number): Promise<void> {
  const finished = await running;
  if (finished.exitCode !== exitCode)
    throw new Error(
      `exit ${finished.exitCode} ${finished.signal}, expected ${exitCode}: ${finished.stdout}\n${finished.stderr}`,
    );
}
