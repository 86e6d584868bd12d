import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { EXIT } from '../../lib/contracts/error-codes.ts';
import { dumpMemory } from '../helpers/dump.ts';
import { apex, type Finished, newFolder } from '../helpers/program.ts';
import { writeFirstState } from './documents.ts';
import { randomFrom, shuffled } from './random.ts';

/**
 * Goal: a kill at any moment between `apex stage` and the end of `apex ingest --staged` loses nothing and leaves nothing. Method: the
 * built program is killed at the points that it passes; then the same commands, and a cleanup, must come to the memory that ingesting
 * the originals gives, and to an empty staging area.
 */

/** Printed, so that a failure can be run again: APEX_TEST_SEED=n. */
const seed = Number(process.env['APEX_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const isFull = process.env['APEX_TEST_FULL'] === '1';
const ENV = { APEX_BATCH_SIZE: '2', APEX_CONCURRENCY: '1' };
/** How many points are tried besides those that items come, change hands and go at, unless all are asked for. */
const SAMPLED = { stage: 3, 'ingest --staged': 6, 'ingest-json --staged': 4 } as const;
/** Around each change of an item's place. */
const NAMED = {
  stage: [
    'folder.stage:after',
    'items.rename:before',
    'items.rename:after',
    'folder.publish:after@2',
    'items.receive:after',
  ],
  'ingest --staged': [
    ...['items.take:before', 'items.rename:after', 'items.take:after@2', 'records.pivot:before-commit'],
    ...['records.pivot:after-commit', 'items.end:before', 'items.end:after', 'journal.append.batch_done:before'],
    // A document's folder that is empty, and not removed yet.
    'items.rename:after@8',
  ],
  'ingest-json --staged': ['items.take:after', 'records.pivot:after-commit', 'items.end:before', 'items.end:after'],
} as const;
const COMMITS = ['records.pivot:before-commit', 'records.pivot:after-commit', 'journal.batch_done:after-commit'];

type Killed = keyof typeof NAMED;

const root = newFolder('crash-staged');
afterAll(() => rmSync(root, { recursive: true, force: true }));
const documents = join(root, 'documents');
writeFirstState(documents);
const fleet = join(root, 'fleet.json');
const vehicles = Array.from({ length: 600 }, (_, index) => ({
  id: String(index),
  name: `Truck ${index}`,
  vin: `1FUJGLDR5CSB${10_000 + index}`,
}));
writeFileSync(fleet, JSON.stringify(vehicles));

/** What is typed, and what it may end with. */
const LINES = {
  stage: [['stage', documents], [EXIT.done]],
  'stage records': [['stage', '--source', 'samsara', fleet], [EXIT.done]],
  'ingest --staged': [
    ['ingest', '--staged'],
    [EXIT.done, EXIT.quarantined],
  ],
  'ingest-json --staged': [['ingest-json', '--source', 'samsara', '--staged'], [EXIT.done]],
} as const satisfies Record<string, readonly [readonly string[], readonly number[]]>;

async function run(line: keyof typeof LINES, home: string, env: Record<string, string> = {}): Promise<Finished> {
  const [args, statuses] = LINES[line];
  const finished = await apex([...args, '--json'], { home, env: { ...ENV, ...env } });
  if (finished.signal === null)
    expect(statuses, `${line}: ${finished.stdout}\n${finished.stderr}`).toContain(finished.exitCode);
  return finished;
}

/** What comes before each command that is killed, in a data directory that is copied. */
const BEFORE: { readonly [killed in Killed]: readonly (keyof typeof LINES)[] } = {
  stage: [],
  'ingest --staged': ['stage'],
  'ingest-json --staged': ['stage records'],
};
/** What follows it, whatever became of it. */
const AFTER: { readonly [killed in Killed]: readonly (keyof typeof LINES)[] } = {
  stage: ['stage', 'ingest --staged'],
  'ingest --staged': ['ingest --staged'],
  'ingest-json --staged': ['ingest-json --staged'],
};

async function reference(killed: Killed): Promise<Record<string, unknown[]>> {
  const home = join(root, `reference-${killed}`);
  const args =
    killed === 'ingest-json --staged' ? ['ingest-json', '--source', 'samsara', fleet] : ['ingest', documents];
  expect([EXIT.done, EXIT.quarantined]).toContain((await apex(args, { home, env: ENV })).exitCode);
  return dumpMemory(home);
}

/** Each point as often as the command passes it: `point@n` is the nth time. */
async function pointsOf(killed: Killed, before: string): Promise<string[]> {
  const home = join(root, `passing-${killed}`);
  cpSync(before, home, { recursive: true });
  const log = join(root, `${killed}.log`);
  await run(killed, home, { APEX_CRASH_LOG: log });
  const counts = new Map<string, number>();
  const passed = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((point) => {
      const count = (counts.get(point) ?? 0) + 1;
      counts.set(point, count);
      return count === 1 ? point : `${point}@${count}`;
    });
  return killed === 'stage' ? passed : [...passed, ...COMMITS];
}

/** All that lies in staging. */
function lyingIn(home: string): string[] {
  const base = join(home, 'staging');
  return existsSync(base) ? readdirSync(base, { recursive: true }).map(String).sort() : [];
}

let cases = 0;

for (const killed of Object.keys(NAMED) as Killed[]) {
  const before = join(root, `before-${killed}`);
  for (const line of BEFORE[killed]) await run(line, before);
  if (BEFORE[killed].length === 0) await apex(['stats'], { home: before });
  const points = await pointsOf(killed, before);
  const expected = await reference(killed);
  console.log(`${killed}: ${points.length} crash points, seed ${seed}`);
  const sample = shuffled(
    points.filter((point) => !(NAMED[killed] as readonly string[]).includes(point)),
    randomFrom(seed),
  );
  const tried = [...NAMED[killed], ...(isFull ? sample : sample.slice(0, SAMPLED[killed]))];

  test(`${killed} passes the points that the tests know`, () => {
    expect(points).toEqual(expect.arrayContaining([...NAMED[killed]]));
  });

  test.concurrent.each(tried)(
    `${killed} killed at %s: nothing is lost, and nothing is left`,
    { timeout: 180_000 },
    async (point) => {
      cases += 1;
      const home = join(root, `home-${cases}`);
      cpSync(before, home, { recursive: true });
      const ended = await run(killed, home, { APEX_CRASH_POINT: point });
      expect(ended.signal, `${point} was never reached: ${ended.stderr}`).toBe('SIGKILL');
      // It removes what was being staged, and nothing that waits.
      await apex(['cleanup'], { home, env: ENV });
      for (const line of AFTER[killed]) await run(line, home);
      expect(dumpMemory(home)).toEqual(expected);
      const cleaned = await apex(['cleanup', '--json'], { home, env: { ...ENV, STAGING_FAILED_RETENTION_HOURS: '0' } });
      expect(cleaned.exitCode, cleaned.stderr).toBe(0);
      expect(lyingIn(home)).toEqual([]);
      rmSync(home, { recursive: true, force: true });
    },
  );
}
