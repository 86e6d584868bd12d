import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { expectEnd, openVictim, type Victim } from '../helpers/bad-input.ts';
import { dumpMemory } from '../helpers/dump.ts';

/**
 * Goal: output that nobody reads, or that has no room, changes neither what is done nor what is said of it. Method: a shell that
 * pipes and redirects; `/dev/full` is a disk without room. More of closed outputs is in `output.test.ts`.
 */

/** So many that what is printed of them does not fit into a pipe. */
const MANY_DOCUMENTS = 300;

function writeMany(victim: Victim): void {
  for (let index = 0; index < MANY_DOCUMENTS; index += 1) victim.write(`${index}.txt`, `Pallet ${index} waits.`);
}

test('a run whose reader leaves in the middle is done to its end, and ends with its own status', async () => {
  const victim = await openVictim();
  writeMany(victim);
  victim.write('zero.txt', '');
  const env = { APEX_BATCH_SIZE: '20' };
  const line = '{ apex ingest documents missing.txt --json; echo "status $?" >&2; } | head -1';
  const { stdout, stderr } = await victim.shell(line, { env });
  expect(JSON.parse(stdout)).toMatchObject({ event: 'problem', code: 'NOT_FOUND' });
  expect(stderr).toBe('status 2');
  expect(dumpMemory(victim.home)['documents']).toHaveLength(MANY_DOCUMENTS + 1);
  expect((await victim.run(['runs', 'list', '--json'])).lines[0]).toMatchObject({ state: 'completed' });
  await victim.assertUnharmed();
});

test('a listing whose reader leaves ends quietly', async () => {
  const victim = await openVictim();
  writeMany(victim);
  await victim.run(['ingest', victim.documents]);
  for (const command of ['documents list', 'documents list --json', 'search pallet --limit 300']) {
    const { stdout, stderr } = await victim.shell(`{ apex ${command}; echo "status $?" >&2; } | head -1`);
    expect([stdout.split('\n').length, stderr], command).toEqual([1, 'status 0']);
  }
});

test('a failure is told by its status also where nobody reads what is said of it', async () => {
  const victim = await openVictim();
  for (const closed of ['>&- 2>&-', '2>&1 | true', '2>&1 | head -c 1']) {
    const { stdout } = await victim.shell(`exec 3>&1; { apex ingest missing.txt; echo "status $?" >&3; } ${closed}`);
    expect(stdout, closed).toMatch(/status 2$/);
  }
});

test.skipIf(!existsSync('/dev/full'))(
  'output without room ends with 74 and says so, and a run has done its work',
  async () => {
    const victim = await openVictim();
    writeMany(victim);
    const said = [
      /standard output cannot be written \(ENOSPC\): free space or write elsewhere, then run the same command again/,
    ];
    for (const line of ['apex ingest documents > /dev/full', 'apex documents list > /dev/full']) {
      const finished = await victim.shell(line);
      expectEnd(finished, 74, ...said);
      expect(finished.stderr.split('\n'), 'said once').toHaveLength(1);
    }
    expect(dumpMemory(victim.home)['documents']).toHaveLength(MANY_DOCUMENTS + 1);
    // A graver status is kept.
    expectEnd(await victim.shell('apex ingest documents missing.txt > /dev/full'), 2, ...said);
    expectEnd(await victim.shell('apex ingest missing.txt 2> /dev/full'), 2);
    await victim.assertUnharmed();
  },
);
