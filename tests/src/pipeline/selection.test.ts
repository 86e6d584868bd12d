import { expect, test } from 'vitest';
import type { RunPlan } from '../../../lib/contracts/journal.ts';
import { EMPTY_REPLAY } from '../../../src/journal/replay.ts';
import { ingestAll } from '../../../src/pipeline/run.ts';
import { countSelected, deleteSelected } from '../../../src/pipeline/selection.ts';
import { RunSession } from '../../../src/pipeline/session.ts';
import { Leases } from '../../../src/saga/leases.ts';
import { FakeJournal } from '../../helpers/fakes/journal.ts';
import { openFakeParts } from '../../helpers/fakes/machine.ts';
import { never } from '../../helpers/records.ts';

/** Goal: a selection takes what it says and nothing of anybody else. Method: all parts in memory, two groups with the same texts. */

const EVER = '9999-01-01T00:00:00.000Z';

/** A memory with the same two documents in two groups. */
async function openGroups() {
  const { parts, stores } = openFakeParts({ texts: { 'docs/a': 'ACME ships', 'docs/b': 'to Globex' } });
  let runs = 0;
  const newSession = (plan: Pick<RunPlan, 'kind' | 'group' | 'selection'>) => {
    runs += 1;
    const rest = { source: 'fake', targets: ['/docs'], documentId: null, settingsDigest: 's' };
    return new RunSession({
      ...{ journal: new FakeJournal(`run-${runs}`), plan: { ...rest, ...plan }, parts, onEvent: () => {} },
      ...{ signal: never, nextBatchNo: 1, fence: null, leases: new Leases(parts) },
    });
  };
  for (const group of ['north', 'south']) await ingestAll(newSession({ kind: 'ingest', group }), EMPTY_REPLAY);
  return {
    records: stores.records,
    delete: (group: string, source: string | null = null, createdBefore = EVER) => {
      const selection = { source, olderThanMs: null, createdBefore };
      return deleteSelected(newSession({ kind: 'delete', group, selection }), EMPTY_REPLAY);
    },
    /** How many documents are current in each group. */
    left: async () => {
      const counts = [];
      for (const group of ['north', 'south'])
        counts.push(await countSelected({ group, source: null, createdBefore: EVER }, stores.records, never));
      return counts;
    },
  };
}

test('of one group nothing of another is deleted', async () => {
  const memory = await openGroups();
  await memory.delete('north');
  expect(await memory.left()).toEqual([0, 2]);
});

test('of a source nothing of another is deleted, and of a time nothing that is newer', async () => {
  const memory = await openGroups();
  await memory.delete('north', 'another');
  await memory.delete('north', null, '1970-01-01T00:00:00.000Z');
  expect(await memory.left()).toEqual([2, 2]);
  await memory.delete('north', 'fake');
  expect(await memory.left()).toEqual([0, 2]);
});
