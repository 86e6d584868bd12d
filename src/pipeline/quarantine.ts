import type { QuarantineEntry } from '../../lib/contracts/document.ts';
import type { RecordsStore } from '../../lib/contracts/store.ts';
import { ancestorIdsOf } from './identity.ts';

/** What a run asks of the documents that are set aside. */
export interface QuarantineOptions {
  /** Is this one to be tried again whatever its content and settings? */
  readonly isWanted?: (entry: QuarantineEntry) => boolean;
  /** A run that tries each document once: what it has set aside itself is not tried again. */
  readonly triedByRunId?: string | null;
}

/** What is set aside in the memory, as a run finds it at its start. */
export class Quarantine {
  readonly #entries: ReadonlyMap<string, QuarantineEntry>;
  readonly #attachments = new Map<string, QuarantineEntry[]>();
  readonly #options: QuarantineOptions;

  constructor(entries: readonly QuarantineEntry[], options: QuarantineOptions = {}) {
    this.#options = options;
    this.#entries = new Map(entries.map((entry) => [entry.documentId, entry]));
    for (const entry of entries) {
      for (const ancestorId of ancestorIdsOf(entry.documentId)) {
        const others = this.#attachments.get(ancestorId);
        if (others === undefined) this.#attachments.set(ancestorId, [entry]);
        else others.push(entry);
      }
    }
  }

  get entries(): readonly QuarantineEntry[] {
    return [...this.#entries.values()];
  }

  entryOf(documentId: string): QuarantineEntry | null {
    return this.#entries.get(documentId) ?? null;
  }

  /** Of one group, and of one source where it is named: what came in no other document. */
  standingAlone(group: string, source: string | null): QuarantineEntry[] {
    return this.entries.filter(
      (entry) =>
        entry.group === group &&
        entry.source === (source ?? entry.source) &&
        ancestorIdsOf(entry.documentId).length === 0,
    );
  }

  /** What came in a document and was set aside, at any depth. */
  attachmentsOf(documentId: string): readonly QuarantineEntry[] {
    return this.#attachments.get(documentId) ?? [];
  }

  /** What this run is to try again, in order of document id. */
  get wanted(): readonly QuarantineEntry[] {
    return [...this.#entries.values()].filter((entry) => this.isWanted(entry));
  }

  /** It was asked for, so it is tried again even though it would fail as it did. */
  isWanted(entry: QuarantineEntry): boolean {
    return !this.#isTried(entry) && this.#options.isWanted?.(entry) === true;
  }

  /** It may work this time: it was asked for, or its failure was a passing one. */
  isTriedAgain(entry: QuarantineEntry): boolean {
    return !this.#isTried(entry) && (entry.retryable || this.isWanted(entry));
  }

  /** Such an attachment is tried again, and that takes its mail. */
  hasAttachmentToTry(documentId: string): boolean {
    return this.attachmentsOf(documentId).some((entry) => this.isTriedAgain(entry));
  }

  /** Are the bytes that a run kept of a document what it, or something that came in it, is tried again from? */
  needsCopy(documentId: string, runId: string): boolean {
    const entries = [this.entryOf(documentId), ...this.attachmentsOf(documentId)];
    return entries.some((entry) => entry?.runId === runId);
  }

  #isTried({ runId }: QuarantineEntry): boolean {
    return runId === this.#options.triedByRunId;
  }
}

/** Documents in quarantine that are asked for at once. */
const PAGE_ENTRIES = 1_000;

/** What is in quarantine, of one group or (null) of all, page by page in order of document id. */
export async function* quarantinePages(
  records: Pick<RecordsStore, 'quarantined'>,
  group: string | null,
  signal: AbortSignal,
): AsyncGenerator<readonly QuarantineEntry[]> {
  for (let afterDocumentId: string | null = null; ; ) {
    const page: readonly QuarantineEntry[] = await records.quarantined(
      { afterDocumentId, limit: PAGE_ENTRIES, group, code: null },
      signal,
    );
    yield page;
    if (page.length < PAGE_ENTRIES) return;
    afterDocumentId = page.at(-1)!.documentId;
  }
}

/** All that is in quarantine, of all groups, in order of document id. */
export async function allQuarantined(
  records: Pick<RecordsStore, 'quarantined'>,
  signal: AbortSignal,
): Promise<QuarantineEntry[]> {
  return (await Array.fromAsync(quarantinePages(records, null, signal))).flat();
}
