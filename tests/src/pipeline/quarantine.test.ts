import { expect, test } from 'vitest';
import type { QuarantineEntry } from '../../../lib/contracts/document.ts';
import { Quarantine } from '../../../src/pipeline/quarantine.ts';

function entry(documentId: string, retryable = false): QuarantineEntry {
  return {
    ...{
      documentId,
      group: '',
      source: 'local_upload',
      sourceUri: documentId,
      contentDigest: 'c',
      sourceVersion: null,
      settingsDigest: 's',
    },
    ...{ runId: 'run-1', code: 'CORRUPT', message: 'damaged', step: 'parse', retryable, at: '2026-01-01T00:00:00Z' },
  };
}

const ids = (entries: readonly QuarantineEntry[]) => entries.map(({ documentId }) => documentId);

test('an empty quarantine holds nothing', () => {
  const quarantine = new Quarantine([]);
  expect([quarantine.entryOf('a'), quarantine.attachmentsOf('a')]).toEqual([null, []]);
});

test('a document is found by its id alone', () => {
  const quarantine = new Quarantine([entry('mail.attachment-1')]);
  expect(quarantine.entryOf('mail.attachment-1')).toEqual(entry('mail.attachment-1'));
  expect(quarantine.entryOf('mail')).toBeNull();
});

test('what came in a document is found by it and by everything it came in', () => {
  const quarantine = new Quarantine([
    ...['mail.attachment-1', 'mail.attachment-2.attachment-1', 'mail.attachment-20', 'other.attachment-1'].map((id) =>
      entry(id),
    ),
  ]);
  expect(ids(quarantine.attachmentsOf('mail'))).toEqual([
    ...['mail.attachment-1', 'mail.attachment-2.attachment-1', 'mail.attachment-20'],
  ]);
  expect(ids(quarantine.attachmentsOf('mail.attachment-2'))).toEqual(['mail.attachment-2.attachment-1']);
  expect(quarantine.attachmentsOf('mail.attachment-1')).toEqual([]);
});

test('a mail is looked at again while something in it may be tried again', () => {
  const isAgain = (...entries: QuarantineEntry[]) => new Quarantine(entries).hasAttachmentToTry('mail');
  expect(isAgain(entry('mail.attachment-1'))).toBe(false);
  expect(isAgain(entry('mail', true))).toBe(false);
  expect(isAgain(entry('mail.attachment-1'), entry('mail.attachment-2.attachment-7', true))).toBe(true);
});
