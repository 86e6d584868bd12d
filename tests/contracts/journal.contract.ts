import { expect, test } from 'vitest';
import type { Journal, JournalEntry, NumberedEntry } from '../../lib/contracts/journal.ts';

const AT = '2026-01-01T00:00:00.000Z';

/** An entry that must be synced. */
export const INTENT: JournalEntry = { kind: 'run_claimed', fence: 1, reason: 'resume', at: AT };
/** An entry that others are to see at once. */
export const NEWS: JournalEntry = { kind: 'waiting_store', role: 'graph', reason: 'no answer', at: AT };
/** An entry that may be lost. */
export const OUTCOME: JournalEntry = { kind: 'pivot_done', batchNo: 1 };

export async function all(entries: AsyncIterable<NumberedEntry>): Promise<NumberedEntry[]> {
  return Array.fromAsync(entries);
}

/** What every journal promises. `open` gives an empty one; `readOutside` reads what would be there if its process died now. */
export function journalContract(
  open: () => Promise<Journal>,
  readOutside: (journal: Journal) => Promise<NumberedEntry[]>,
): void {
  test('entries are numbered from 1 without gaps and read back in order', async () => {
    const journal = await open();
    expect([await journal.append(INTENT), await journal.append(OUTCOME), await journal.append(INTENT)]).toEqual([
      1, 2, 3,
    ]);
    expect(journal.lsn).toBe(3);
    const atMs = expect.any(Number);
    expect(await all(journal.read())).toEqual([
      { lsn: 1, atMs, entry: INTENT },
      { lsn: 2, atMs, entry: OUTCOME },
      { lsn: 3, atMs, entry: INTENT },
    ]);
  });

  test('an intent is there for others when append resolves, and the outcomes before it with it', async () => {
    const journal = await open();
    await journal.append(OUTCOME);
    expect(await readOutside(journal)).toEqual([]);
    await journal.append(INTENT);
    expect((await readOutside(journal)).map(({ lsn }) => lsn)).toEqual([1, 2]);
  });

  test('an outcome costs no commit of its own', async () => {
    const journal = await open();
    for (let count = 0; count < 10; count += 1) await journal.append(OUTCOME);
    await journal.append(INTENT);
    expect(journal.syncedCommits).toBe(1);
  });

  test('news is there for others when append resolves, with what came before it, and costs no synced commit', async () => {
    const journal = await open();
    await journal.append(OUTCOME);
    await journal.append(NEWS);
    expect((await readOutside(journal)).map(({ lsn }) => lsn)).toEqual([1, 2]);
    expect(journal.syncedCommits).toBe(0);
  });

  test('an intent that comes with news is synced', async () => {
    const journal = await open();
    await Promise.all([journal.append(NEWS), journal.append(INTENT)]);
    expect(journal.syncedCommits).toBe(1);
  });

  test('intents that wait for the same commit ride in it together', async () => {
    const journal = await open();
    const lsns = await Promise.all(Array.from({ length: 100 }, () => journal.append(INTENT)));
    expect(lsns).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect(journal.syncedCommits).toBeLessThanOrEqual(2);
    expect(await readOutside(journal)).toHaveLength(100);
  });

  test('flush waits for all that was appended, also for a commit under way', async () => {
    const journal = await open();
    const appended = journal.append(INTENT);
    await journal.append(OUTCOME);
    await journal.flush();
    expect(await readOutside(journal)).toHaveLength(2);
    await appended;
  });

  test('close keeps what was appended', async () => {
    const journal = await open();
    await journal.append(OUTCOME);
    await journal.close();
    expect(await readOutside(journal)).toHaveLength(1);
  });
}
