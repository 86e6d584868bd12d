import type { DocumentDetails } from '../../lib/contracts/apex.ts';
import type { QuarantineEntry } from '../../lib/contracts/document.ts';
import type { RunRegistry } from '../../lib/contracts/journal.ts';
import type { Staging } from '../../lib/contracts/staging.ts';
import type { CurrentDocument, DocumentSummary, PivotOutcome, RecordsStore } from '../../lib/contracts/store.ts';
import type { DocumentTrace, TraceEvent } from '../../lib/contracts/trace.ts';
import { ancestorIdsOf, documentUuid } from '../pipeline/identity.ts';
import { allQuarantined, Quarantine } from '../pipeline/quarantine.ts';
import { type PlacedEvent, RunTimeline } from './timeline.ts';

/** What a trace is told from. */
export interface TraceParts {
  readonly records: RecordsStore;
  readonly registry: Pick<RunRegistry, 'naming' | 'readEntries'>;
  readonly staging: Pick<Staging, 'staged'>;
  /** Where the document stands, as far as it is in the memory or on its way. */
  readonly found: DocumentDetails | null;
  /** The group of a document that nothing tells the group of. */
  readonly group: string;
}

/**
 * All that is known of a document: what the journals of all runs tell of it, what the records store keeps, what lies in staging.
 * Runs are looked at one by one. Null when nothing knows it. Nothing of its text is told.
 */
export async function traceDocument(
  documentId: string,
  parts: TraceParts,
  signal: AbortSignal,
): Promise<DocumentTrace | null> {
  const { records, staging, found } = parts;
  const { events, runs, group } = await journaledEvents(documentId, parts, signal);
  const current = (await records.current([documentId], signal)).get(documentId) ?? null;
  const { document, quarantine } = found ?? { document: null, quarantine: null };
  if (events.length === 0 && current === null && found === null) return null;
  const placed = [...events, ...untold({ document, quarantine }, events)];
  // Stable: within a run the order of its journal stays.
  placed.sort((a, b) => a.placeMs - b.placeMs);
  const all = placed.map(({ event }) => event);
  return {
    documentId,
    uuid: current?.uuid ?? documentUuid(current?.group ?? group ?? parts.group, documentId),
    status: found?.status ?? statusOf(current, all),
    document,
    lastVersion: current?.lastVersion ?? null,
    settingsDigest: current?.settingsDigest ?? null,
    storesDigest: current?.storesDigest ?? null,
    parentId: current?.parentId ?? ancestorIdsOf(documentId).at(-1) ?? null,
    attachments: await attachmentsOf(documentId, parts, signal),
    expected: await expectedOf(current, records, signal),
    quarantine,
    staged: await staging.staged(documentId),
    runs,
    events: all,
  };
}

async function journaledEvents(
  documentId: string,
  { records, registry }: TraceParts,
  signal: AbortSignal,
): Promise<{ events: PlacedEvent[]; runs: DocumentTrace['runs']; group: string | null }> {
  const events: PlacedEvent[] = [];
  const runs: DocumentTrace['runs'][number][] = [];
  let group: string | null = null;
  for await (const run of registry.naming(documentId)) {
    signal.throwIfAborted();
    const timeline = new RunTimeline(documentId, run);
    for await (const entry of registry.readEntries(run.runId)) timeline.take(entry);
    if (timeline.events.length === 0) continue;
    group ??= timeline.group;
    runs.push({ ...run, use: timeline.use });
    const outcomes = new Map<number, PivotOutcome | null>();
    for (const batchNo of timeline.plannedBatches)
      outcomes.set(batchNo, await records.pivotOutcome({ runId: run.runId, batchNo }, signal));
    events.push(...withOutcomes(documentId, timeline.events, outcomes));
  }
  return { events, runs: runs.reverse(), group };
}

