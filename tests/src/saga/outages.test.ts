import { expect, test, vi } from 'vitest';
import type { RunEvent } from '../../../lib/contracts/apex.ts';
import { StoreError } from '../../../lib/contracts/errors.ts';
import { Outages } from '../../../src/saga/outages.ts';
import { FakeJournal } from '../../helpers/fakes/journal.ts';
import { FakeSurroundings } from '../../helpers/fakes/surroundings.ts';
import { noAnswer } from '../../helpers/faults.ts';
import { never } from '../../helpers/records.ts';

/** Goal: what is out of reach when it is opened is waited for, and all are told. Method: openings that fail as told, and a journal in memory. */

function openOutages() {
  const surroundings = new FakeSurroundings();
  const outages = new Outages({ roles: ['records', 'graph'], maxOutageMs: 60_000, surroundings });
  const events: RunEvent[] = [];
  const told = <T>(work: () => Promise<T>) => outages.tellDuring((event) => events.push(event), work);
  return { outages, surroundings, events, told };
}

/** A part that cannot be opened so often. */
function opening(failures: number, error = noAnswer) {
  const part = { close: vi.fn(async () => {}) };
  let left = failures;
  return {
    part,
    open: async () => {
      left -= 1;
      if (left >= 0) throw error();
      return part;
    },
  };
}

test('a server that does not answer at the start is told the first time, and waited for', async () => {
  const { outages, events, told, surroundings } = openOutages();
  const { part, open } = opening(3);
  expect(await told(() => outages.open('records', open, never))).toBe(part);
  expect(events).toEqual([
    expect.objectContaining({ kind: 'waiting_store', role: 'records', maxOutageMs: 60_000 }),
    { kind: 'store_back', role: 'records' },
  ]);
  expect(surroundings.delaysMs).toEqual([1_000, 2_000, 4_000]);
});

test('what refuses is not waited for, and neither is what no server plays', async () => {
  const { outages, events, told } = openOutages();
  const refused = opening(1, () => new StoreError('no', { code: 'APEX_PERMISSION' }));
  await expect(told(() => outages.open('records', refused.open, never))).rejects.toMatchObject({
    code: 'APEX_PERMISSION',
  });
  await expect(told(() => outages.open('vectors', opening(1).open, never))).rejects.toMatchObject({
    code: 'APEX_STORE',
  });
  expect(events).toEqual([]);
});

test('whoever is told to stop waits for no opening under way, and what that gives is closed again', async () => {
  const { outages } = openOutages();
  const { part } = opening(0);
  const slow = Promise.withResolvers<typeof part>();
  const stop = new AbortController();
  const open = vi.fn(() => slow.promise);
  const opened = outages.open('records', open, stop.signal);
  await vi.waitFor(() => expect(open).toHaveBeenCalledOnce());
  stop.abort('SIGINT');
  await expect(opened).rejects.toBe('SIGINT');
  slow.resolve(part);
  await vi.waitFor(() => expect(part.close).toHaveBeenCalledOnce());
});

test('a run notes what was waited for before it began, and while it is at work', async () => {
  const { outages } = openOutages();
  const journal = new FakeJournal();
  await outages.open('records', opening(1).open, never);
  await outages.noteDuring(journal, async () => {
    await outages.open('graph', opening(1).open, never);
  });
  await outages.open('records', opening(1).open, never);
  const waited = journal.all('waiting_store').map(({ role, reason }) => [role, reason]);
  expect(waited).toEqual([
    ['records', 'the store does not answer'],
    ['graph', 'the store does not answer'],
  ]);
  expect(journal.all('store_back').map(({ role }) => role)).toEqual(['records', 'graph']);
  expect(journal.syncedCommits).toBe(0);
});
