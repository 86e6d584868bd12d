import type { ItemOutcome, RunCounts } from '../../lib/contracts/journal.ts';

/** Counts of a run that has done nothing yet. */
export const NO_COUNTS: RunCounts = {
  documents: 0,
  added: 0,
  updated: 0,
  unchanged: 0,
  deleted: 0,
  quarantined: 0,
  failed: 0,
  chunks: 0,
  entities: 0,
  relations: 0,
};

/** The counts that follow from journaled outcomes; those of chunks, entities and relations are not journaled and stay 0. */
export function countResults(results: readonly ItemOutcome[]): RunCounts {
  const counts = { ...NO_COUNTS, documents: results.length };
  for (const { outcome } of results) counts[outcome] += 1;
  return counts;
}
