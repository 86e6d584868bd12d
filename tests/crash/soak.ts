// `npm run soak`: random kills over changing documents, or with `--full` every crash point in every way of recovering.
//
//   npm run soak -- --rounds 200 --seed 7
//   npm run soak -- --full [--command repair]
//   npm run soak -- --journals 500 --seed 7
//   npm run soak -- --cron-day --seed 7
//   npm run soak -- --records [--rounds 500 --seed 7 | --full]
//   npm run soak -- --staged [--rounds 300 --seed 7]
//   npm run soak -- --stores servers [--rounds 200 | --records [--rounds 200] | --full | --faults [--only <pattern>]]
//
// Rounds are ended early, with what they came to, by SIGINT to this process alone; a second one ends it at once.
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { workThrough } from '../../src/pipeline/bounded.ts';
import { cronDay } from './cron-day.ts';
import { openPlaces } from './damaged-homes.ts';
import { countNoticed, type DamageOutcome, damageAndRecover } from './journal-damage.ts';
import { COMMANDS, type CommandName } from './killed-commands.ts';
import { type OnRound, onServers, type Patient, randomKills, type Soak } from './random-kills.ts';
import { randomRecordKills } from './record-kills.ts';
import { everyFetchPoint } from './record-soak.ts';
import { killAndRecover, openScenario, RECOVERIES, type Recovery, type Scenario } from './scenario.ts';
import { everyFault, everyServerPoint, withServers } from './server-soak.ts';
import { stagedKills } from './staged-kills.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    full: { type: 'boolean', default: false },
    command: { type: 'string' },
    journals: { type: 'string' },
    'cron-day': { type: 'boolean', default: false },
    records: { type: 'boolean', default: false },
    staged: { type: 'boolean', default: false },
    runs: { type: 'string', default: '288' },
    kills: { type: 'string', default: '30' },
    stores: { type: 'string', default: 'embedded' },
    faults: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});

const jobs = Number(values.jobs);
const seed = Number(values.seed);
const failures = await soak();
for (const failure of failures) console.error(failure);
process.exitCode = failures.length === 0 ? 0 : 1;

function soak(): Promise<readonly string[]> {
  if (values.stores === 'servers') return withServers(overServers);
  if (values.records) return values.full ? everyFetchPoint(jobs) : manyRounds(startRecordKills());
  if (values.staged) return manyRounds((rounds, job, onRound) => stagedKills(rounds, seed + job, onRound));
  if (values.full) return everyPoint(jobs);
  if (values['cron-day']) return oneDay();
  if (values.journals !== undefined) return manyDamages(Number(values.journals), seed, jobs);
  return manyRounds((rounds, job, onRound) => randomKills(rounds, seed + job, onRound));
}

/** The sources of every other job move on between a kill and what follows it. @param patient whose memory it is; embedded unless said. */
function startRecordKills(patient?: Patient) {
  return (rounds: number, job: number, onRound: OnRound): Promise<Soak> =>
    randomRecordKills({ rounds, seed: seed + job, onRound, isMoving: job % 2 === 1, ...patient });
}

function overServers(newEnvironment: () => Record<string, string>): Promise<readonly string[]> {
  if (values.full) return everyServerPoint(newEnvironment, jobs);
  if (values.faults) return everyFault(newEnvironment, jobs, values.only);
  const patient = onServers(newEnvironment);
  if (values.records) return manyRounds(startRecordKills(patient));
  return manyRounds((rounds, job, onRound) => randomKills(rounds, seed + job, onRound, patient));
}

/** A day of cron: every five minutes a run. */
async function oneDay(): Promise<readonly string[]> {
  const isTraced = existsSync('/usr/bin/strace');
  const onRun = (run: number) => {
    if (run % 48 === 0) console.log(`${run} runs`);
  };
  const day = await cronDay({ runs: Number(values.runs), kills: Number(values.kills), seed, isTraced, onRun });
  const { runs, kills, documents, seconds, journalCommits, syncs, failures } = day;
  const changes = Object.entries(day.changes).map(([change, count]) => `${change} ${count}`);
  console.log(
    `${runs} runs with seed ${seed}, ${kills} killed; changes: ${changes.join(', ')}; ${documents} documents in the end`,
  );
  const synced =
    syncs === null ? 'not counted: strace is absent' : `${syncs.fsync} fsync, ${syncs.fdatasync} fdatasync`;
  console.log(`${seconds} s, ${journalCommits} synced commits of journals; ${synced}; ${failures.length} failures`);
  return failures;
}

