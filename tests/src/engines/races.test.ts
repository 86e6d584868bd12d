import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCase } from '../../helpers/case.ts';
import { dumpMemory } from '../../helpers/dump.ts';
import { intercepted } from '../../helpers/intercept.ts';
import { openMachine, withStores } from '../../helpers/machine.ts';

/**
 * Goal: of two processes that work on one document the slower loses nothing and hides nothing. Method: two machines over one data
 * directory in this process; one is held right before its pivot, and the other does all of its work in between.
 */

/** A process that is held before each of its pivots; `meanwhile` gets the pivot's number. */
function openHeld(home: string, meanwhile: (pivot: number) => Promise<unknown>) {
  return openMachine(home, {
    change: (parts) =>
      withStores(parts, ({ records }) => ({
        records: intercepted(records, 'pivot', async ({ count, go }) => {
          await meanwhile(count);
          return go();
        }),
      })),
  });
}

/** Rows of versions that are not current, in any store. */
function leftovers(home: string) {
  const { leftovers, unsettled, unmentioned } = dumpMemory(home);
  return [...leftovers!.filter((row) => (row as { rows: number }).rows > 0), ...unsettled!, ...unmentioned!];
}

/** The status of every folder in staging. */
function staged(home: string): unknown[] {
  const files = readdirSync(join(home, 'staging'), { recursive: true, encoding: 'utf8' });
  return files
    .filter((name) => name.endsWith('.metadata.json'))
    .map((name) => (JSON.parse(readFileSync(join(home, 'staging', name), 'utf8')) as { status: string }).status);
}

test('the loser of a race stages again, and the others of its batch are written at once', async () => {
  const { home, documents, write, search, verify } = openCase({ 'a.txt': 'Gate one.\n', 'b.txt': 'Bay nine.\n' });
  const other = await openMachine(home);
  await other.ingest(join(documents, 'a.txt'));
  write('a.txt', 'Gate two.\n');
  const held = await openHeld(home, async (pivot) => {
    if (pivot > 1) return;
    write('a.txt', 'Gate three.\n');
    expect((await other.ingest(join(documents, 'a.txt'))).summary).toMatchObject({ updated: 1 });
    write('a.txt', 'Gate four.\n');
  });
  const { summary, results } = await held.ingest(documents);
  expect(summary).toMatchObject({ updated: 1, added: 1, batches: 2, exit_status: 0, state: 'completed' });
  expect(results.map(({ outcome, version }) => [outcome, version])).toEqual([
    ['added', 1],
    ['updated', 4],
  ]);
  expect(await search('gate')).toEqual(['Gate four.']);
  expect([leftovers(home), staged(home), await verify()]).toEqual([[], [], 0]);
});

test('a loser whose source is what the winner wrote has nothing left to do', async () => {
  const { home, documents, write, search, verify } = openCase({ 'a.txt': 'Gate one.\n' });
  const other = await openMachine(home);
  await other.ingest(documents);
  write('a.txt', 'Gate two.\n');
  const held = await openHeld(home, () => other.ingest(join(documents, 'a.txt')));
  const { summary } = await held.ingest(documents);
  expect(summary).toMatchObject({ updated: 0, unchanged: 1, batches: 1, exit_status: 0 });
  expect(await search('gate')).toEqual(['Gate two.']);
  expect([leftovers(home), staged(home), await verify()]).toEqual([[], [], 0]);
});

test('a document that loses twice has failed with 75 and leaves nothing; the next ingest takes it up', async () => {
  const { home, documents, write, ingest, search, verify } = openCase({ 'a.txt': 'Gate one.\n' });
  const other = await openMachine(home);
  await other.ingest(documents);
  write('a.txt', 'Gate two.\n');
  write('b.txt', 'Bay nine.\n');
  const held = await openHeld(home, async (pivot) => {
    write('a.txt', `Gate won ${pivot}.\n`);
    await other.ingest(join(documents, 'a.txt'));
    write('a.txt', `Gate lost ${pivot}.\n`);
  });
  const { summary, results } = await held.ingest(documents);
  expect(summary).toMatchObject({ added: 1, updated: 0, failed: 1, batches: 2, exit_status: 75 });
  expect(results.at(-1)).toMatchObject({ status: 'failed', outcome: 'failed', error: { code: 'LOST_RACE' } });
  expect(await search('gate')).toEqual(['Gate won 2.']);
  expect([leftovers(home), staged(home), await verify()]).toEqual([[], ['failed'], 0]);
  expect((await ingest()).summary).toMatchObject({ updated: 1, unchanged: 1, exit_status: 0 });
  expect(await search('gate')).toEqual(['Gate lost 2.']);
});

