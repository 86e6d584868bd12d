import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { JournalError } from '../contracts/errors.ts';
import type {
  Journal,
  JournalEntry,
  NumberedEntry,
  RunListing,
  RunPlan,
  RunRegistry,
  RunState,
} from '../contracts/journal.ts';
import { underLock } from '../support/kernel-lock.ts';
import type { CommitProbe } from '../support/sql-thread.ts';
import { isLockHeld, type OwnerLock, takeOwnerLock } from './owner-lock.ts';
import { isDamage, isWholeJournal, RunJournal, readJournal, setAside } from './run-journal.ts';
import { type RunRow, RunTable } from './run-table.ts';
import { mayHold } from './search.ts';

export interface RegistrySettings {
  /** The data directory; its folders `runs`, `owners` and `locks` are there. */
  readonly folder: string;
  readonly createJournalId: () => string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly probe: CommitProbe | null;
}

/** How many runs a reader holds at once. */
const PAGE_RUNS = 500;

/** All runs of one data directory: `registry.db`, a journal file and an owner lock for each. */
export class FileRunRegistry implements RunRegistry {
  readonly #settings: RegistrySettings;
  readonly #runs: RunTable;
  readonly #owned = new Map<string, { readonly lock: OwnerLock; readonly journal: RunJournal }>();

  private constructor(settings: RegistrySettings, runs: RunTable) {
    this.#settings = settings;
    this.#runs = runs;
  }

  /** Opens the registry, making it when it is not there; runs whose rows were lost are listed again from their files. */
  static async open(settings: RegistrySettings): Promise<FileRunRegistry> {
    const runs = await RunTable.open({
      path: join(settings.folder, 'registry.db'),
      probe: settings.probe,
      missing: (known) => lostRuns(join(settings.folder, 'runs'), known),
    });
    return new FileRunRegistry(settings, runs);
  }

