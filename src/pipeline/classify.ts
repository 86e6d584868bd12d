import type { QuarantineEntry } from '../../lib/contracts/document.ts';
import { type ErrorReport, isApexError } from '../../lib/contracts/errors.ts';
import type { Source, SourceItem } from '../../lib/contracts/source.ts';
import type { CurrentDocument, RecordsStore } from '../../lib/contracts/store.ts';
import type { DocumentInput } from './document.ts';
import { reportOf } from './failure.ts';
import type { Quarantine } from './quarantine.ts';

/** A listed document with its id, not yet looked at. */
export interface Candidate {
  readonly documentId: string;
  readonly parentId: string | null;
  readonly item: SourceItem;
}

/** What is to be done with a candidate. Decided by digests, never by clocks. */
export type Verdict =
  | { readonly kind: 'process'; readonly input: DocumentInput; readonly bytes: number }
  | { readonly kind: 'unchanged'; readonly candidate: Candidate; readonly current: CurrentDocument }
  /** The same content failed for good before, under the same settings: it is not tried again and still counts. */
  | { readonly kind: 'remembered'; readonly candidate: Candidate; readonly entry: QuarantineEntry }
  | { readonly kind: 'unreadable'; readonly candidate: Candidate; readonly error: ErrorReport };

/** What candidates are compared with. */
export interface ClassifyParts {
  readonly source: Source;
  readonly records: RecordsStore;
  /** All that is in quarantine. */
  readonly quarantine: Quarantine;
  readonly settingsDigest: string;
  readonly storesDigest: string;
}

/** Looks at candidates together: one question to the records store for all, their bytes hashed and not kept. Same order. */
export async function classify(
  candidates: readonly Candidate[],
  parts: ClassifyParts,
  signal: AbortSignal,
): Promise<Verdict[]> {
  const ids = candidates.map(({ documentId }) => documentId);
  const current = await parts.records.current(ids, signal);
  const verdicts: Verdict[] = [];
  for (const candidate of candidates)
    verdicts.push(await verdictOn(candidate, current.get(candidate.documentId), parts, signal));
  return verdicts;
}

async function verdictOn(
  candidate: Candidate,
  current: CurrentDocument | undefined,
  parts: ClassifyParts,
  signal: AbortSignal,
): Promise<Verdict> {
  const { quarantine, settingsDigest, storesDigest } = parts;
  const { documentId, parentId, item } = candidate;
  const process = (bytes: number): Verdict => ({
    kind: 'process',
    input: { documentId, parentId, sourceName: parts.source.name, item, baseVersion: current?.version ?? null },
    bytes,
  });
  const entry = quarantine.entryOf(documentId);
  try {
    const { digest, bytes } = await parts.source.digest(item, signal);
    if (
      entry !== null &&
      !entry.retryable &&
      entry.contentDigest === digest &&
      entry.settingsDigest === settingsDigest
    ) {
      return { kind: 'remembered', candidate, entry };
    }
    const isUnchanged =
      entry === null &&
      !quarantine.hasRetryableAttachment(documentId) &&
      current !== undefined &&
      current.version !== null &&
      current.contentDigest === digest &&
      current.settingsDigest === settingsDigest &&
      current.storesDigest === storesDigest;
    return isUnchanged ? { kind: 'unchanged', candidate, current } : process(bytes);
  } catch (error) {
    if (!isApexError(error)) throw error;
    return { kind: 'unreadable', candidate, error: reportOf(error, 'stage') };
  }
}
