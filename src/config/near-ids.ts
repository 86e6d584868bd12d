import type { RunRegistry } from '../../lib/contracts/journal.ts';
import type { RecordsStore } from '../../lib/contracts/store.ts';
import { quarantinePages } from '../pipeline/quarantine.ts';
import { nearest } from './nearest.ts';

/** Ids asked for at once. */
const PAGE_IDS = 1_000;
/** Ids looked at: past so many an answer is wanted more than a better hint. */
const MAX_LOOKED_AT_IDS = 200_000;
/** Shorter beginnings would fit any id. */
const MIN_BEGINNING = 4;

/**
 * The id of a document, current or in quarantine, that was probably meant by an id that names none; null when none is near.
 *
 * An id that was cut off is near when it has four letters at least and begins only one id.
 */
export async function nearDocumentId(
  documentId: string,
  records: Pick<RecordsStore, 'currentVersions' | 'quarantined'>,
  signal: AbortSignal,
): Promise<string | null> {
  const search = new NearSearch(documentId);
  await takeQuarantined(search, records, null, signal);
  let after: string | null = null;
  for (let seen = 0; seen < MAX_LOOKED_AT_IDS; seen += PAGE_IDS) {
    const page: readonly { readonly documentId: string }[] = await records.currentVersions(after, PAGE_IDS, signal);
    search.take(page.map((version) => version.documentId));
    if (page.length < PAGE_IDS) break;
    after = page[page.length - 1]!.documentId;
  }
  return search.found;
}

/** As `nearDocumentId`, of the documents of a group that are in quarantine. */
export async function nearQuarantinedId(
  documentId: string,
  records: Pick<RecordsStore, 'quarantined'>,
  group: string,
  signal: AbortSignal,
): Promise<string | null> {
  const search = new NearSearch(documentId);
  await takeQuarantined(search, records, group, signal);
  return search.found;
}

async function takeQuarantined(
  search: NearSearch,
  records: Pick<RecordsStore, 'quarantined'>,
  group: string | null,
  signal: AbortSignal,
): Promise<void> {
  for await (const page of quarantinePages(records, group, signal)) search.take(page.map((entry) => entry.documentId));
}

/** As `nearDocumentId`, for runs. */
export async function nearRunId(runId: string, registry: Pick<RunRegistry, 'list'>): Promise<string | null> {
  const search = new NearSearch(runId);
  search.take((await registry.list()).map((run) => run.runId));
  return search.found;
}

/** How a message goes on that says of an id that nothing has it: `; did you mean …?`, or nothing without a near one. */
export function hintOf(near: string | null): string {
  return near === null ? '' : `; did you mean ${near}?`;
}

/** Looks through ids page by page and keeps the best only. */
class NearSearch {
  readonly #id: string;
  #best: string | null = null;
  readonly #begun = new Set<string>();

  constructor(id: string) {
    this.#id = id;
  }

  get found(): string | null {
    const [begun] = this.#begun;
    return this.#begun.size === 1 ? begun! : this.#best;
  }

  take(ids: readonly string[]): void {
    this.#best = nearest(this.#id, this.#best === null ? ids : [this.#best, ...ids]);
    if (this.#id.length < MIN_BEGINNING) return;
    // Two are as good as many: neither is meant more than the other.
    for (const id of ids) if (this.#begun.size < 2 && id.startsWith(this.#id)) this.#begun.add(id);
  }
}
