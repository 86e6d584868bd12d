import type { RunPlan, RunState } from '../contracts/journal.ts';
import { type CommitProbe, type SqlStatement, SqlThread, type SqlValue } from '../support/sql-thread.ts';
import { formatOf, REGISTRY_FORMAT, stampFormat } from './format.ts';
import { damageOf, isDamage, journalError, setAside } from './run-journal.ts';

/** A run as its row says. */
export interface RunRow {
  readonly runId: string;
  readonly kind: RunPlan['kind'];
  readonly state: RunState;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly exitStatus: number | null;
  readonly targets: readonly string[];
}

const SELECT =
  'SELECT run_id AS runId, kind, state, started_at AS startedAt, finished_at AS finishedAt, exit_status AS exitStatus, targets FROM run';

/** Ids become names of files, so a row whose id is not a plain name was not written by us. */
const PLAIN_NAME = /^[\w.-]+$/;

const IS_STATE: { readonly [state in RunState]: true } = {
  running: true,
  interrupted: true,
  completed: true,
  failed: true,
  rolled_back: true,
  needs_attention: true,
};

interface RunTableSettings {
  readonly path: string;
  readonly probe: CommitProbe | null;
  /** Rows of runs that must be there and are not; called for a table that was made anew, too. */
  readonly missing: (known: ReadonlySet<string>) => AsyncIterable<RunRow>;
}

/**
 * The table of runs, `registry.db`. All that it says is also in the journals, so one that turns out to be damaged, whenever that
 * is, is set aside and made again from them.
 */
export class RunTable {
  readonly #settings: RunTableSettings;
  #sql: Promise<SqlThread>;

  private constructor(settings: RunTableSettings, sql: SqlThread) {
    this.#settings = settings;
    this.#sql = Promise.resolve(sql);
  }

  /** Opens the table, making it when it is not there. @throws ConfigError NEWER_FORMAT; JournalError. */
  static async open(settings: RunTableSettings): Promise<RunTable> {
    const sql = await openTable(settings).catch((error: unknown) => {
      if (!isDamage(error)) throw error;
      setAside(settings.path);
      return openTable(settings);
    });
    const table = new RunTable(settings, sql);
    await table.#healing((open) => table.#listMissing(open));
    return table;
  }

  /** Newest first. */
  list(): Promise<readonly RunRow[]> {
    return this.#healing((sql) => rowsOf(sql, 'ORDER BY started_at DESC, run_id DESC', []));
  }

  /** At most so many of them, after the named one; from the newest where none is named. */
  page(afterRunId: string | null, limit: number): Promise<readonly RunRow[]> {
    const after = 'WHERE (started_at, run_id) < (SELECT started_at, run_id FROM run WHERE run_id = ?)';
    const condition = `${afterRunId === null ? '' : after} ORDER BY started_at DESC, run_id DESC LIMIT ?`;
    return this.#healing((sql) => rowsOf(sql, condition, afterRunId === null ? [limit] : [afterRunId, limit]));
  }

  async get(runId: string): Promise<RunRow | null> {
    const [row = null] = await this.#healing((sql) => rowsOf(sql, 'WHERE run_id = ?', [runId]));
    return row;
  }

  async add(row: RunRow, label: string): Promise<void> {
    await this.#healing((sql) => sql.transaction([insertOf(row)], { label }));
  }

  async setState(
    runId: string,
    state: RunState,
    end: { readonly finishedAt: string; readonly exitStatus: number } | null,
  ): Promise<void> {
    const sql = 'UPDATE run SET state = ?, finished_at = ?, exit_status = ? WHERE run_id = ?';
    const statement = { sql, params: [state, end?.finishedAt ?? null, end?.exitStatus ?? null, runId] };
    await this.#healing((open) => open.transaction([statement], { label: 'registry.set-state' }));
  }

  async close(): Promise<void> {
    await (await this.#sql).close();
  }

  /** Does the work; where the table is damaged, on one that was made anew. */
  async #healing<T>(work: (sql: SqlThread) => Promise<T>): Promise<T> {
    const used = this.#sql;
    try {
      return await work(await used);
    } catch (error) {
      if (!isDamage(error)) throw error;
      // Whoever met the damage first has it made anew for all.
      if (this.#sql === used) this.#sql = this.#makeAnew(await used);
      return work(await this.#sql);
    }
  }

  async #makeAnew(damaged: SqlThread): Promise<SqlThread> {
    await damaged.close().catch(() => {});
    setAside(this.#settings.path);
    const sql = await openTable(this.#settings);
    await this.#listMissing(sql);
    return sql;
  }

  async #listMissing(sql: SqlThread): Promise<void> {
    const known = new Set((await rowsOf(sql, '', [])).map(({ runId }) => runId));
    for await (const row of this.#settings.missing(known))
      await sql.transaction([insertOf(row)], { label: 'registry.relist' });
  }
}

/** The rows that meet a condition, which is a constant of the program. @throws what `isDamage` tells, for a row that was not written by us. */
export async function rowsOf(sql: SqlThread, condition: string, params: readonly SqlValue[]): Promise<RunRow[]> {
  const rows = await sql.all<Omit<RunRow, 'targets'> & { readonly targets: string }>(`${SELECT} ${condition}`, params);
  return rows.map((row) => {
    const targets = JSON.parse(row.targets) as unknown;
    if (!isPlausible(row) || !Array.isArray(targets)) throw damageOf('registry.read');
    return { ...row, targets: targets as string[] };
  });
}

function isPlausible({ runId, state, startedAt }: Pick<RunRow, 'runId' | 'state' | 'startedAt'>): boolean {
  return PLAIN_NAME.test(runId) && Object.hasOwn(IS_STATE, state) && !Number.isNaN(Date.parse(startedAt));
}

function insertOf({ runId, kind, state, startedAt, finishedAt, exitStatus, targets }: RunRow): SqlStatement {
  return {
    sql: `INSERT OR IGNORE INTO run (run_id, kind, state, started_at, finished_at, exit_status, targets)
          VALUES (?, ?, ?, ?, ?, ?, ?)`,
    params: [runId, kind, state, startedAt, finishedAt, exitStatus, JSON.stringify(targets)],
  };
}

async function openTable({ path, probe }: RunTableSettings): Promise<SqlThread> {
  const pragmas = { journal_mode: 'WAL', synchronous: 'FULL', trusted_schema: 'OFF' };
  const sql = await SqlThread.open({ path, pragmas, probe, toError: journalError });
  try {
    // Every command comes here: one that only reads shall need no sync, and no room on a disk that is full.
    if ((await formatOf(sql, path, REGISTRY_FORMAT)) === REGISTRY_FORMAT) return sql;
    await sql.transaction(
      [
        ...stampFormat(REGISTRY_FORMAT),
        {
          sql: `CREATE TABLE IF NOT EXISTS run (
                  run_id TEXT PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT,
                  exit_status INTEGER, targets TEXT NOT NULL)`,
        },
      ],
      { label: 'registry.open' },
    );
    return sql;
  } catch (error) {
    await sql.close();
    throw error;
  }
}