/** The events with what each pivot was for the document: the commit table decides, also where the journal did not come to tell. */
function withOutcomes(
  documentId: string,
  events: readonly PlacedEvent[],
  outcomes: ReadonlyMap<number, PivotOutcome | null>,
): PlacedEvent[] {
  const told = new Set(events.flatMap(({ event }) => (event.step === 'pivoted' ? [event.batchNo] : [])));
  return events.flatMap((placed) => {
    const { event } = placed;
    if (event.batchNo === undefined || (event.step !== 'pivoted' && event.step !== 'pivot_planned')) return [placed];
    const outcome = outcomes.get(event.batchNo) ?? null;
    if (outcome === null) return [placed];
    const { batchNo, runId, runKind, runState } = event;
    const became = becameOf(documentId, outcome);
    if (event.step === 'pivoted') return [{ ...placed, event: { ...event, ...became } }];
    if (told.has(batchNo)) return [placed];
    const untold: TraceEvent = { at: null, step: 'pivoted', runId, runKind, runState, batchNo, ...became };
    return [placed, { ...placed, event: untold }];
  });
}

function becameOf(documentId: string, outcome: PivotOutcome): Pick<TraceEvent, 'became' | 'version' | 'baseVersion'> {
  const versionIn = (versions: PivotOutcome['committed']) =>
    versions.find((version) => version.documentId === documentId)?.version ?? null;
  const committed = versionIn(outcome.committed);
  const baseVersion = versionIn(outcome.retiring);
  if (committed !== null) return { became: 'current', version: committed, baseVersion };
  if (outcome.deleted.includes(documentId)) return { became: 'deleted', baseVersion };
  const lost = versionIn(outcome.lost);
  return lost === null ? {} : { became: 'lost', version: lost };
}

/** What only the records store tells, because the journal that did is gone. */
function untold(
  { document, quarantine }: { document: DocumentSummary | null; quarantine: QuarantineEntry | null },
  events: readonly PlacedEvent[],
): PlacedEvent[] {
  const isTold = (runId: string) => events.some(({ event }) => event.runId === runId);
  const found: PlacedEvent[] = [];
  const add = (at: string, event: Pick<TraceEvent, 'step' | 'runId'> & Partial<TraceEvent>) =>
    found.push({ placeMs: Date.parse(at), event: { at, runKind: null, runState: null, ...event } });
  if (document !== null && !isTold(document.runId)) {
    const { createdAt, runId, version, contentDigest, sourceUri } = document;
    add(createdAt, { step: 'version_made', runId, version, contentDigest, sourceUri });
  }
  if (quarantine !== null && !isTold(quarantine.runId)) {
    const { at, runId, code, message, retryable, sourceUri } = quarantine;
    add(at, { step: 'quarantined', runId, sourceUri, error: { code, message, retryable, step: null } });
  }
  return found;
}

/** Where it stands when the stores hold nothing of it: deleted once it was there, else what its last run left it at. */
function statusOf(current: CurrentDocument | null, events: readonly TraceEvent[]): DocumentTrace['status'] {
  if (events.some(({ became }) => became === 'current') || current !== null) return 'deleted';
  return events.some(({ step, reason }) => step === 'run_ended' && reason === 'rolled_back') ? 'rolled_back' : 'failed';
}

/** What came in a document: current ones with their version, then those in quarantine. */
async function attachmentsOf(documentId: string, { records }: TraceParts, signal: AbortSignal) {
  const children = await records.children([documentId], signal);
  const quarantine = new Quarantine(await allQuarantined(records, signal));
  const known = new Set(children.map((child) => child.documentId));
  const setAside = quarantine.attachmentsOf(documentId).filter((entry) => !known.has(entry.documentId));
  return [
    ...children.map((child) => ({ documentId: child.documentId, version: child.version })),
    ...setAside.map((entry) => ({ documentId: entry.documentId, version: null })),
  ];
}

async function expectedOf(
  current: CurrentDocument | null,
  records: RecordsStore,
  signal: AbortSignal,
): Promise<DocumentTrace['expected']> {
  if (current === null || current.version === null) return {};
  const counts: { [role: string]: { [kind: string]: number } } = {};
  const version = { documentId: current.documentId, version: current.version };
  for await (const { role, kind } of records.expectedInventory([version], signal)) {
    const ofRole = counts[role] ?? {};
    ofRole[kind] = (ofRole[kind] ?? 0) + 1;
    counts[role] = ofRole;
  }
  return counts;
}
