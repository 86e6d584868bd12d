import { describe, expect, test } from 'vitest';
import { openCase } from '../../helpers/case.ts';
import { dumpMemory } from '../../helpers/dump.ts';
import { openMachine } from '../../helpers/machine.ts';

/**
 * Goal: with `--on-error stop` a bad document ends the run where something is left to do, and nothing is lost by that. Method: the
 * same folder with and without.
 */

const BROKEN = '%PDF-1.7 and nothing else';

const FILES = {
  'a.txt': 'Bay one.\n',
  'b.pdf': BROKEN,
  'c.txt': 'Bay three.\n',
  'd.pdf': BROKEN,
  'e.txt': 'Bay five.\n',
};

/** A machine that takes one document after the other. */
const openOrderly = (home: string, env = {}) => openMachine(home, { env: { APEX_CONCURRENCY: '1', ...env } });

const named = (results: readonly { readonly source_uri: string; readonly outcome: string }[]) =>
  results.map(({ source_uri, outcome }) => [source_uri.split('/').at(-1), outcome]);

describe.each([1, 256])('in batches of %i', (batchSize) => {
  test('what is prepared is written, the bad one is set aside, the rest is left; resume goes on to the next bad one', async () => {
    const { home, documents } = openCase(FILES);
    const machine = await openOrderly(home, { APEX_BATCH_SIZE: String(batchSize) });
    const first = await machine.ingestUntilBad(documents);
    expect(first.summary).toMatchObject({
      documents: 2,
      added: 1,
      quarantined: 1,
      state: 'interrupted',
      exit_status: 3,
    });
    expect(first.summary.error).toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining('b.pdf was set aside'),
    });
    expect(named(first.results).sort()).toEqual([
      ['a.txt', 'added'],
      ['b.pdf', 'quarantined'],
    ]);
    const second = (await machine.resume()).summary;
    expect(second).toMatchObject({ added: 1, unchanged: 1, quarantined: 2, state: 'interrupted', exit_status: 3 });
    expect(second.error?.message).toContain('d.pdf was set aside');
    const third = (await machine.resume()).summary;
    expect(third).toMatchObject({
      added: 1,
      unchanged: 2,
      quarantined: 2,
      state: 'completed',
      exit_status: 3,
      error: null,
    });
    expect(new Set([first, { summary: second }, { summary: third }].map(({ summary }) => summary.run_id)).size).toBe(1);
    const plain = openCase();
    await (await openMachine(plain.home)).ingest(documents);
    expect(dumpMemory(home)).toEqual(dumpMemory(plain.home));
  });
});

test('the same command goes on as resume does, and an ingest without the flag is another run', async () => {
  const { home, documents } = openCase(FILES);
  const machine = await openOrderly(home);
  const { run_id } = (await machine.ingestUntilBad(documents)).summary;
  expect((await machine.ingestUntilBad(documents)).summary).toMatchObject({ run_id, state: 'interrupted' });
  const other = (await machine.ingest(documents)).summary;
  expect(other).toMatchObject({ added: 1, unchanged: 2, quarantined: 2, state: 'completed', exit_status: 3 });
  expect(other.run_id).not.toBe(run_id);
  expect((await machine.resume()).summary).toMatchObject({ run_id, unchanged: 3, state: 'completed' });
});

test('a bad document after which nothing is left ends no run early, and one that is known stops nothing', async () => {
  const { home, documents, write } = openCase({ 'a.txt': 'Bay one.\n', 'z.pdf': BROKEN });
  const machine = await openOrderly(home);
  expect((await machine.ingestUntilBad(documents)).summary).toMatchObject({
    added: 1,
    quarantined: 1,
    state: 'completed',
  });
  write('zz.txt', 'Bay two.\n');
  expect((await machine.ingestUntilBad(documents)).summary).toMatchObject({
    ...{ added: 1, unchanged: 1, quarantined: 1, state: 'completed', exit_status: 3, error: null },
  });
});

test('a mail with a bad attachment is written with all that came in it before the run stops', async () => {
  const parts = ['', 'Bay two.', 'Bay three.'].map(
    (body, index) =>
      `--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename="a${index}.txt"\nContent-Transfer-Encoding: base64\n\n${btoa(body)}\n`,
  );
  const mail = `From: a@example.com\nSubject: Dock\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nGate.\n${parts.join('')}--b--\n`;
  const { home, documents } = openCase({ 'a.eml': mail, 'b.txt': 'Bay four.\n' });
  const machine = await openOrderly(home, { APEX_BATCH_SIZE: '1' });
  const { summary } = await machine.ingestUntilBad(documents);
  expect(summary).toMatchObject({ documents: 4, added: 3, quarantined: 1, state: 'interrupted', exit_status: 3 });
  expect((await machine.resume()).summary).toMatchObject({
    added: 1,
    unchanged: 3,
    quarantined: 1,
    state: 'completed',
  });
  expect((await machine.verify()).exit_status).toBe(0);
});
