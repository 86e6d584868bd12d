import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../lib/contracts/error-codes.ts';
import { dumpRecords } from '../helpers/dump-records.ts';
import { fetchRecords } from '../helpers/fetch.ts';
import { assembleMachine, CLEANUP } from '../helpers/machine.ts';
import { apex, type Finished, newFolder } from '../helpers/program.ts';
import { never } from '../helpers/records.ts';
import { openChangingFleet } from './changing-fleet.ts';
import { listRuns } from './invariants.ts';
import { randomFrom } from './random.ts';

type Machine = Awaited<ReturnType<typeof assembleMachine>>['machine'];

/** How a killed fetch is brought to its end. */
export const FETCH_RECOVERIES = ['resume', 'the same command', 'rollback', 'cleanup first'] as const;
export type FetchRecovery = (typeof FETCH_RECOVERIES)[number];

/** A memory that has met a fleet, and the fleet as it has become since: what a fetch is killed over. */
export interface RecordScenario {
  /** What an undisturbed fetch gives. */
  readonly reference: Record<string, string[]>;
  /** How many requests it takes. */
  readonly requests: number;
  /** The points that it passes, each as often as it does: `point@n` is the nth time. */
  readonly points: readonly string[];
  killAndRecover(point: string, recovery: FetchRecovery): Promise<FetchOutcome>;
  remove(): void;
}

/** What a kill and a recovery from it came to. */
interface FetchOutcome {
  readonly killed: Finished;
  readonly verified: { readonly exitStatus: number; readonly differences: readonly unknown[] };
  readonly dump: Record<string, string[]>;
  /** How many requests were made in all, by what was killed and by what came after. */
  readonly requests: number;
}

/** Transactions in which the process may die: before their commit, and after it before anyone knows. */
const COMMITS = [
  ...['records.open-run', 'records.allocate', 'records.write', 'graph.write', 'vectors.write', 'records.pivot'],
  ...['graph.publish', 'vectors.publish', 'graph.retire', 'vectors.retire', 'records.retire', 'records.finish'],
  ...['graph.latest', 'cache.set', 'cache.retire', 'registry.create', 'registry.set-state'],
  ...['journal.run_started', 'journal.batch_assigned', 'journal.effects_planned', 'journal.pivot_planned'],
  ...['journal.batch_done', 'journal.run_finished'],
];

const FETCH = ['ingest-json', '--source', 'samsara', '--json'];
/** Gives changes of every kind, with records that are rejected. */
const SEED = 11;
const CHANGES = 3;
const { quarantined: QUARANTINED, rolledBack: ROLLED_BACK } = EXIT;

/** Makes everything ready for a fetch to be killed. */
export async function openRecordScenario(): Promise<RecordScenario> {
  const root = newFolder('crash-records');
  const [before, after, log] = ['before', 'after', 'points.log'].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  const closing: (() => void)[] = [];
  const fleet = await openChangingFleet(randomFrom(SEED), (close) => closing.push(close));
  const { api } = fleet;
  await demand(apex(FETCH, { home: before, env: api.env }), 0);
  for (let count = 0; count < CHANGES; count += 1) fleet.change();
  cpSync(before, after, { recursive: true });
  const asked = api.requests.length;
  await demand(apex(FETCH, { home: after, env: { ...api.env, APEX_CRASH_LOG: log } }), QUARANTINED);
  const requests = api.requests.length - asked;
  const passed = numbered(readFileSync(log, 'utf8').trim().split('\n'));
  let cases = 0;
  return {
    reference: dumpRecords(after),
    requests,
    points: [...passed, ...COMMITS.flatMap((label) => [`${label}:before-commit`, `${label}:after-commit`])],
    killAndRecover: async (point, recovery) => {
      cases += 1;
      const home = join(root, `home-${cases}`);
      cpSync(before, home, { recursive: true });
      // A header by which the requests of this case are known.
      const env = { ...api.env, SAMSARA_API_VERSION: `case-${cases}` };
      const killed = await apex(FETCH, { home, env: { ...env, APEX_CRASH_POINT: point } });
      const verified = await recoverAndVerify(recovery, { home, env });
      const own = api.requests.filter(({ headers }) => headers['x-samsara-version'] === env.SAMSARA_API_VERSION);
      const outcome = { killed, verified, dump: dumpRecords(home), requests: own.length };
      rmSync(home, { recursive: true, force: true });
      return outcome;
    },
    remove: () => {
      for (const close of closing) close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

interface Place {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The same command is given to the built program; what the others do is done in this process, which is some times faster. */
async function recoverAndVerify(recovery: FetchRecovery, place: Place): Promise<FetchOutcome['verified']> {
  // Killed after the end of its run: nothing is left to do, and whoever asks again asks for what is new.
  const hasEnded = listRuns(place.home).filter(({ state }) => state === 'completed').length > 1;
  if (recovery === 'the same command' && !hasEnded) await demand(apex(FETCH, place), 0, QUARANTINED);
  const { machine, verify, close } = await assembleMachine(place.home, { env: place.env });
  try {
    if (recovery !== 'the same command' && !hasEnded) await recover(machine, recovery, place.home);
    const { exit_status: exitStatus, differences } = await verify();
    return { exitStatus, differences };
  } finally {
    await close();
  }
}

async function recover(machine: Machine, recovery: FetchRecovery, home: string): Promise<void> {
  const run = listRuns(home).find(({ state }) => state === 'running' || state === 'interrupted');
  if (recovery === 'rollback' && run !== undefined)
    demandStatus((await machine.rollback(run.runId, ignore, never)).exit_status, ROLLED_BACK);
  if (recovery === 'cleanup first') demandStatus((await machine.cleanup(CLEANUP, ignore, never)).exit_status, 0);
  // A command killed before its run was begun leaves nothing to resume.
  const resumed = recovery === 'resume' ? await machine.resume(null, ignore, never) : null;
  const { exit_status } = resumed ?? (await fetchRecords(machine, 'samsara'));
  demandStatus(exit_status, 0, QUARANTINED);
}

function ignore(): void {}

function numbered(points: readonly string[]): string[] {
  const counts = new Map<string, number>();
  return points.map((point) => {
    const count = (counts.get(point) ?? 0) + 1;
    counts.set(point, count);
    return count === 1 ? point : `${point}@${count}`;
  });
}

function demandStatus(exitStatus: number, ...wanted: number[]): void {
  if (!wanted.includes(exitStatus)) throw new Error(`exit status ${exitStatus}, expected ${wanted.join(' or ')}`);
}

async function demand(running: Promise<Finished>, ...exitCodes: number[]): Promise<Finished> {
  const finished = await running;
  const { exitCode, signal, stdout, stderr } = finished;
  if (exitCode === null || !exitCodes.includes(exitCode))
    throw new Error(`exit ${exitCode} ${signal}, expected ${exitCodes.join(' or ')}: ${stdout}\n${stderr}`);
  return finished;
}
