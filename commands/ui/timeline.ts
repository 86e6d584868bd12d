import { ERROR_CODES } from '../../lib/contracts/error-codes.ts';
import { ROLES } from '../../lib/contracts/store.ts';
import type { DocumentTrace, TraceEvent, TraceStep } from '../../lib/contracts/trace.ts';
import { counted, shownBytes, shownCount, shownDuration, shownPlace, shownTime, shownUse } from './figures.ts';
import { columns } from './output.ts';
import { details } from './table.ts';
import { padded, wrapped } from './text.ts';

/** What is known of a document, as names with their values. Nothing of its text. */
export function tracedLines(trace: DocumentTrace): string[] {
  const { documentId, uuid, status, document, quarantine, lastVersion, parentId, attachments, staged } = trace;
  const rows: [string, string][] = [
    ['document', documentId],
    ['uuid', uuid],
    ['status', status.replaceAll('_', ' ')],
  ];
  if (document !== null) {
    const { version, createdAt, sourceUri, contentDigest, mediaType, bytes } = document;
    rows.push(
      ['version', `${shownCount(version)}, since ${shownTime(createdAt)}`],
      ['location', shownPlace(sourceUri)],
      ['type', `${mediaType}, ${shownBytes(bytes)}`],
      ['content', contentDigest],
      ...digestRows(trace),
    );
  } else if (lastVersion !== null) rows.push(['last version', shownCount(lastVersion)]);
  for (const role of ROLES) {
    const kinds = Object.entries(trace.expected[role] ?? {});
    if (kinds.length > 0) rows.push([role, kinds.map(([kind, count]) => ofKind(count, kind)).join(', ')]);
  }
  if (quarantine !== null)
    rows.push(
      ['quarantined', `${shownTime(quarantine.at)}: ${quarantine.code}, ${quarantine.message}`],
      ['what to do', ERROR_CODES[quarantine.code].help],
    );
  if (parentId !== null) rows.push(['came in', parentId]);
  for (const attachment of attachments)
    rows.push([
      'holds',
      `${attachment.documentId} (${attachment.version === null ? 'in quarantine' : `version ${attachment.version}`})`,
    ]);
  for (const { bytes, status: state, runId, updatedAt } of staged)
    rows.push(['staged', `${shownBytes(bytes)}, ${state}, ${shownTime(updatedAt)}, ${whose(runId)}`]);
  return details(rows);
}

function digestRows({ settingsDigest, storesDigest }: DocumentTrace): [string, string][] {
  return [
    ...(settingsDigest === null ? [] : [['settings', settingsDigest] as [string, string]]),
    ...(storesDigest === null ? [] : [['stores', storesDigest] as [string, string]]),
  ];
}

function ofKind(count: number, kind: string): string {
  return counted(count, kind, kind === 'entity' ? 'entities' : `${kind}s`);
}

/** The events in order, those of one run under its name. */
export function timelineLines({ events, runs }: Pick<DocumentTrace, 'events' | 'runs'>): string[] {
  const uses = new Map(runs.map(({ runId, use }) => [runId, use]));
  const groups: TraceEvent[][] = [];
  for (const event of events) {
    const last = groups.at(-1);
    if (last?.[0]?.runId === event.runId) last.push(event);
    else groups.push([event]);
  }
  return groups.flatMap((group) => {
    const { runId, runKind, runState } = group[0]!;
    const known = [runKind, runState?.replaceAll('_', ' ')].filter((part) => part !== null && part !== undefined);
    const heading = known.length === 0 ? `run ${runId}, its journal is gone` : `run ${runId}, ${known.join(', ')}`;
    const use = uses.get(runId);
    const paid = use !== undefined && use.calls > 0 && use.costNanos !== 0 ? `; it used ${shownUse(use)} in all` : '';
    return [
      '',
      ...wrapped(heading + paid, columns()),
      ...details(group.map((event) => [timeOf(event), TEXTS[event.step](event)] as const)),
    ];
  });
}

