import { workThrough } from '../../src/pipeline/bounded.ts';
import { environmentOf, openServers } from '../servers/open.ts';
import { doubtCases, type FaultCase, faultCases, nameOf } from './fault-table.ts';
import { OwnServers } from './own-servers.ts';
import { RECOVERIES } from './scenario.ts';
import { openFaultScenario } from './server-faults.ts';
import { openServerScenario } from './server-scenario.ts';

type NewEnvironment = () => Record<string, string>;

/** Does some work over servers: those that variables name, else started here and stopped afterwards. */
export async function withServers<Result>(work: (newEnvironment: NewEnvironment) => Promise<Result>): Promise<Result> {
  const { urls, stop } = await openServers();
  try {
    for (const [name, url] of Object.entries(urls)) {
      if (url === null) throw new Error(`there is no ${name}`);
      console.log(`${name} at ${new URL(url).host}`);
    }
    return await work(() => environmentOf(urls)!);
  } finally {
    await stop();
  }
}

/** So many memories are made at once: they wait on disk and servers until their turn. */
const PART = 60;

/** Kills an ingest at every call of a store, in every way of recovering. @returns what went wrong. */
export async function everyServerPoint(newEnvironment: NewEnvironment, jobs: number): Promise<string[]> {
  const failures: string[] = [];
  let cases = 0;
  const scenario = await openServerScenario(newEnvironment);
  for (const recovery of RECOVERIES) {
    await scenario.make(scenario.points.length);
    await workThrough([...scenario.points], jobs, async (point) => {
      cases += 1;
      const problem = await pointProblem(scenario, point, recovery);
      if (problem !== null) failures.push(`${point}, ${recovery}: ${problem}`);
    });
    console.log(`${recovery}: ${scenario.points.length} points, ${failures.length} failures so far`);
  }
  scenario.remove();
  console.log(`${cases} cases on servers, ${failures.length} failures`);
  return failures;
}

type ServerScenario = Awaited<ReturnType<typeof openServerScenario>>;

async function pointProblem(
  scenario: ServerScenario,
  point: string,
  recovery: (typeof RECOVERIES)[number],
): Promise<string | null> {
  try {
    const { killed, verified, dump } = await scenario.killAndRecover(point, recovery);
    if (killed.signal !== 'SIGKILL') return 'never reached';
    if (verified.exitStatus !== 0) return `verify found ${JSON.stringify(verified.differences)}`;
    return JSON.stringify(dump) === JSON.stringify(scenario.reference) ? null : 'another memory';
  } catch (error) {
    return String(error);
  }
}

/** Every fault and every lost answer. @param wanted a pattern of the cases' names. @returns what went wrong. */
export async function everyFault(newEnvironment: NewEnvironment, jobs: number, wanted: string): Promise<string[]> {
  const startedMs = performance.now();
  const cases = [...faultCases(), ...doubtCases()].filter((one) => new RegExp(wanted).test(nameOf(one)));
  const own = new OwnServers();
  const failures: string[] = [];
  const ended = new Map<number | null, number>();
  try {
    for (let from = 0; from < cases.length; from += PART) {
      const part = cases.slice(from, from + PART);
      failures.push(...(await playPart(part, { newEnvironment, own, jobs, ended })));
      console.log(`${from + part.length} of ${cases.length} faults, ${failures.length} failures so far`);
    }
  } finally {
    await own.stop();
  }
  const statuses = [...ended].map(([status, count]) => `${count} with ${status}`);
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  console.log(`${cases.length} faults in ${seconds} s; the disturbed commands ended: ${statuses.join(', ')}`);
  console.log(`${failures.length} failures`);
  return failures;
}

interface PartOptions {
  readonly newEnvironment: NewEnvironment;
  readonly own: OwnServers;
  readonly jobs: number;
  /** How often disturbed commands ended with which status. */
  readonly ended: Map<number | null, number>;
}

async function playPart(
  part: readonly FaultCase[],
  { newEnvironment, own, jobs, ended }: PartOptions,
): Promise<string[]> {
  const failures: string[] = [];
  const scenario = await openFaultScenario(part, { newEnvironment, own: (role) => own.of(role) });
  await workThrough([...part.keys()], jobs, async (index) => {
    const name = nameOf(part[index]!);
    const { problems, exitCode } = await scenario
      .play(index)
      .catch((error: unknown) => ({ problems: [String(error)], exitCode: null }));
    ended.set(exitCode, (ended.get(exitCode) ?? 0) + 1);
    console.log(`${name}: ${exitCode}${problems.length === 0 ? '' : ', FAILED'}`);
    failures.push(...problems.map((problem) => `${name}: ${problem}`));
  });
  await scenario.remove();
  return failures;
}
