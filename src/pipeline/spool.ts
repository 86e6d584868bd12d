import type { Source, SourceItem, SourceProblem } from '../../lib/contracts/source.ts';
import type { StagingFolder } from '../../lib/contracts/staging.ts';
import type { RunReplay } from '../journal/replay.ts';
import type { RunSession } from './session.ts';

/** Beside the sources' folders in staging, so that no document's id can name it. */
const FOLDER = 'spool';

/** Where a run keeps what cannot be fetched twice until its documents have come to their end. */
export class Spool {
  readonly #session: RunSession;
  readonly #isResumed: boolean;
  #folder: StagingFolder | null = null;

  constructor(session: RunSession, replay: RunReplay) {
    this.#session = session;
    this.#isResumed = replay.plan !== null;
  }

  /** An item that can be read again as it is, also from staging; any other read from a copy that is made first. */
  async take(item: SourceItem, source: Source): Promise<SourceItem | SourceProblem> {
    return item.isRepeatable || item.staged !== undefined ? item : this.#take(item, source);
  }

  /**
   * The item, read from a copy of its bytes: made now, or by the process that this run was taken over from.
   *
   * @throws SourceError as the source says; it is not tried again, since what was read is gone.
   */
  async #take(item: SourceItem, source: Source): Promise<SourceItem | SourceProblem> {
    const { parts, runId, signal } = this.#session;
    this.#folder ??= await parts.staging.open(FOLDER, source.name, runId);
    const kept = await this.#folder.staged();
    if (kept !== null) return source.fromCopy(item, kept);
    // The standard input of the process that resumes is another one.
    if (this.#isResumed) return { uri: item.uri, code: 'NOT_FOUND', message: GONE };
    return source.fromCopy(item, await this.#folder.stage(source, item, signal));
  }

  async remove(): Promise<void> {
    await this.#folder?.remove();
  }
}

const GONE = 'standard input was not read to its end before the run was interrupted: pipe it into a new ingest';