test('a version that another run replaced between its pivot and what follows is nowhere, the cache included', async () => {
  const { home, documents, write, search, verify } = openCase({ 'a.txt': 'Gate one.\n' });
  const other = await openMachine(home);
  const held = await openMachine(home, {
    change: (parts) =>
      withStores(parts, ({ cache }) => ({
        cache: intercepted(cache, 'set', async ({ args, go }) => {
          const entries = args[0] as readonly { readonly document: unknown }[];
          if (entries.some(({ document }) => document !== null)) {
            write('a.txt', 'Gate two.\n');
            expect((await other.ingest(documents)).summary).toMatchObject({ updated: 1, exit_status: 0 });
          }
          return go();
        }),
      })),
  });
  expect((await held.ingest(documents)).summary).toMatchObject({ added: 1, exit_status: 0 });
  expect(await search('gate')).toEqual(['Gate two.']);
  expect([leftovers(home), await verify()]).toEqual([[], 0]);
});

test('a delete of a document that changed meanwhile deletes it as it is now', async () => {
  const { home, documents, write, search, verify } = openCase({ 'a.txt': 'Gate one.\n' });
  const other = await openMachine(home);
  const [document] = (await other.ingest(documents)).results;
  const held = await openHeld(home, async (pivot) => {
    if (pivot > 1) return;
    write('a.txt', 'Gate two.\n');
    await other.ingest(documents);
  });
  expect((await held.delete(document!.document_id)).summary).toMatchObject({ deleted: 1, failed: 0, exit_status: 0 });
  expect([await search('gate'), leftovers(home), await verify()]).toEqual([[], [], 0]);
});

test('a delete that loses twice has failed with 75, never silently', async () => {
  const { home, documents, write, search } = openCase({ 'a.txt': 'Gate one.\n' });
  const other = await openMachine(home);
  const [document] = (await other.ingest(documents)).results;
  const held = await openHeld(home, async (pivot) => {
    write('a.txt', `Gate won ${pivot}.\n`);
    await other.ingest(documents);
  });
  const { summary, results } = await held.delete(document!.document_id);
  expect(summary).toMatchObject({ deleted: 0, failed: 1, exit_status: 75 });
  expect(results).toMatchObject([{ outcome: 'failed', error: { code: 'LOST_RACE' } }]);
  expect([await search('gate'), leftovers(home)]).toEqual([['Gate won 2.'], []]);
});

/** A mail with text attachments. */
function mail(text: string, ...attachments: string[]): string {
  const parts = attachments.map(
    (body, index) =>
      `--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename="a${index}.txt"\n\n${body}\n`,
  );
  return `From: a@example.com\nTo: b@example.com\nSubject: Gates\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\n${text}\n${parts.join('')}--b--\n`;
}

test.each([
  ['lost an attachment', mail('Mail two.', 'Gate one.')],
  ['changed an attachment', mail('Mail two.', 'Gate one.', 'Gate changed.')],
])(
  'a mail that loses the race takes its attachments with it: one that %s leaves those of the winner',
  async (_, loser) => {
    const winner = mail('Mail three.', 'Gate one.', 'Gate two.');
    const { home, documents, write, search, verify } = openCase({
      'a.eml': mail('Mail one.', 'Gate one.', 'Gate two.'),
    });
    const other = await openMachine(home);
    await other.ingest(documents);
    write('a.eml', loser);
    const held = await openHeld(home, async (pivot) => {
      if (pivot > 1) return;
      write('a.eml', winner);
      await other.ingest(join(documents, 'a.eml'));
    });
    const { summary } = await held.ingest(documents);
    expect(summary).toMatchObject({ unchanged: 3, exit_status: 0 });
    expect((await search('gate')).toSorted()).toEqual(['Gate one.', 'Gate two.']);
    expect([leftovers(home), staged(home), await verify()]).toEqual([[], [], 0]);
  },
);

test('a cleanup leaves it to the next to write the memory anew when a run has begun meanwhile', async () => {
  const { home, documents } = openCase({ 'a.txt': 'Gate one.\n' });
  const [begun, cleaned] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const held = await openHeld(home, async () => {
    begun.resolve();
    await cleaned.promise;
  });
  let running: Promise<unknown> | null = null;
  const { cleanup } = await openMachine(home, {
    change: (parts) =>
      withStores(parts, ({ records }) => ({
        records: intercepted(records, 'erase', async () => {
          running ??= held.ingest(documents);
          await begun.promise;
          return false;
        }),
      })),
  });
  expect(await cleanup()).toMatchObject({ erased: null, exit_status: 0 });
  cleaned.resolve();
  await running;
  expect(await cleanup()).toMatchObject({ erased: false, exit_status: 75 });
});