async function everyPoint(jobs: number): Promise<string[]> {
  const failures: string[] = [];
  let cases = 0;
  for (const command of Object.keys(COMMANDS) as CommandName[]) {
    if (values.command !== undefined && values.command !== command) continue;
    const scenario = await openScenario(command);
    for (const recovery of RECOVERIES) {
      await workThrough([...scenario.points], jobs, async (point) => {
        cases += 1;
        const problem = await problemOf(scenario, point, recovery);
        if (problem !== null) failures.push(`${command} at ${point}, ${recovery}: ${problem}`);
      });
      console.log(`${command}, ${recovery}: ${scenario.points.length} points, ${failures.length} failures so far`);
    }
    scenario.remove();
  }
  console.log(`${cases} cases, ${failures.length} failures`);
  return failures;
}

async function problemOf(scenario: Scenario, point: string, recovery: Recovery): Promise<string | null> {
  try {
    const { killed, verified, dump } = await killAndRecover(scenario, point, recovery);
    if (killed.signal !== 'SIGKILL') return 'never reached';
    if (verified.exitCode !== 0) return `verify found ${verified.stdout}`;
    return JSON.stringify(dump) === JSON.stringify(scenario.reference) ? null : 'another memory';
  } catch (error) {
    return String(error);
  }
}

/** Ruins journals in every state and way, recovers, and counts what was noticed how. */
async function manyDamages(count: number, seed: number, jobs: number): Promise<string[]> {
  const startedMs = performance.now();
  const scenario = await openScenario('ingest');
  const outcomes: DamageOutcome[] = [];
  try {
    const places = await openPlaces(scenario);
    await workThrough(
      Array.from({ length: count }, (_, number) => number),
      jobs,
      async (number) => {
        outcomes.push(await damageAndRecover(places, number, seed));
        if (outcomes.length % 50 === 0) console.log(`${outcomes.length} of ${count} damages`);
      },
    );
  } finally {
    scenario.remove();
  }
  for (const line of countNoticed(outcomes)) console.log(line);
  const failed = outcomes.filter(({ problems }) => problems.length > 0);
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  console.log(`${count} damages with seed ${seed}, ${seconds} s: ${failed.length} failures`);
  return failed.map(({ problems, ...damage }) => `${JSON.stringify(damage)}: ${problems.join('; ')}`);
}

/** Several soaks at once, each with a seed and a memory of its own: what takes the time is starting processes. */
async function manyRounds(
  start: (rounds: number, job: number, onRound: OnRound) => Promise<Soak>,
): Promise<readonly string[]> {
  const startedMs = performance.now();
  const rounds = Number(values.rounds);
  let done = 0;
  let isEnding = false;
  // Kept: what starts the commands ends the process when nobody listens any more.
  process.on('SIGINT', () => {
    if (isEnding) process.exit(130);
    isEnding = true;
    console.log('ending with the rounds under way');
  });
  const onRound =
    (job: number): OnRound =>
    (_, problems) => {
      done += 1;
      for (const problem of problems) console.log(`seed ${seed + job}, ${problem}`);
      if (done % 50 === 0) console.log(`${done} of ${rounds} rounds`);
      return isEnding ? 'end' : 'go on';
    };
  const soaks = await Promise.all(
    Array.from({ length: jobs }, (_, job) => start(Math.ceil((rounds - job) / jobs), job, onRound(job))),
  );
  const sum = (count: (soak: Soak) => number) => soaks.reduce((total, soak) => total + count(soak), 0);
  const commands = new Set(soaks.flatMap(({ killed }) => Object.keys(killed)).sort());
  const byCommand = [...commands].map((command) => `${command} ${sum(({ killed }) => killed[command] ?? 0)}`);
  const failures = soaks.flatMap((soak, job) => soak.failures.map((failure) => `seed ${seed + job}, ${failure}`));
  console.log(
    `${sum((soak) => soak.rounds)} rounds with seed ${seed} in ${jobs} jobs, ${Math.round((performance.now() - startedMs) / 1000)} s: ${sum(({ kills }) => kills)} kills (${byCommand.join(', ')}), ` +
      `${sum(({ killsInRecovery }) => killsInRecovery)} of them during recovery, ${sum(({ searches }) => searches)} searches meanwhile, ${failures.length} failures`,
  );
  return failures;
}
