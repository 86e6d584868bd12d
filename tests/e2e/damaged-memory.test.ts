import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { isApexError } from '../../lib/contracts/errors.ts';
import { randomFrom } from '../crash/random.ts';
import { openCase } from '../helpers/case.ts';
import { openDrift } from '../helpers/drift.ts';
import { dumpMemory } from '../helpers/dump.ts';
import { openMachine } from '../helpers/machine.ts';
import { apex } from '../helpers/program.ts';

/**
 * Goal: whatever happens to memory.db, verify never says that nothing differs when a document does. Method: single bits of the pages
 * that hold documents are turned, one in each copy; the file is cut off, emptied and overwritten.
 */

/** Printed, so that a failure can be run again: APEX_TEST_SEED=n. */
const seed = Number(process.env['APEX_TEST_SEED'] ?? Math.floor(Math.random() * 1_000_000));
const FLIPS = process.env['APEX_TEST_FULL'] === '1' ? 300 : 30;
console.log(`${FLIPS} bits are turned, seed ${seed}`);

/** What a current document lies in. */
const TABLES = [
  ...['version', 'document', 'chunk', 'chunk_by_version', 'fact', 'chunk_text_data'],
  ...['graph_document', 'graph_chunk', 'entity', 'mention', 'mention_by_version', 'relation'],
  ...['point', 'point_vector_vector_chunks00', 'cache'],
];

const drift = await openDrift('flips');
const sound = dumpMemory(drift.home);
const bytes = readFileSync(join(drift.home, 'memory.db'));

function pagesOf(table: string): { pageno: number; pgsize: number }[] {
  const db = new Database(join(drift.home, 'memory.db'), { readonly: true });
  try {
    return db.prepare('SELECT pageno, pgsize FROM dbstat WHERE name = ?').all(table) as {
      pageno: number;
      pgsize: number;
    }[];
  } finally {
    db.close();
  }
}

const next = randomFrom(seed);
const oneOf = <Item>(items: readonly Item[]): Item => items[Math.floor(next() * items.length)]!;

/** A place in the file where something is written, and a bit of it. */
function someBit(index: number): { table: string; offset: number; bit: number } {
  const table = TABLES[index % TABLES.length]!;
  for (;;) {
    const { pageno, pgsize } = oneOf(pagesOf(table));
    const offset = (pageno - 1) * pgsize + Math.floor(next() * pgsize);
    if (bytes[offset] !== 0) return { table, offset, bit: Math.floor(next() * 8) };
  }
}

/** What the memory holds; null where that cannot be read. */
function readable(home: string): Record<string, unknown[]> | null {
  try {
    return dumpMemory(home);
  } catch {
    return null;
  }
}

const BITS = Array.from({ length: FLIPS }, (_, index) => someBit(index));

test.each(BITS)(
  'bit $bit of byte $offset, in $table, is turned: noticed, and healed or said to be past it',
  async ({ offset, bit }) => {
    const home = drift.planted('');
    const turned = Buffer.from(bytes);
    turned[offset]! ^= 1 << bit;
    writeFileSync(join(home, 'memory.db'), turned);
    const isDifferent = JSON.stringify(readable(home)) !== JSON.stringify(sound);
    try {
      const machine = await openMachine(home);
      const { exit_status, differences } = await machine.verify();
      expect(exit_status === 0, JSON.stringify(differences)).toBe(differences.length === 0);
      if (isDifferent) expect(exit_status).toBe(5);
      const repaired = await machine.repair();
      // Some damage shows only to what writes there.
      const isPast = repaired.run?.error?.code === 'MEMORY_DAMAGED';
      if (!isPast) expect(repaired.differences.filter(({ healed }) => !healed)).toEqual([]);
      expect(repaired.exit_status).toBe(isPast ? 74 : 0);
      await machine.close();
      if (!isPast) expect(readable(home)).toEqual(sound);
    } catch (error) {
      if (!isApexError(error)) throw error;
      expect([error.code, error.message]).toEqual(['MEMORY_DAMAGED', expect.stringContaining('memory.db is damaged')]);
    }
    rmSync(home, { recursive: true, force: true });
  },
);

/** Ways to ruin a file. */
const RUINS: readonly (readonly [name: string, ruin: (path: string) => void, said: RegExp])[] = [
  [
    'is cut off',
    (path) => truncateSync(path, Math.floor(bytes.length / 2)),
    /memory\.db is damaged; it was left as it is/,
  ],
  [
    'has a broken header',
    (path) => writeFileSync(path, Buffer.from(bytes).fill(0x5a, 0, 90)),
    /memory\.db is damaged; it was left as it is/,
  ],
  [
    'has a broken page',
    (path) => writeFileSync(path, Buffer.from(bytes).fill(0x5a, 8_192, 8_292)),
    /memory\.db is damaged; it was left as it is/,
  ],
  [
    'is empty',
    (path) => truncateSync(path, 0),
    /memory\.db holds nothing, though run \S+ made documents visible in it/,
  ],
  ['is gone', (path) => rmSync(path), /memory\.db holds nothing, though run \S+ made documents visible in it/],
];

test.concurrent.each(RUINS)(
  'a memory.db that %s: 74 and the way back, with and without --repair',
  async (_, ruin, said) => {
    const home = drift.planted('');
    ruin(join(home, 'memory.db'));
    for (const args of [['verify'], ['verify', '--repair'], ['verify', '--repair', '--json']]) {
      const { exitCode, stdout, stderr } = await apex(args, { home });
      expect([exitCode, stdout], args.join(' ')).toEqual([74, '']);
      expect(stderr).toMatch(said);
      expect(stderr).toContain('Restore it from a copy');
      expect(stderr).not.toMatch(/\n\s+at /);
    }
    rmSync(home, { recursive: true, force: true });
  },
);

test('the way back from an emptied memory.db: a copy, or to ingest again', async () => {
  const { home, ingest, run } = openCase({ 'a.txt': 'Load LD-700001 leaves today.\n' });
  await ingest();
  const path = join(home, 'memory.db');
  cpSync(path, `${path}.copy`);
  truncateSync(path, 0);
  expect((await run('verify')).exitCode).toBe(74);
  await ingest();
  expect((await run('verify')).exitCode).toBe(0);
  for (const ending of ['', '-wal', '-shm']) rmSync(path + ending, { force: true });
  cpSync(`${path}.copy`, path);
  expect((await run('verify')).exitCode).toBe(0);
});
