import { isApexError } from '../contracts/errors.ts';
import type { PivotRequest, RecordsStore } from '../contracts/store.ts';
import type { Sql, SqlStatement } from '../support/sql-thread.ts';

/** Notes that something is deleted: until the file is written anew it holds traces of what went. */
export const COUNT_DELETES: SqlStatement = {
  sql: `INSERT INTO memory (name, value) VALUES ('deletes', '1')
        ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1`,
};

/**
 * Overwrites what deletes have left in a memory's file, when there were any since it was last done.
 *
 * @returns false while another process writes, or reads an older state.
 */
export async function eraseTraces(sql: Sql): Promise<boolean> {
  const [mark] = await sql.all<{ value: string }>("SELECT value FROM memory WHERE name = 'deletes'");
  if (mark === undefined) return true;
  try {
    if (!(await sql.rewrite('records.erase'))) return false;
  } catch (error) {
    if (isApexError(error) && error.code === 'LOCKED') return false;
    throw error;
  }
  // What another process has deleted since is not erased yet.
  await sql.transaction([{ sql: "DELETE FROM memory WHERE name = 'deletes' AND value = ?", params: [mark.value] }], {
    label: 'records.erased',
  });
  return true;
}

/** Records on a server, while other roles lie in a memory's file: what deletes leave in that is overwritten with them. */
export function withTracesIn(sql: Sql, records: RecordsStore): RecordsStore {
  const own: Pick<RecordsStore, 'pivot' | 'erase'> = {
    pivot: async (request: PivotRequest, signal: AbortSignal) => {
      if (request.deletes.length > 0) await sql.transaction([COUNT_DELETES], { label: 'records.note-deletes' });
      return records.pivot(request, signal);
    },
    erase: async (signal: AbortSignal) => (await records.erase(signal)) && eraseTraces(sql),
  };
  return new Proxy(records, {
    get(target, key) {
      if (key === 'pivot' || key === 'erase') return own[key];
      const member: unknown = Reflect.get(target, key, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
