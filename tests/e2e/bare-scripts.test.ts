import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeReadings, writeShipments } from '../../bench/parts/feeds.ts';
import { temporaryFolder } from '../helpers/memory.ts';
import { apex } from '../helpers/program.ts';

/**
 * Goal: the bare scripts of the benchmarks fill the tables that apex has now: they insert whole rows. Method: each at work on a little,
 * beside the built program with the same.
 */

const FEEDS = [
  ['samsara', writeReadings],
  ['turvo', writeShipments],
] as const;

test.each(FEEDS)(
  'records of %s: the bare script has the things that apex has, and the rows alone are all rows',
  async (source, write) => {
    const folder = temporaryFolder();
    const records = join(folder, 'records.ndjson');
    write(records, 12);
    const { lines } = await apex(['ingest-json', '--source', source, records, '--json'], {
      home: join(folder, 'home'),
    });
    const bare = runBare('bare-records.ts', source, records, join(folder, 'bare.db'));
    expect(bare['things']).toBe(lines.at(-1)!['documents']);
    const rows = runBare('bare-rows.ts', join(folder, 'home', 'memory.db'), join(folder, 'rows.db'));
    expect(rows['rows']).toBeGreaterThan(bare['things']!);
  },
);

test('the bare script of documents ends well', () => {
  const seconds = Number(runBare('bare-load.ts', 'docs/decisions', join(temporaryFolder(), 'bare.db')));
  expect(seconds).toBeGreaterThan(0);
});

function runBare(script: string, ...words: string[]) {
  const output = execFileSync(process.execPath, [join('bench/parts', script), ...words], { encoding: 'utf8' });
  return JSON.parse(output) as Record<string, number>;
}
