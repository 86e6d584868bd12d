import { cpSync, rmSync } from 'node:fs';
import { noAnswer } from '../helpers/faults.ts';
import { failing } from '../helpers/intercept.ts';
import { assembleMachine, withStores } from '../helpers/machine.ts';
import { apex, type Finished } from '../helpers/program.ts';
import { never } from '../helpers/records.ts';
import { listRuns } from './invariants.ts';
import { type Scenario, SETTINGS } from './scenario.ts';

/** A data directory in a state in which its journals may be damaged. */
export interface Place {
  readonly name: string;
  readonly scenario: Scenario;
  /** The data directory, to be copied. */
  readonly home: string;
  /** As it was when the run was in its middle. */
  readonly older: string;
  readonly runId: string;
}

/** How a run is left, after it was killed once before its second batch. */
const STATES: { readonly [name: string]: (home: string, runId: string, scenario: Scenario) => Promise<void> } = {
  'a finished run': async (home, runId) => {
    const { exitCode, stderr } = await apex(['resume', runId], { home, env: SETTINGS });
    if (exitCode !== 3 && exitCode !== 0) throw new Error(stderr);
  },
  'a run killed before its pivot': (home, runId) => killed(home, runId, 'graph.write:after'),
  'a run killed after its pivot': (home, runId) => killed(home, runId, 'records.pivot:after'),
  'a run killed before its batch was planned': (home, runId) =>
    killed(home, runId, 'journal.append.batch_assigned:after'),
  'a run with a parked discard': async (home, runId) => {
    const { machine, close } = await assembleMachine(home, {
      env: SETTINGS,
      change: (parts) =>
        withStores(parts, ({ graph }) => ({
          graph: failing(failing(graph, 'write', noAnswer()), 'discard', noAnswer()),
        })),
    });
    const summary = await machine.resume(runId, () => {}, never);
    await close();
    if (summary?.state !== 'needs_attention') throw new Error(`the discard is not parked: ${summary?.state}`);
  },
};

/** Every state in which journals are damaged. */
export async function openPlaces(scenario: Scenario): Promise<Place[]> {
  const places: Place[] = [];
  for (const [name, leave] of Object.entries(STATES)) {
    const home = scenario.newHome();
    expectKilled(await crashing(home, 'journal.append.batch_assigned:before@2', scenario.args));
    const older = `${home}-older`;
    cpSync(home, older, { recursive: true });
    const runId = listRuns(home)[0]!.runId;
    await leave(home, runId, scenario);
    places.push({ name, scenario, home, older, runId });
  }
  return places;
}

async function killed(home: string, runId: string, point: string): Promise<void> {
  expectKilled(await crashing(home, point, ['resume', runId]));
}

function crashing(home: string, point: string, args: readonly string[]): Promise<Finished> {
  return apex(args, { home, env: { ...SETTINGS, APEX_CRASH_POINT: point } });
}

function expectKilled({ signal, stderr }: Finished): void {
  if (signal !== 'SIGKILL') throw new Error(`the point was never reached: ${stderr}`);
}

/** A copy of the place to work on. */
export function copyOf({ home }: Place, number: number): string {
  const copy = `${home}-copy-${number}`;
  rmSync(copy, { recursive: true, force: true });
  cpSync(home, copy, { recursive: true });
  return copy;
}
