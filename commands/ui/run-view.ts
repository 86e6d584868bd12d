import type { BatchDetails, ListedRun, RunDetails } from '../../lib/contracts/apex.ts';
import { ERROR_CODES, type ErrorCode } from '../../lib/contracts/error-codes.ts';
import { standingOf } from '../../src/journal/story.ts';
import { counted, shownCount, shownDuration, shownTime, shownUse } from './figures.ts';
import { details, table } from './table.ts';

/** Where a run stands, for people: a live one that waits for a store says so. */
export function shownStanding(run: ListedRun): string {
  return run.waitingFor.length > 0 ? 'waiting' : standingOf(run).replaceAll('_', ' ');
}

/** A run as names with their values: where it stands, why, and how it is gone on with. */
export function runLines(run: RunDetails): string[] {
  const { runId, kind, startedAt, finishedAt, exitStatus, targets, counts } = run;
  const state = standingOf(run);
  const { documents, added, updated, unchanged, deleted, quarantined, failed } = counts;
  const ends = Object.entries({ added, updated, unchanged, deleted, quarantined, failed }).filter(([, n]) => n > 0);
  const rows: [string, string][] = [
    ['run', runId],
    ['kind', kind],
    ['state', `${shownStanding(run)}${exitStatus === null ? '' : ` (exit status ${exitStatus})`}`],
    ['started', shownTime(startedAt)],
  ];
  for (const text of historyTexts(run)) rows.push(['', text]);
  for (const text of waitTexts(run)) rows.push(['waited', text]);
  if (finishedAt !== null)
    rows.push(['ended', `${shownTime(finishedAt)}, after ${shownDuration(lasted(startedAt, finishedAt))}`]);
  rows.push(
    ['what', targets.join(' ')],
    ['documents', `${shownCount(documents)}${ends.map(([name, n]) => `, ${shownCount(n)} ${name}`).join('')}`],
  );
  if (run.use.calls > 0 && run.use.costNanos !== 0) rows.push(['provider', shownUse(run.use)]);
  for (const { role, since, reason } of run.waitingFor)
    rows.push(['waits', `for the ${role} store since ${shownTime(since)}: ${reason}`]);
  if (state === 'running') rows.push(['now', doingText(run.batches.at(-1))]);
  if (state === 'interrupted') rows.push(...stopRows(run), ['continue with', `apex resume ${runId}`]);
  return details(rows);
}

/** Its batches, one a line. */
export function batchLines(batches: readonly BatchDetails[]): string[] {
  if (batches.length === 0) return [];
  const header = [
    { header: 'batch', align: 'right' },
    { header: 'state' },
    { header: 'documents', align: 'right' },
    { header: 'attempt', align: 'right', isOptional: true },
    { header: 'started', isOptional: true },
    { header: 'took', align: 'right', isOptional: true },
    { header: 'problem' },
  ] as const;
  const rows = batches.map(({ batchNo, state, documents, attempt, startedAt, changedAt, error }) => [
    String(batchNo),
    state.replaceAll('_', ' '),
    shownCount(documents),
    String(attempt),
    startedAt === null ? '' : shownTime(startedAt),
    startedAt === null || changedAt === null ? '' : shownDuration(lasted(startedAt, changedAt)),
    error?.message ?? '',
  ]);
  return ['', ...table(header, rows)];
}

/** What is parked: since when, where, why, and what tries it again. */
export function parkedLines(batches: readonly BatchDetails[]): string[] {
  const parked = batches.filter(({ state }) => state === 'parked');
  if (parked.length === 0) return [];
  const rows = parked.map(({ batchNo, changedAt, refusedBy, reason, error }): [string, string] => [
    `parked batch ${batchNo}`,
    [
      changedAt === null ? '' : `since ${shownTime(changedAt)}`,
      `${refusedBy.join(', ') || 'a store'} did not take the discard${error === null ? '' : ` (${error.message})`}`,
      reason === null ? '' : `it is discarded because of ${reason}`,
    ]
      .filter((part) => part !== '')
      .join('; '),
  ]);
  return ['', ...details([...rows, ['try again with', 'apex cleanup']])];
}

/** For which stores it waited, when and for how long; what it waits for now is told apart. */
function waitTexts({ waits, waitingFor }: RunDetails): string[] {
  const over = waits.filter(
    (wait) => !waitingFor.some(({ role, since }) => role === wait.role && since === wait.since),
  );
  const texts = over.map(({ role, since, until, reason }) => {
    const lastedText = until === null ? 'until its process died' : `for ${shownDuration(lasted(since, until))}`;
    return `${lastedText} from ${shownTime(since)} for the ${role} store: ${reason}`;
  });
  const hidden = texts.length - SHOWN_HISTORY;
  return hidden > 0 ? [`${counted(hidden, 'time')} before, and`, ...texts.slice(-SHOWN_HISTORY)] : texts;
}

/** When other processes came to it, and why each stopped: nothing of a run that one process took through. */
function historyTexts({ history }: RunDetails): string[] {
  const between = history.filter(({ what }) => what === 'claimed' || what === 'interrupted');
  const texts = between.map(({ at, what, reason }) =>
    what === 'claimed' ? `taken over ${shownTime(at)} (${reason})` : `stopped ${shownTime(at)}: ${reason}`,
  );
  const hidden = texts.length - SHOWN_HISTORY;
  return hidden > 0
    ? [`… ${counted(hidden, 'earlier stop or start', 'earlier stops and starts')}`, ...texts.slice(-SHOWN_HISTORY)]
    : texts;
}

/** Times that a run was stopped or taken over that are shown. */
const SHOWN_HISTORY = 6;

/** Why it waits: what it stopped for by its own word, or that its process died. */
function stopRows({ history }: RunDetails): [string, string][] {
  const last = history.at(-1);
  if (last?.what !== 'interrupted') return [['why', 'its process ended without a word']];
  const help = last.reason in ERROR_CODES ? ERROR_CODES[last.reason as ErrorCode].help : '';
  return [['why', `${last.reason}${help === '' ? '' : `: ${help}`}`]];
}

/** What a live run is at, as far as its journal tells. */
function doingText(batch: BatchDetails | undefined): string {
  if (batch === undefined) return 'looking at what there is';
  const { batchNo, documents, setAside, stored, startedAt, state, isIsolated } = batch;
  if (state === 'done' || state === 'discarded') return `between batches; batch ${batchNo} is ${state}`;
  const alone = isIsolated ? ' one by one' : '';
  const doing: { readonly [state: string]: string } = {
    assigned: `prepares ${counted(documents, 'document')}${alone}`,
    planned: `writes ${counted(documents, 'document')}${stored.length === 0 ? '' : `, ${stored.join(', ')} done`}`,
    pivot_planned: `makes ${counted(documents, 'document')} visible`,
    pivoted: 'removes what is old',
    discarding: 'discards what was written',
    parked: 'could not be discarded',
  };
  const aside = setAside === 0 ? '' : `, ${shownCount(setAside)} set aside`;
  return `batch ${batchNo} ${doing[state] ?? state}${aside}${startedAt === null ? '' : `; begun ${shownTime(startedAt)}`}`;
}

function lasted(from: string, to: string): number {
  return Math.max(0, Date.parse(to) - Date.parse(from));
}
