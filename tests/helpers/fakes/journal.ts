import type { Journal, JournalEntry, NumberedEntry } from '../../../lib/contracts/journal.ts';
import { isIntent, isNews } from '../../../lib/journal/intents.ts';

/** When everything is appended to a fake journal. */
const FAKE_NOW_MS = Date.parse('2026-02-01T00:00:00Z');

/** A journal in memory. What is not written would be gone after a death: `synced` is what would be left. */
export class FakeJournal implements Journal {
  readonly runId: string;
  readonly journalId: string;
  readonly #entries: NumberedEntry[] = [];
  #synced = 0;
  #syncedCommits = 0;
  #commit: Promise<void> | null = null;

  constructor(runId = 'run-1') {
    this.runId = runId;
    this.journalId = `journal-${runId}`;
  }

  get lsn(): number {
    return this.#entries.length;
  }

  get syncedCommits(): number {
    return this.#syncedCommits;
  }

  get synced(): readonly NumberedEntry[] {
    return this.#entries.slice(0, this.#synced);
  }

  /** All entries of a kind, also those that are not synced. */
  all<Kind extends JournalEntry['kind']>(kind: Kind): Extract<JournalEntry, { kind: Kind }>[] {
    const entries = this.#entries.map(({ entry }) => entry);
    return entries.filter((entry): entry is Extract<JournalEntry, { kind: Kind }> => entry.kind === kind);
  }

  async append(entry: JournalEntry): Promise<number> {
    const lsn = this.#entries.push({ lsn: this.#entries.length + 1, atMs: FAKE_NOW_MS, entry });
    if (isIntent(entry)) await this.flush();
    else if (isNews(entry)) this.#synced = this.#entries.length;
    return lsn;
  }

  flush(): Promise<void> {
    this.#commit ??= Promise.resolve().then(() => this.#sync());
    return this.#commit;
  }

  async *read(): AsyncGenerator<NumberedEntry> {
    yield* this.#entries;
  }

  close(): Promise<void> {
    return this.flush();
  }

  #sync(): void {
    this.#commit = null;
    if (this.#synced === this.#entries.length) return;
    this.#synced = this.#entries.length;
    this.#syncedCommits += 1;
  }
}