  async create({ runId, plan, startedAt }: { runId: string; plan: RunPlan; startedAt: string }): Promise<Journal> {
    // The lock comes before the row: a listed run without a held lock is always a dead one.
    const lock = takeOwnerLock(this.#ownerPath(runId));
    if (lock === null) throw locked(runId);
    const journal = await this.#openJournal(runId, lock);
    const { kind, targets } = plan;
    const end = { finishedAt: null, exitStatus: null };
    await this.#runs.add({ runId, kind, state: 'running', startedAt, ...end, targets }, 'registry.create');
    return journal;
  }

  async claim(runId: string): Promise<Journal | null> {
    if (this.#owned.has(runId)) return null;
    const lock = takeOwnerLock(this.#ownerPath(runId));
    if (lock === null) return null;
    const row = await this.#runs.get(runId);
    // Between the listing and the lock another process may have brought the run to its end.
    if (row === null || row.state === 'completed' || row.state === 'rolled_back' || row.state === 'failed') {
      lock.release();
      return null;
    }
    // A log that cannot be read would keep every later command from its work; a new one is noticed by its identity.
    if (!(await isWholeJournal(this.#journalPath(runId)))) setAside(this.#journalPath(runId));
    const journal = await this.#openJournal(runId, lock);
    await this.setState(runId, 'running', null);
    return journal;
  }

  async *readEntries(
    runId: string,
    kinds: readonly JournalEntry['kind'][] | null = null,
  ): AsyncGenerator<NumberedEntry> {
    const own = this.#owned.get(runId);
    if (own !== undefined) yield* own.journal.read(kinds);
    else if (existsSync(this.#journalPath(runId))) yield* readToDamage(this.#journalPath(runId), kinds);
  }

  async list(): Promise<readonly RunListing[]> {
    return (await this.#runs.list()).map((row) => this.#listing(row));
  }

  async page({ afterRunId, limit }: { afterRunId: string | null; limit: number }): Promise<readonly RunListing[]> {
    return (await this.#runs.page(afterRunId, limit)).map((row) => this.#listing(row));
  }

  async *naming(documentId: string): AsyncGenerator<RunListing> {
    const text = `"documentId":${JSON.stringify(documentId)}`;
    for (let afterRunId: string | null = null; ; ) {
      const page: readonly RunListing[] = await this.page({ afterRunId, limit: PAGE_RUNS });
      for (const run of page) if (mayHold(this.#journalPath(run.runId), text)) yield run;
      if (page.length < PAGE_RUNS) return;
      afterRunId = page[page.length - 1]!.runId;
    }
  }

  async get(runId: string): Promise<RunListing | null> {
    const row = await this.#runs.get(runId);
    return row === null ? null : this.#listing(row);
  }

  setState(runId: string, state: RunState, end: { finishedAt: string; exitStatus: number } | null): Promise<void> {
    return this.#runs.setState(runId, state, end);
  }

  async release(runId: string): Promise<void> {
    const own = this.#owned.get(runId);
    if (own === undefined) return;
    this.#owned.delete(runId);
    try {
      await own.journal.close();
    } finally {
      own.lock.release();
    }
  }

  async exclusively<T>(name: string, work: () => Promise<T>): Promise<T | null> {
    return underLock(takeOwnerLock(join(this.#settings.folder, 'locks', `${name}.db`)), work);
  }

  async close(): Promise<void> {
    for (const runId of [...this.#owned.keys()]) await this.release(runId);
    await this.#runs.close();
  }

  async #openJournal(runId: string, lock: OwnerLock): Promise<RunJournal> {
    const { createJournalId, now, probe } = this.#settings;
    try {
      const journal = await RunJournal.open({ path: this.#journalPath(runId), runId, createJournalId, now, probe });
      this.#owned.set(runId, { lock, journal });
      return journal;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  #listing(row: RunRow): RunListing {
    const isOpen = row.state === 'running' || row.state === 'interrupted' || row.state === 'needs_attention';
    return { ...row, isOwned: isOpen && this.#isOwned(row.runId) };
  }

  #isOwned(runId: string): boolean {
    if (this.#owned.has(runId)) return true;
    return isLockHeld(this.#ownerPath(runId));
  }

  #journalPath(runId: string): string {
    return join(this.#settings.folder, 'runs', `${runId}.db`);
  }

  #ownerPath(runId: string): string {
    return ownerPathOf(this.#settings.folder, runId);
  }
}

/** Runs that have a journal and no row (a registry that was lost, or a death between the two), as their journals tell them. */
async function* lostRuns(folder: string, known: ReadonlySet<string>): AsyncGenerator<RunRow> {
  const files = readdirSync(folder).filter((name) => name.endsWith('.db'));
  for (const runId of files.map((name) => name.slice(0, -'.db'.length))) {
    if (known.has(runId)) continue;
    const row = await lostRow(join(folder, `${runId}.db`));
    if (row !== null) yield { runId, ...row };
  }
}

/** What a run's own file says about it; null when it ended before its first entry, or is damaged itself. */
export async function lostRow(path: string): Promise<Omit<RunRow, 'runId'> | null> {
  let row = null as Omit<RunRow, 'runId'> | null;
  for await (const { entry } of readToDamage(path)) {
    if (entry.kind === 'run_started') {
      const { kind, targets } = entry.plan;
      const started = { kind, startedAt: entry.at, targets };
      row = { ...started, state: 'interrupted', finishedAt: null, exitStatus: null };
    } else if (entry.kind === 'run_finished' && row !== null) {
      row = { ...row, state: entry.state, finishedAt: entry.at, exitStatus: entry.exitStatus };
    }
  }
  return row;
}

/** What can be read of a log; one damaged file must not keep the other runs from being listed and settled. */
export async function* readToDamage(
  path: string,
  kinds: readonly JournalEntry['kind'][] | null = null,
): AsyncGenerator<NumberedEntry> {
  try {
    yield* readJournal(path, kinds);
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
}

function locked(runId: string): JournalError {
  return new JournalError(`run ${runId} is owned by another process`, {
    code: 'LOCKED',
    retryable: true,
    details: { runId },
  });
}

/** Is a process at work on the run? Only looks: nothing is made, also where the data directory is not there. @throws JournalError. */
export function isAtWork(folder: string, runId: string): boolean {
  return isLockHeld(ownerPathOf(folder, runId));
}

function ownerPathOf(folder: string, runId: string): string {
  return join(folder, 'owners', `${runId}.db`);
}
