import type { ListedRun, RunDetails, Runs } from '../lib/contracts/apex.ts';
import type { RunListing, RunRegistry, RunState } from '../lib/contracts/journal.ts';
import type { RecordsStore } from '../lib/contracts/store.ts';
import { nearRunId } from './config/near-ids.ts';
import { countResults } from './journal/counts.ts';
import { RunReplay } from './journal/replay.ts';
import { RunStory, standingOf, WAIT_ENTRIES } from './journal/story.ts';

/** Runs asked for at once. */
const PAGE_RUNS = 500;

interface RunsParts {
  readonly registry: Pick<RunRegistry, 'page' | 'list' | 'get' | 'readEntries'>;
  /** Says what was found in documents that are set aside; null where no store can be asked, so that only the codes are told. */
  readonly records: Pick<RecordsStore, 'quarantined'> | null;
  readonly close: () => Promise<void>;
}

/** What the journals and the registry tell of runs. */
export class ListedRuns implements Runs {
  readonly #parts: RunsParts;

  constructor(parts: RunsParts) {
    this.#parts = parts;
  }

  async listRuns(
    { state, limit }: { state: RunState | null; limit: number | null } = { state: null, limit: null },
  ): Promise<readonly ListedRun[]> {
    const most = limit ?? Number.POSITIVE_INFINITY;
    const found: RunListing[] = [];
    for (let afterRunId: string | null = null; found.length < most; ) {
      const page: readonly RunListing[] = await this.#parts.registry.page({ afterRunId, limit: PAGE_RUNS });
      found.push(...page.filter((run) => state === null || standingOf(run) === state));
      if (page.length < PAGE_RUNS) break;
      afterRunId = page[page.length - 1]!.runId;
    }
    const listed: ListedRun[] = [];
    for (const run of found.slice(0, most)) listed.push({ ...run, waitingFor: await this.#waitsOf(run) });
    return listed;
  }

  /** What a live run waits for now. */
  async #waitsOf(run: RunListing): Promise<ListedRun['waitingFor']> {
    if (standingOf(run) !== 'running') return [];
    const story = new RunStory();
    for await (const numbered of this.#parts.registry.readEntries(run.runId, WAIT_ENTRIES)) story.take(numbered);
    return story.openWaits;
  }

  async showRun(runId: string): Promise<RunDetails | null> {
    const run = await this.#parts.registry.get(runId);
    if (run === null) return null;
    const replay = new RunReplay();
    const story = new RunStory();
    for await (const numbered of this.#parts.registry.readEntries(runId)) {
      replay.take(numbered.entry);
      story.take(numbered);
    }
    const { batches, results, use } = replay;
    const setAside = batches.flatMap((batch) => batch.setAside);
    const words = await this.#wordsOf(runId, setAside);
    return {
      ...run,
      counts: countResults(results),
      use,
      batches: batches.map(({ batchNo, state, items, error }) => ({
        ...{ batchNo, state, documents: items.length, error },
        ...story.ofBatch(batchNo),
      })),
      history: story.notes,
      waits: story.waits,
      waitingFor: standingOf(run) === 'running' ? story.openWaits : [],
      parked: batches.filter(({ state }) => state === 'parked').length,
      quarantined: setAside.flatMap(({ documentId, error }) =>
        error === null ? [] : [{ documentId, error: { ...error, message: words.get(documentId) ?? error.message } }],
      ),
    };
  }

  /** What was found in the documents that a run set aside, as long as they are in quarantine for it: the journal does not say. */
  async #wordsOf(runId: string, setAside: readonly { readonly documentId: string }[]): Promise<Map<string, string>> {
    const { records } = this.#parts;
    if (records === null) return new Map();
    const documentIds = setAside.map(({ documentId }) => documentId);
    const entries = await records.quarantined(documentIds, new AbortController().signal);
    return new Map(
      entries.filter((entry) => entry.runId === runId).map(({ documentId, message }) => [documentId, message]),
    );
  }

  nearId(_kind: 'run', id: string): Promise<string | null> {
    return nearRunId(id, this.#parts.registry);
  }

  close(): Promise<void> {
    return this.#parts.close();
  }
}
