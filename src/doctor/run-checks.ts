import { type Check, type Finding, ok, problem, type RunReader, warning } from '../../lib/contracts/check.ts';
import type { RunListing } from '../../lib/contracts/journal.ts';
import { replayRun } from '../journal/replay.ts';

/** Where the runs of a data directory stand: who holds one, what is to be gone on with, what is parked. */
export function runChecks(reader: RunReader): Check[] {
  return [
    { name: 'live_runs', run: async () => liveRuns(await reader.unfinished(), reader) },
    { name: 'interrupted_runs', run: async () => interruptedRuns(await reader.unfinished()) },
    { name: 'parked_discards', run: async () => parkedDiscards(await reader.unfinished(), reader) },
  ];
}

function liveRuns(runs: readonly RunListing[], reader: RunReader): Finding {
  const live = runs.filter(({ isOwned }) => isOwned);
  if (live.length === 0) return ok('none');
  const named = live.map(({ runId }) => `${runId} (${holdersOf(reader.holders(runId))})`);
  return ok(listed(named));
}

function holdersOf(processes: readonly number[]): string {
  if (processes.length === 0) return 'held by a process';
  return `process ${processes.join(', ')}`;
}

function interruptedRuns(runs: readonly RunListing[]): Finding {
  const interrupted = runs.filter(({ isOwned, state }) => !isOwned && state !== 'needs_attention');
  if (interrupted.length === 0) return ok('none');
  const [first] = interrupted;
  return warning(
    listed(interrupted.map(({ runId, targets }) => `${runId} (${targets.slice(0, 1).join('')})`)),
    interrupted.length === 1
      ? `apex resume ${first!.runId}; or apex rollback ${first!.runId}`
      : 'Go on with all: apex resume; or give one up: apex rollback <run>',
  );
}

async function parkedDiscards(runs: readonly RunListing[], reader: RunReader): Promise<Finding> {
  const parked: string[] = [];
  for (const { runId } of runs.filter(({ isOwned }) => !isOwned)) {
    const { batches } = await replayRun(reader.readEntries(runId));
    for (const { batchNo, state, error } of batches)
      if (state === 'parked')
        parked.push(`batch ${batchNo} of run ${runId}${error === null ? '' : `: ${error.message}`}`);
  }
  if (parked.length === 0) return ok('none');
  return problem('APEX_COMPENSATION', listed(parked), 'When the store answers again: apex cleanup');
}

/** What is named at most of many. */
const MAX_NAMED = 5;

function listed(names: readonly string[]): string {
  if (names.length === 1) return names.join();
  const hidden = names.length - MAX_NAMED;
  const shown = names.slice(0, MAX_NAMED).join(', ');
  return hidden > 0 ? `${names.length}: ${shown} and ${hidden} more` : `${names.length}: ${shown}`;
}
