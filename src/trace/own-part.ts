import type { JournalEntry } from '../../lib/contracts/journal.ts';
import type { TraceEvent, TraceStep } from '../../lib/contracts/trace.ts';

/** An entry about a batch. */
export type BatchEntry = Extract<JournalEntry, { batchNo: number }>;

/** What an event says besides when it was, and of which run. */
export type TraceDetails = Omit<TraceEvent, 'at' | 'step' | 'runId' | 'runKind' | 'runState'>;

/** What an entry says of one document of its batch. */
export interface OwnPart {
  readonly step: TraceStep;
  readonly details: TraceDetails;
}

type Entry<Kind extends BatchEntry['kind']> = Extract<BatchEntry, { kind: Kind }>;

/** What an entry about a batch says of this document by name; null when it does not name it. */
export function ownPart(entry: BatchEntry, documentId: string): OwnPart | null {
  if (entry.kind === 'batch_assigned') return assigned(entry, documentId);
  if (entry.kind === 'effects_planned') return planned(entry, documentId);
  if (entry.kind === 'batch_done') return finished(entry, documentId);
  if (entry.kind === 'isolated_attempt')
    return entry.documentId === documentId ? { step: 'isolated_attempt', details: { attempt: entry.attempt } } : null;
  if (entry.kind === 'items_left') return entry.documentIds.includes(documentId) ? { step: 'left', details: {} } : null;
  if (entry.kind !== 'item_set_aside' || entry.result.documentId !== documentId) return null;
  return { step: 'set_aside', details: errorOf(entry.result) };
}

function assigned({ items, isIsolated }: Entry<'batch_assigned'>, documentId: string): OwnPart | null {
  const found = items.find((item) => item.documentId === documentId);
  if (found === undefined) return null;
  const { attempt, baseVersion, contentDigest = '', item } = found;
  const digest = contentDigest === '' ? {} : { contentDigest };
  return { step: 'assigned', details: { attempt, isIsolated, sourceUri: item.uri, baseVersion, ...digest } };
}

function planned({ versions, deletes, stores }: Entry<'effects_planned'>, documentId: string): OwnPart | null {
  const written = versions.find((version) => version.documentId === documentId);
  if (written !== undefined) {
    const { version, baseVersion } = written;
    return { step: 'write_planned', details: { version, baseVersion, stores } };
  }
  const deleted = deletes.find((item) => item.documentId === documentId);
  if (deleted === undefined) return null;
  return { step: 'delete_planned', details: { baseVersion: deleted.baseVersion, stores } };
}

function finished({ results }: Entry<'batch_done'>, documentId: string): OwnPart | null {
  const result = results.find((item) => item.documentId === documentId);
  if (result === undefined) return null;
  const { outcome, version } = result;
  return { step: 'finished', details: { outcome, version, ...errorOf(result) } };
}

function errorOf({ error }: { readonly error: TraceEvent['error'] | null }): TraceDetails {
  return error === null || error === undefined ? {} : { error };
}
