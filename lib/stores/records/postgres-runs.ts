import type { FencedRun, HeldRun } from '../../contracts/store.ts';
import type { PostgresMemory } from './postgres-memory.ts';

/** For whom runs are held, and how long. */
export interface PostgresLease {
  /** The name of this machine. */
  readonly host: string;
  readonly leaseMs: number;
}

/** The table of runs: fences, mirrors of journals and leases. Every time in it is the database's own: the clocks of hosts differ. */
export class PostgresRuns {
  readonly #memory: PostgresMemory;
  readonly #lease: PostgresLease;

  constructor(memory: PostgresMemory, lease: PostgresLease) {
    this.#memory = memory;
    this.#lease = lease;
  }

  /** As `RecordsStore.openRun`. */
  open(
    { runId, journalId }: { runId: string; journalId: string },
    signal: AbortSignal,
  ): Promise<{ fence: number; lastLsn: number }> {
    const { at, db } = this.#memory;
    const { host, leaseMs } = this.#lease;
    return db.transaction({ operation: 'open-run', signal, isDurable: true }, async (transaction) => {
      // The update takes its number once it has the row: whoever comes last has the highest.
      const [row] = await transaction.all<{ fence: number; lastLsn: number }>(
        `INSERT INTO ${at}run AS r (run_id, journal_id, fence, last_lsn, host, lease_until)
         VALUES ($1, $2, ${nextFence(at)}, 0, $3, ${leaseFromNow('$4')})
         ON CONFLICT (run_id) DO UPDATE SET fence = ${nextFence(at)}, host = excluded.host, lease_until = excluded.lease_until
         RETURNING r.fence, r.last_lsn AS "lastLsn"`,
        [runId, journalId, host, leaseMs],
      );
      return row!;
    });
  }

  /** As `RecordsStore.runMirror`. */
  async mirror(
    runId: string,
    signal: AbortSignal,
  ): Promise<{ fence: number; lastLsn: number; journalId: string } | null> {
    const { at, db } = this.#memory;
    const [row] = await db.all<{ fence: number; lastLsn: number; journalId: string }>(
      'run-mirror',
      `SELECT fence, last_lsn AS "lastLsn", journal_id AS "journalId" FROM ${at}run WHERE run_id = $1`,
      [runId],
      signal,
    );
    return row ?? null;
  }

  /** As `RecordsStore.renewLease`. */
  renew({ runId, fence }: FencedRun, signal: AbortSignal): Promise<boolean> {
    const { at, db } = this.#memory;
    return db.transaction({ operation: 'renew-lease', signal }, async (transaction) => {
      const sql = `UPDATE ${at}run SET lease_until = ${leaseFromNow('$3')} WHERE run_id = $1 AND fence = $2`;
      return (await transaction.run(sql, [runId, fence, this.#lease.leaseMs])) === 1;
    });
  }

  /** As `RecordsStore.endLease`. */
  end({ runId, fence }: FencedRun, signal: AbortSignal): Promise<void> {
    const { at, db } = this.#memory;
    return db.transaction({ operation: 'end-lease', signal }, async (transaction) => {
      await transaction.run(`UPDATE ${at}run SET lease_until = NULL WHERE run_id = $1 AND fence = $2`, [runId, fence]);
    });
  }

  /** As `RecordsStore.heldRuns`. */
  async held(signal: AbortSignal): Promise<{ runs: readonly HeldRun[]; lastFence: number }> {
    const { at, db } = this.#memory;
    const rows = await db.all<{ runId: string | null; host: string; until: string; lastFence: number }>(
      'held-runs',
      `SELECT r.run_id AS "runId", r.host, to_char(r.lease_until AT TIME ZONE 'UTC', '${ISO}') AS until, f.last AS "lastFence"
       FROM (SELECT coalesce(max(fence), 0) AS last FROM ${at}run) f LEFT JOIN ${at}run r ON r.lease_until > clock_timestamp()
       ORDER BY r.run_id`,
      [],
      signal,
    );
    const runs = rows.flatMap(({ runId, host, until }) => (runId === null ? [] : [{ runId, host, until }]));
    return { runs, lastFence: rows[0]!.lastFence };
  }

  /** As `RecordsStore.abortRun`. */
  abort(runId: string, signal: AbortSignal): Promise<boolean> {
    const { at, db } = this.#memory;
    // Whoever fell silent in its pivot holds the row until the server gives its transaction up.
    const options = { operation: 'abort-run', signal, isDurable: true, isPatient: true };
    return db.transaction(options, async (transaction) => {
      const taken = await transaction.run(
        `UPDATE ${at}run SET fence = ${nextFence(at)}, lease_until = NULL
         WHERE run_id = $1 AND (lease_until IS NULL OR lease_until <= clock_timestamp())`,
        [runId],
      );
      if (taken === 1) return true;
      return (await transaction.all(`SELECT 1 FROM ${at}run WHERE run_id = $1`, [runId])).length === 0;
    });
  }
}

/** As `to_char` takes it. */
const ISO = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"';

function nextFence(at: string): string {
  return `nextval('${at}fence')`;
}

/** By the time of the statement: a transaction may have waited since it began. @param ms the parameter that gives the milliseconds. */
function leaseFromNow(ms: string): string {
  return `clock_timestamp() + ${ms}::double precision * interval '1 millisecond'`;
}