const TIME_COLUMNS = '2026-01-01 00:00:00'.length;
const DURATION_COLUMNS = 8;

/** When it was, and how long it took as far as that is known. */
function timeOf({ at, durationMs }: TraceEvent): string {
  const time = at === null ? '-' : shownTime(at);
  const took = durationMs === undefined ? '' : shownDuration(durationMs);
  return `${padded(time, TIME_COLUMNS)} ${padded(took, DURATION_COLUMNS, 'right')}`;
}

/** The beginning of a digest that is enough to tell two apart. */
const SHOWN_DIGITS = 12;

/** What an event says to people, by its step. */
const TEXTS: { readonly [step in TraceStep]: (event: TraceEvent) => string } = {
  assigned: ({ batchNo, attempt, baseVersion, isIsolated, contentDigest }) =>
    [
      `batch ${batchNo}, attempt ${attempt} begun`,
      isIsolated === true ? 'alone' : '',
      typeof baseVersion === 'number' ? `over version ${baseVersion}` : 'nothing of it is current',
      contentDigest === undefined ? '' : `content ${contentDigest.slice(0, SHOWN_DIGITS)}`,
    ]
      .filter((part) => part !== '')
      .join(', '),
  isolated_attempt: ({ attempt }) => `attempt ${attempt} in a process of its own`,
  set_aside: (event) => `set aside${errorText(event)}`,
  left: () => 'left for another time',
  write_planned: ({ version, stores }) => `prepared; version ${version} goes to ${stores?.join(', ')}`,
  delete_planned: ({ baseVersion }) =>
    typeof baseVersion === 'number' ? `version ${baseVersion} is to be deleted` : 'is to leave quarantine',
  stored: ({ stores }) => `${stores?.join(', ')} has taken it`,
  pivot_planned: () => 'is to be made visible',
  pivoted: pivotText,
  finished: finishedText,
  discard_planned: ({ reason }) => `what was written is discarded: ${reason}`,
  discarded: () => 'nothing of the attempt is left',
  discard_parked: ({ stores, error }) =>
    `the discard is parked, ${stores?.join(', ')} did not take it: ${error?.message}. Try again with: apex cleanup`,
  claimed: ({ reason, hasDied }) =>
    `taken over by another process (${reason})${hasDied === true ? '; the one before had died' : ''}`,
  interrupted: ({ reason }) => `the run stopped: ${reason}`,
  run_ended: ({ reason }) => `the run ended: ${reason?.replaceAll('_', ' ')}`,
  version_made: ({ version }) => `version ${version} was made`,
  quarantined: (event) => `set aside${errorText(event)}`,
};

function pivotText({ became, version, baseVersion }: TraceEvent): string {
  const before = typeof baseVersion === 'number' ? `version ${baseVersion}` : null;
  if (became === 'current')
    return `version ${version} became current${before === null ? '' : `, ${before} is superseded`}`;
  if (became === 'deleted') return before === null ? 'left quarantine' : `${before} was deleted`;
  if (became === 'lost') return `version ${version} lost the race against another run`;
  return 'the batch was made visible';
}

function finishedText(event: TraceEvent): string {
  const { outcome, version, batchNo, became } = event;
  if (became === 'lost') return `batch ${batchNo} done; version ${version} lost the race, the source is read again`;
  const numbered = typeof version === 'number' ? `, version ${version}` : '';
  return `batch ${batchNo} done: ${outcome}${numbered}${errorText(event)}`;
}

function errorText({ error }: TraceEvent): string {
  if (error === undefined) return '';
  return `${error.step === null ? '' : ` in ${error.step}`}: ${error.code}, ${error.message}`;
}

/** Whose what lies in staging is. */
function whose(runId: string): string {
  return runId === '' ? 'to be ingested' : `run ${runId}`;
}
