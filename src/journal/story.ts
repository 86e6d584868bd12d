import type { StoreWait } from '../../lib/contracts/apex.ts';
import type { JournalEntry, NumberedEntry, RunListing, RunState } from '../../lib/contracts/journal.ts';

/** When a batch went which way, and why. */
export interface BatchStory {
  /** ISO 8601; null where the journal does not tell. */
  readonly startedAt: string | null;
  /** When it came to where it stands. */
  readonly changedAt: string | null;
  /** The highest attempt at any of its documents. */
  readonly attempt: number;
  /** Its documents are prepared one by one, each in a process of its own. */
  readonly isIsolated: boolean;
  readonly setAside: number;
  /** Stores that hold all of it. */
  readonly stored: readonly string[];
  /** Why it is discarded, or null. */
  readonly reason: string | null;
  /** Stores that did not take the discard. */
  readonly refusedBy: readonly string[];
}

/** A process came to a run, or left it with a word. */
export interface RunNote {
  readonly at: string;
  readonly what: 'started' | 'claimed' | 'interrupted' | 'finished';
  readonly reason: string;
}

const UNTOLD: BatchStory = {
  ...{ startedAt: null, changedAt: null, attempt: 1, isIsolated: false, setAside: 0, stored: [], reason: null },
  refusedBy: [],
};

/** How a run went, for people: what `RunReplay` decides by is not here, and nothing is decided by what is. */
export class RunStory {
  readonly #batches = new Map<number, BatchStory>();
  readonly #notes: RunNote[] = [];
  #waits: StoreWait[] = [];
  /** Those of them that the process which wrote last has not seen the end of. */
  #open: StoreWait[] = [];

  /** Every time it waited for a store, in order. */
  get waits(): readonly StoreWait[] {
    return this.#waits;
  }

  /** What it waits for, if its process is alive. */
  get openWaits(): readonly StoreWait[] {
    return this.#open;
  }

  get notes(): readonly RunNote[] {
    return this.#notes;
  }

  ofBatch(batchNo: number): BatchStory {
    return this.#batches.get(batchNo) ?? UNTOLD;
  }

  /** Takes the next entry in. */
  take({ entry, atMs }: Pick<NumberedEntry, 'entry' | 'atMs'>): void {
    if ('batchNo' in entry) {
      const at = atMs === null ? null : new Date(atMs).toISOString();
      const batch = this.ofBatch(entry.batchNo);
      this.#batches.set(entry.batchNo, { ...batch, ...changeOf(entry, batch, at), changedAt: at ?? batch.changedAt });
    } else if (entry.kind === 'waiting_store') this.#wait(entry);
    else if (entry.kind === 'store_back') this.#end(({ role }) => role === entry.role, entry.at);
    else if ('at' in entry) {
      this.#notes.push(noteOf(entry));
      // A process that died did not see the end of what it waited for.
      if (entry.kind === 'run_claimed') this.#open = [];
      else this.#end(() => true, entry.at);
    }
  }

  #wait({ role, reason, at }: Extract<JournalEntry, { kind: 'waiting_store' }>): void {
    const wait = { role, reason, since: at, until: null };
    this.#waits.push(wait);
    this.#open.push(wait);
  }

  #end(isOver: (wait: StoreWait) => boolean, until: string): void {
    const over = new Set(this.#open.filter(isOver));
    this.#open = this.#open.filter((wait) => !over.has(wait));
    this.#waits = this.#waits.map((wait) => (over.has(wait) ? { ...wait, until } : wait));
  }
}

/** Entries that tell what a run waits for. */
export const WAIT_ENTRIES: readonly JournalEntry['kind'][] = [
  ...(['waiting_store', 'store_back', 'run_claimed', 'run_interrupted', 'run_finished'] as const),
];

function changeOf(entry: JournalEntry, batch: BatchStory, at: string | null): Partial<BatchStory> {
  if (entry.kind === 'batch_assigned') {
    const attempt = entry.items.reduce((highest, item) => Math.max(highest, item.attempt), 1);
    return { startedAt: at, attempt, isIsolated: entry.isIsolated };
  }
  if (entry.kind === 'item_set_aside') return { setAside: batch.setAside + 1 };
  if (entry.kind === 'effect_applied') return { stored: [...batch.stored, entry.store] };
  if (entry.kind === 'discard_planned') return { reason: entry.reason, refusedBy: [] };
  if (entry.kind === 'discard_parked') return { refusedBy: entry.stores };
  return {};
}

type NotedEntry = Extract<JournalEntry, { kind: 'run_started' | 'run_claimed' | 'run_interrupted' | 'run_finished' }>;

function noteOf(entry: NotedEntry): RunNote {
  const { at } = entry;
  if (entry.kind === 'run_claimed') return { at, what: 'claimed', reason: entry.reason };
  if (entry.kind === 'run_interrupted') return { at, what: 'interrupted', reason: entry.reason };
  if (entry.kind === 'run_finished') return { at, what: 'finished', reason: entry.state };
  return { at, what: 'started', reason: entry.plan.kind };
}

/** Where a run stands: one that says it is running while no process owns it was killed. */
export function standingOf({ state, isOwned }: Pick<RunListing, 'state' | 'isOwned'>): RunState {
  return state === 'running' && !isOwned ? 'interrupted' : state;
}
