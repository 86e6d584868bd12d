import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RunReader } from '../contracts/check.ts';
import type { NumberedEntry, RunListing } from '../contracts/journal.ts';
import { openToRead } from '../support/sql-reading.ts';
import { formatOf, REGISTRY_FORMAT } from './format.ts';
import { lockHolders } from './lock-holders.ts';
import { isLockHeld } from './owner-lock.ts';
import { lostRow, readToDamage } from './registry.ts';
import { isDamage, journalError } from './run-journal.ts';
import { type RunRow, rowsOf } from './run-table.ts';

/** What the registry says, or that it cannot be read. */
interface Known {
  readonly unfinished: readonly RunRow[];
  readonly runIds: ReadonlySet<string>;
  /** Null where all is well; `missing` before the first run. */
  readonly flaw: 'missing' | 'damaged' | null;
}

/** States in which nothing is left to do of a run. */
const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'rolled_back']);

const NOTHING: Known = { unfinished: [], runIds: new Set(), flaw: 'missing' };

/** Journals that no row tells of and that are read for what they say; a registry that was lost with more is rare. */
const MAX_LOST = 1_000;

/** Looks at the runs of a data directory; nothing is held open between calls. @throws ConfigError NEWER_FORMAT; JournalError. */
export class FolderRunReader implements RunReader {
  readonly #folder: string;
  #known: Promise<Known> | null = null;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** What the registry says; one that is damaged says nothing. */
  known(): Promise<Known> {
    this.#known ??= readRegistry(join(this.#folder, 'registry.db'));
    return this.#known;
  }

  /** Runs that have a journal. */
  journals(): string[] {
    const folder = join(this.#folder, 'runs');
    if (!existsSync(folder)) return [];
    return readdirSync(folder).flatMap((name) => (name.endsWith('.db') ? [name.slice(0, -'.db'.length)] : []));
  }

  journalPath(runId: string): string {
    return join(this.#folder, 'runs', `${runId}.db`);
  }

  async unfinished(): Promise<readonly RunListing[]> {
    const { unfinished, runIds } = await this.known();
    const lost: RunRow[] = [];
    for (const runId of this.journals()
      .filter((id) => !runIds.has(id))
      .slice(0, MAX_LOST)) {
      const row = await lostRow(this.journalPath(runId));
      if (row !== null && row.finishedAt === null) lost.push({ runId, ...row });
    }
    return [...lost, ...unfinished].map((row) => ({
      ...row,
      isOwned: isLockHeld(this.#ownerPath(row.runId)),
    }));
  }

  holders(runId: string): readonly number[] {
    return lockHolders(this.#ownerPath(runId));
  }

  async *readEntries(runId: string): AsyncGenerator<NumberedEntry> {
    if (existsSync(this.journalPath(runId))) yield* readToDamage(this.journalPath(runId));
  }

  async close(): Promise<void> {}

  #ownerPath(runId: string): string {
    return join(this.#folder, 'owners', `${runId}.db`);
  }
}

async function readRegistry(path: string): Promise<Known> {
  if (!existsSync(path)) return NOTHING;
  try {
    const sql = await openToRead({ path, toError: journalError });
    try {
      if ((await formatOf(sql, path, REGISTRY_FORMAT)) === 0) return NOTHING;
      const rows = await rowsOf(sql, 'ORDER BY started_at DESC, run_id DESC', []);
      const unfinished = rows.filter(({ state }) => !ENDED.has(state));
      return { unfinished, runIds: new Set(rows.map(({ runId }) => runId)), flaw: null };
    } finally {
      await sql.close();
    }
  } catch (error) {
    if (isDamage(error)) return { ...NOTHING, flaw: 'damaged' };
    throw error;
  }
}
