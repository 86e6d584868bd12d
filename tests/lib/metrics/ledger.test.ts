import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import type { RunMark } from '../../../lib/contracts/metrics.ts';
import { openLedger } from '../../../lib/metrics/index.ts';
import { newFolder } from '../../helpers/program.ts';

function dataFolder(): string {
  const folder = newFolder('ledger');
  mkdirSync(join(folder, 'locks'), { recursive: true });
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function open(folder: string) {
  const ledger = openLedger(folder);
  onTestFinished(() => ledger.close());
  return ledger;
}

const MARK: RunMark = { runId: 'run-1', lsn: 7, state: 'completed', finishedAt: '2026-11-27T00:00:00Z' };

test('what several add is summed up, and what is set is the latest', async () => {
  const folder = dataFolder();
  const [one, other] = [open(folder), open(folder)];
  await Promise.all([one, other].map((ledger) => ledger.add({ apex_chunks_total: 2, 'x{step="parse"}': 0.5 })));
  await one.set({ at: 20 });
  await other.set({ at: 10 });
  expect(await open(folder).totals()).toEqual({ apex_chunks_total: 4, 'x{step="parse"}': 1, at: 20 });
});

test('what journals came to is kept with how far they were counted, and a later mark takes the place of the first', async () => {
  const folder = dataFolder();
  const ledger = open(folder);
  await ledger.count({ marks: [MARK], amounts: { a: 1 }, latest: { at: 3 } });
  await ledger.count({ marks: [{ ...MARK, lsn: 9 }], amounts: { a: 1 }, latest: { at: 2 } });
  expect(await open(folder).marks()).toEqual(new Map([['run-1', { ...MARK, lsn: 9 }]]));
  expect(await ledger.totals()).toEqual({ a: 2, at: 3 });
});

test('nothing is made until something is counted, and then it is for this user alone', async () => {
  const folder = dataFolder();
  const ledger = open(folder);
  await ledger.add({});
  expect(existsSync(join(folder, 'metrics.db'))).toBe(false);
  await ledger.add({ a: 1 });
  expect(statSync(join(folder, 'metrics.db')).mode & 0o777).toBe(0o600);
});

test('one at a time has it to itself', async () => {
  const folder = dataFolder();
  const ledger = open(folder);
  const released = Promise.withResolvers<void>();
  const holding = ledger.exclusively(() => released.promise);
  const script = `
    import { openLedger } from './lib/metrics/index.ts';
    console.log('asking');
    console.log(await openLedger(process.argv[1]).exclusively(async () => 'taken'));`;
  const waiting = execa(process.execPath, ['--input-type=module', '-e', script, folder]);
  let said = '';
  waiting.stdout.on('data', (part) => {
    said += String(part);
  });
  await once(waiting.stdout, 'data');
  await delay(500);
  const endedEarly = said.includes('taken');
  released.resolve();
  await holding;
  expect([endedEarly, (await waiting).stdout]).toEqual([false, 'asking\ntaken']);
});

test('a damaged file is set aside, and counting begins anew', async () => {
  const folder = dataFolder();
  writeFileSync(join(folder, 'metrics.db'), 'x'.repeat(5_000));
  const ledger = open(folder);
  await ledger.add({ a: 1 });
  expect(await ledger.totals()).toEqual({ a: 1 });
  expect(existsSync(join(folder, 'metrics.db.damaged'))).toBe(true);
});

test('a newer format is refused', async () => {
  const folder = dataFolder();
  const first = openLedger(folder);
  await first.add({ a: 1 });
  await first.close();
  const db = new Database(join(folder, 'metrics.db'));
  db.pragma('user_version = 99');
  db.close();
  await expect(open(folder).totals()).rejects.toMatchObject({ code: 'NEWER_FORMAT' });
});
