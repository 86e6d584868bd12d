import type { QuarantineEntry } from '../../lib/contracts/document.ts';
import { groupNamed, UsageError } from '../../lib/contracts/errors.ts';
import type { KnownBytes, Look, Source, SourceItem } from '../../lib/contracts/source.ts';
import type { CurrentDocument, RecordsStore } from '../../lib/contracts/store.ts';
import { workThrough } from './bounded.ts';
import type { DocumentInput } from './document.ts';
import { isDocumentsFault } from './failure.ts';
import type { Quarantine } from './quarantine.ts';

/** A listed document with its id, not yet looked at. */
export interface Candidate {
  readonly documentId: string;
  readonly parentId: string | null;
  readonly item: SourceItem;
  /** It lies in a place where the document is known to have been met: its bytes are the document's. Absent: that is to be found out. */
  readonly isKnownPlace?: boolean;
}

/** What is to be done with a candidate. Decided by digests, never by clocks. */
export type Verdict =
  | { readonly kind: 'process'; readonly input: DocumentInput; readonly bytes: number }
  | {
      readonly kind: 'unchanged';
      readonly candidate: Candidate;
      readonly current: CurrentDocument;
      /** What the source calls the same bytes now, where that is something else than before; else null. */
      readonly newSourceVersion: string | null;
    }
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

/** What an item counts for that was not read, and whose size is not known: a batch of such is small enough to be held. */
const UNKNOWN_BYTES = 1_048_576;

/** Looks at candidates together: one question to the records store for all, their bytes hashed and not kept. Same order. */
export async function classify(
  candidates: readonly Candidate[],
  parts: ClassifyParts,
  signal: AbortSignal,
): Promise<Verdict[]> {
  const ids = candidates.map(({ documentId }) => documentId);
  const current = await parts.records.current(ids, signal);
  const verdicts: Verdict[] = [];
  const queue = candidates.map((candidate, index) => ({ candidate, index }));
  await workThrough(queue, parts.source.looksAtOnce ?? 1, async ({ candidate, index }) => {
    verdicts[index] = await verdictOn(candidate, current.get(candidate.documentId), parts, signal);
  });
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
  const sourceName = candidate.item.staged?.source ?? parts.source.name;
  const process = (item: SourceItem, read: { digest: string; bytes: number }, keptVersion: number | null): Verdict => ({
    kind: 'process',
    input: { documentId, parentId, sourceName, item, baseVersion, keptVersion, contentDigest: read.digest },
    bytes: read.bytes,
  });
  const entry = parts.quarantine.entryOf(documentId);
  const comparable = current !== undefined && isMadeAlike(current, parts) ? current : null;
  const known = knownBytes(entry, comparable);
  try {
    const look = await lookAt(candidate, known, parts.source, signal);
    if (look.kind === 'unread')
      return process(candidate.item, { digest: '', bytes: candidate.item.bytes ?? UNKNOWN_BYTES }, null);
    const read = look.kind === 'same' ? { digest: known!.digest, bytes: candidate.item.bytes ?? UNKNOWN_BYTES } : look;
    if (entry !== null && isRemembered(entry, read.digest, parts))
      return { kind: 'remembered', candidate, entry, baseVersion };
    if (entry !== null || comparable?.contentDigest !== read.digest) return process(candidate.item, read, null);
    if (parts.quarantine.hasAttachmentToTry(documentId)) return process(candidate.item, read, baseVersion);
    const told = look.kind === 'same' ? comparable.sourceVersion : look.version;
    const newSourceVersion = told === comparable.sourceVersion ? null : told;
    return { kind: 'unchanged', candidate, current: comparable, newSourceVersion };
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

/** What is set aside is compared with what it was then. */
function knownBytes(entry: QuarantineEntry | null, current: CurrentDocument | null): KnownBytes | null {
  if (entry !== null) return { digest: entry.contentDigest, version: entry.sourceVersion, uri: entry.sourceUri };
  return current === null ? null : { digest: current.contentDigest!, version: current.sourceVersion };
}

async function lookAt(
  { item, isKnownPlace }: Candidate,
  known: KnownBytes | null,
  source: Source,
  signal: AbortSignal,
): Promise<Look> {
  if (isKnownPlace === true && known !== null && known.digest !== '') return { kind: 'same' };
  if (source.look !== undefined) return source.look(item, known, signal);
  return { kind: 'read', ...(await source.digest(item, signal)), version: null };
}

/** Would the same bytes make the same version again? */
function isMadeAlike(current: CurrentDocument, parts: ClassifyParts): boolean {
  return (
    current.version !== null &&
    current.settingsDigest === parts.settingsDigest &&
    current.storesDigest === parts.storesDigest
  );
}

/** One id names one document in the whole memory: a second group that uses it would take the document from the first. */
function assertSameGroup(current: CurrentDocument | undefined, group: string): void {
  if (current === undefined || current.version === null || current.group === group) return;
  throw new UsageError(
    `document ${current.documentId} belongs to ${groupNamed(current.group)}, not to ${groupNamed(group)}: give another --id`,
    { code: 'APEX_USAGE', details: { documentId: current.documentId } },
  );
}
