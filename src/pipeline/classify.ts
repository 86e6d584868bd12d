import type { QuarantineEntry } from '../../lib/contracts/document.ts';
import { UsageError } from '../../lib/contracts/errors.ts';
import type { Source, SourceItem } from '../../lib/contracts/source.ts';
import type { CurrentDocument, RecordsStore } from '../../lib/contracts/store.ts';
import type { DocumentInput } from './document.ts';
import { isDocumentsFault } from './failure.ts';
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
  /** It failed before, as it would fail now: it is not tried again and still counts. */
  | {
      readonly kind: 'remembered';
      readonly candidate: Candidate;
      readonly entry: QuarantineEntry;
      readonly baseVersion: number | null;
    };

/** What candidates are compared with. */
export interface ClassifyParts {
  readonly source: Source;
  readonly records: Pick<RecordsStore, 'current' | 'children'>;
  readonly group: string;
  /** All that is in quarantine. */
  readonly quarantine: Quarantine;
  readonly settingsDigest: string;
  readonly failureDigest: string;
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
  const { documentId, parentId } = candidate;
  assertSameGroup(current, parts.group);
  const baseVersion = current?.version ?? null;
  const sourceName = parts.source.name;
  const process = (item: SourceItem, read: { digest: string; bytes: number }, keptVersion: number | null): Verdict => ({
    kind: 'process',
    input: { documentId, parentId, sourceName, item, baseVersion, keptVersion, contentDigest: read.digest },
    bytes: read.bytes,
  });
  const entry = parts.quarantine.entryOf(documentId);
  try {
    const read = await parts.source.digest(candidate.item, signal);
    if (entry !== null && isRemembered(entry, read.digest, parts))
      return { kind: 'remembered', candidate, entry, baseVersion };
    if (entry !== null || current === undefined || !isUnchanged(current, read.digest, parts))
      return process(candidate.item, read, null);
    return parts.quarantine.hasAttachmentToTry(documentId)
      ? process(candidate.item, read, baseVersion)
      : { kind: 'unchanged', candidate, current };
  } catch (error) {
    if (!isDocumentsFault(error)) throw error;
    // What cannot be read is set aside by its batch, once: as long as it fails alike there is nothing new to write.
    if (entry?.code === error.code && !parts.quarantine.isWanted(entry))
      return { kind: 'remembered', candidate, entry, baseVersion };
    // It takes no room in staging, however large the source says it is.
    return process({ ...candidate.item, bytes: null }, { digest: '', bytes: 0 }, null);
  }
}

/** The same content failed for good before, under the same settings and limits, and nobody asks for it. */
function isRemembered(entry: QuarantineEntry, digest: string, parts: ClassifyParts): boolean {
  const { quarantine, failureDigest } = parts;
  return !quarantine.isTriedAgain(entry) && entry.contentDigest === digest && entry.settingsDigest === failureDigest;
}

function isUnchanged(current: CurrentDocument, digest: string, parts: ClassifyParts): boolean {
  return (
    current.version !== null &&
    current.contentDigest === digest &&
    current.settingsDigest === parts.settingsDigest &&
    current.storesDigest === parts.storesDigest
  );
}

/** One id names one document in the whole memory: a second group that uses it would take the document from the first. */
function assertSameGroup(current: CurrentDocument | undefined, group: string): void {
  if (current === undefined || current.version === null || current.group === group) return;
  const named = (name: string) => (name === '' ? 'no group' : `group ${name}`);
  throw new UsageError(
    `document ${current.documentId} belongs to ${named(current.group)}, not to ${named(group)}: give another --id`,
    { code: 'APEX_USAGE', details: { documentId: current.documentId } },
  );
}
