// The log on disk: one file per run, a registry of runs, and who owns them.
// May import lib/contracts, lib/support and better-sqlite3.
// Must never decide what an entry means.

import type { JournalEntry } from '../contracts/journal.ts';

/** Is the entry an intent, which must survive a power cut before its effect begins? Outcomes may be lost and redone. */
const IS_INTENT: { readonly [kind in JournalEntry['kind']]: boolean } = {
  run_started: true,
  run_claimed: true,
  batch_assigned: true,
  isolated_attempt: true,
  item_set_aside: false,
  items_left: false,
  providers_used: false,
  measured: false,
  effects_planned: true,
  effect_applied: false,
  pivot_planned: true,
  pivot_done: false,
  batch_done: true,
  discard_planned: true,
  discard_done: false,
  discard_parked: true,
  waiting_store: false,
  store_back: false,
  run_interrupted: true,
  run_finished: true,
};

/** True for entries that `append` syncs before it resolves. */
export function isIntent(entry: JournalEntry): boolean {
  return IS_INTENT[entry.kind];
}

/** True for entries that `append` writes at once without syncing: what a live run waits for is for others to see. */
export function isNews({ kind }: JournalEntry): boolean {
  return kind === 'waiting_store' || kind === 'store_back';
}
