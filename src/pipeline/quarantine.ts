import type { QuarantineEntry } from '../../lib/contracts/document.ts';
import { ancestorIdsOf } from './identity.ts';

/** What is set aside in the memory, as a run finds it at its start. */
export class Quarantine {
  readonly #entries: ReadonlyMap<string, QuarantineEntry>;
  readonly #attachments = new Map<string, QuarantineEntry[]>();

  constructor(entries: readonly QuarantineEntry[]) {
    this.#entries = new Map(entries.map((entry) => [entry.documentId, entry]));
    for (const entry of entries) {
      for (const ancestorId of ancestorIdsOf(entry.documentId)) {
        this.#attachments.set(ancestorId, [...this.attachmentsOf(ancestorId), entry]);
      }
    }
  }

  get entries(): readonly QuarantineEntry[] {
    return [...this.#entries.values()];
  }

  entryOf(documentId: string): QuarantineEntry | null {
    return this.#entries.get(documentId) ?? null;
  }

  /** What came in a document and was set aside, at any depth. */
  attachmentsOf(documentId: string): readonly QuarantineEntry[] {
    return this.#attachments.get(documentId) ?? [];
  }

  /** Such an attachment is tried again, and that takes its mail. */
  hasRetryableAttachment(documentId: string): boolean {
    return this.attachmentsOf(documentId).some(({ retryable }) => retryable);
  }
}
