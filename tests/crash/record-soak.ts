import { workThrough } from '../../src/pipeline/bounded.ts';
import { FETCH_RECOVERIES, type FetchRecovery, openRecordScenario, type RecordScenario } from './record-scenario.ts';

/** Kills a fetch at every point, each time that it passes a page or a pivot, in every way of recovering. Gives what went wrong. */
export async function everyFetchPoint(jobs: number): Promise<string[]> {
  const failures: string[] = [];
  const scenario = await openRecordScenario();
  const points = scenario.points.filter(
    (point) => !point.includes('@') || /^(?:feed\.page|records\.pivot):/.test(point),
  );
  try {
    for (const recovery of FETCH_RECOVERIES) {
      await workThrough([...points], jobs, async (point) => {
        for (const problem of await problemsOf(scenario, point, recovery))
          failures.push(`ingest-json at ${point}, ${recovery}: ${problem}`);
      });
      console.log(`ingest-json, ${recovery}: ${points.length} points, ${failures.length} failures so far`);
    }
  } finally {
    scenario.remove();
  }
  console.log(`${points.length * FETCH_RECOVERIES.length} cases, ${failures.length} failures`);
  return failures;
}

async function problemsOf(scenario: RecordScenario, point: string, recovery: FetchRecovery): Promise<string[]> {
  try {
    const { killed, verified, dump, requests } = await scenario.killAndRecover(point, recovery);
    const isTooMuch = recovery !== 'rollback' && requests > scenario.requests + 1;
    return [
      ...(killed.signal === 'SIGKILL' ? [] : ['never reached']),
      ...(verified.exitStatus === 0
        ? []
        : [`verify ended with ${verified.exitStatus}: ${JSON.stringify(verified.differences)}`]),
      ...(JSON.stringify(dump) === JSON.stringify(scenario.reference) ? [] : ['another memory']),
      ...(isTooMuch ? [`${requests} requests instead of ${scenario.requests}`] : []),
    ];
  } catch (error) {
    return [String(error)];
  }
}
