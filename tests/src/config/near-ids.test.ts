import { expect, test } from 'vitest';
import type { QuarantineEntry } from '../../../lib/contracts/document.ts';
import type { RunListing } from '../../../lib/contracts/journal.ts';
import { hintOf, nearDocumentId, nearRunId } from '../../../src/config/near-ids.ts';
import { never } from '../../helpers/records.ts';

/** A store that holds these documents, gives them in pages, and has these in quarantine. */
function recordsOf(ids: readonly string[], quarantined: readonly string[] = []) {
  const asked: (string | null)[] = [];
  return {
    asked,
    currentVersions: async (after: string | null, limit: number) => {
      asked.push(after);
      const from = after === null ? 0 : ids.indexOf(after) + 1;
      return ids.slice(from, from + limit).map((documentId) => ({ documentId, version: 1 }));
    },
    quarantined: async () => quarantined.map((documentId) => ({ documentId }) as QuarantineEntry),
  };
}

const IDS = ['doc-10aa', 'doc-20bb', 'doc-30cc', 'doc-30cd'];

test.each([
  ['doc-20b', 'doc-20bb'],
  ['doc-20xb', 'doc-20bb'],
  ['DOC-20BB', 'doc-20bb'],
  ['doc-1', 'doc-10aa'],
  ['nothing-like-it', null],
  ['doc', null],
  ['', null],
])('of documents, %j is near %j', async (id, near) => {
  expect(await nearDocumentId(id, recordsOf(IDS), never)).toBe(near);
});

test('a beginning that several ids have names none of them, unless it is nearly one of them', async () => {
  const long = ['document-one-aaaaaaaaaa', 'document-one-bbbbbbbbbb'];
  expect(await nearDocumentId('document-one', recordsOf(long), never)).toBeNull();
  expect(await nearDocumentId('document-one-aaaaaaaaa', recordsOf(long), never)).toBe(long[0]);
});

test('documents in quarantine are looked at too', async () => {
  expect(await nearDocumentId('doc-90xy', recordsOf(IDS, ['doc-90xx']), never)).toBe('doc-90xx');
});

test('documents are looked at page by page, the nearest of any page is given', async () => {
  const ids = Array.from({ length: 2_500 }, (_, index) => `doc-${String(index).padStart(8, '0')}`);
  const records = recordsOf(ids);
  expect(await nearDocumentId('doc-00002499', records, never)).toBe('doc-00002499');
  expect(records.asked).toEqual([null, 'doc-00000999', 'doc-00001999']);
});

test('runs are found by a beginning or with a slip', async () => {
  const runIds = ['5e9a569e-3d24-4280-9b1b-c018f34c0c45', '7e0a569e-3d24-4280-9b1b-c018f34c0c46'];
  const registry = { list: async () => runIds.map((runId) => ({ runId }) as RunListing) };
  expect(await nearRunId('5e9a', registry)).toBe(runIds[0]);
  expect(await nearRunId('7e0a569e-3d24-4280-9b1b-c018f34c0c4', registry)).toBe(runIds[1]);
  expect(await nearRunId('5e9', registry)).toBeNull();
});

test('a hint names the near id, and is nothing without one', () => {
  expect(`there is no run a${hintOf('b')}`).toBe('there is no run a; did you mean b?');
  expect(hintOf(null)).toBe('');
});
