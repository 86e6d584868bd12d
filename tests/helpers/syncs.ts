import { onTestFinished, vi } from 'vitest';
import { SqlThread } from '../../lib/support/sql-thread.ts';

/** A commit and how SQLite syncs it: 2 is FULL (what is committed survives a power cut), 1 NORMAL, 0 OFF. */
interface Commit {
  readonly label: string;
  readonly synchronous: number;
}

/**
 * The commits from here to the end of the test, in order.
 *
 * Each transaction is given one more statement that asks the connection itself, inside the transaction, what its commit will
 * do: the only way to see a sync without the power cut that would show its absence.
 */
export function watchSyncs(): readonly Commit[] {
  const commits: Commit[] = [];
  const transaction = SqlThread.prototype.transaction;
  const spy = vi.spyOn(SqlThread.prototype, 'transaction').mockImplementation(async function (
    this: SqlThread,
    statements,
    options,
  ) {
    const results = await transaction.call(this, [...statements, { sql: 'PRAGMA synchronous' }], options);
    const [row] = results.pop()!.rows as { synchronous: number }[];
    commits.push({ label: options.label, synchronous: row!.synchronous });
    return results;
  });
  onTestFinished(() => spy.mockRestore());
  return commits;
}
