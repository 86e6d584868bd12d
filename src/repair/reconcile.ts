import type { Difference, OnEvent, ReconcileReport, VerifyReport } from '../../lib/contracts/apex.ts';
import { EXIT } from '../../lib/contracts/error-codes.ts';
import type { Engine } from '../engines/engine.ts';
import { cleanStaging } from '../engines/staged.ts';
import type { Parts } from '../pipeline/parts.ts';
import { clearCache, mendClosings, mendIndexes, mendStrays, retireOrphans, type Sweeper } from './sweep.ts';

interface ReconcileOptions {
  readonly parts: Parts;
  readonly engine: Engine;
  /** Looks at everything. */
  readonly verified: () => Promise<VerifyReport>;
  readonly onEvent: OnEvent;
  readonly signal: AbortSignal;
}

/** How often what one sweep has laid open is swept again. */
const MAX_SWEEPS = 4;

/**
 * Brings the stores to a consistent state from the stores alone: what dead or unknown runs left in flight is finished or
 * discarded, what no document and no run accounts for goes, and so does what lies in staging for no run. Live runs are left alone.
 * A damaged document is not healed here. Doing it again does nothing more.
 */
export async function reconcile({
  parts,
  engine,
  verified,
  onEvent,
  signal,
}: ReconcileOptions): Promise<ReconcileReport> {
  const lost = await engine.giveUpLostRuns(onEvent, signal);
  const settled = await engine.settleDeadRuns(onEvent, signal);
  const removed = await cleanStaging(parts, { retentionMs: null, isTrial: false }, signal);
  const first = await verified();
  let last = first;
  for (let sweeps = 0; sweeps < MAX_SWEEPS && last.differences.length > 0; sweeps += 1) {
    signal.throwIfAborted();
    await sweep(last.differences, { parts, signal, runId: null });
    const next = await verified();
    const isSame = JSON.stringify(next.differences) === JSON.stringify(last.differences);
    last = next;
    if (isSame) break;
  }
  const left = new Set(last.differences.map((difference) => JSON.stringify(difference)));
  const parked = lost.parked + settled.parked;
  return {
    isDone: true,
    batchesFinished: lost.finished + settled.finished,
    batchesDiscarded: lost.discarded + settled.discarded,
    parked,
    runsGivenUp: lost.runs,
    swept: first.differences.filter((difference) => !left.has(JSON.stringify(difference))),
    ...removed,
    verified: last,
    exit_status: parked > 0 ? EXIT.needsAttention : last.exit_status,
  };
}

async function sweep(differences: readonly Difference[], sweeper: Sweeper): Promise<void> {
  const indexes = differences.filter(({ kind }) => kind === 'index');
  if (indexes.length > 0) return mendIndexes(indexes, sweeper);
  await clearCache(differences, sweeper);
  await retireOrphans(differences, sweeper);
  await mendStrays(differences, sweeper);
  await mendClosings(differences, sweeper);
}

/** The report of one that found another one, or a cleanup, at work. */
export const NOT_RECONCILED: ReconcileReport = {
  ...{ isDone: false, batchesFinished: 0, batchesDiscarded: 0, parked: 0, runsGivenUp: 0, swept: [] },
  ...{
    removedFolders: 0,
    removedBytes: 0,
    verified: {
      documents: 0,
      items: 0,
      items_by_store: { records: 0, graph: 0, vectors: 0 },
      differences: [],
      uncompared: [],
      exit_status: EXIT.done,
    },
  },
  exit_status: EXIT.done,
};
