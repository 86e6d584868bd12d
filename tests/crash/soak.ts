// `npm run soak`: random kills over changing documents, or with `--full` every crash point in every way of recovering.
//
//   npm run soak -- --rounds 200 --seed 7
//   npm run soak -- --full
import { parseArgs } from 'node:util';
import { randomKills } from './random-kills.ts';
import { killAndRecover, openScenario, RECOVERIES } from './scenario.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    full: { type: 'boolean', default: false },
  },
});

const failures = values.full ? await everyPoint() : await manyRounds(Number(values.rounds), Number(values.seed));
for (const failure of failures) console.error(failure);
process.exitCode = failures.length === 0 ? 0 : 1;

async function everyPoint(): Promise<string[]> {
  const failures: string[] = [];
  let cases = 0;
  for (const command of ['ingest', 'delete'] as const) {
    const scenario = await openScenario(command);
    for (const recovery of RECOVERIES) {
      for (const point of scenario.points) {
        const { killed, verified, dump } = await killAndRecover(scenario, point, recovery);
        cases += 1;
        const isSame = JSON.stringify(dump) === JSON.stringify(scenario.reference);
        if (killed.signal !== 'SIGKILL' || verified.exitCode !== 0 || !isSame)
          failures.push(`${command} at ${point}, ${recovery}`);
      }
      console.log(`${command}, ${recovery}: ${scenario.points.length} points, ${failures.length} failures so far`);
    }
  }
  console.log(`${cases} cases, ${failures.length} failures`);
  return failures;
}

async function manyRounds(rounds: number, seed: number): Promise<readonly string[]> {
  const soak = await randomKills(rounds, seed, (round) => {
    if (round % 50 === 0) console.log(`${round} of ${rounds} rounds`);
  });
  console.log(
    `${rounds} rounds with seed ${seed}: ${soak.kills} kills, ${soak.killsInRecovery} of them during recovery, ${soak.failures.length} failures`,
  );
  return soak.failures;
}
