import type { DocumentResult } from '../../lib/contracts/apex.ts';
import type { Amounts } from '../../lib/contracts/metrics.ts';
import type { StepName } from '../../lib/contracts/pipeline.ts';
import type { MetricName } from './families.ts';
import { observed, seriesOf } from './series.ts';

/** Adds up amounts by series. */
export class Tally {
  readonly #amounts = new Map<string, number>();

  add(metric: MetricName, labels: Readonly<Record<string, string>> = {}, amount = 1): void {
    this.#addTo(seriesOf(metric, labels), amount);
  }

  /** @param times how often the value was met. */
  observe(metric: MetricName, labels: Readonly<Record<string, string>>, value: number, times = 1): void {
    for (const [series, amount] of observed(metric, labels, value)) this.#addTo(series, amount * times);
  }

  addAll(amounts: Amounts): void {
    for (const [series, amount] of Object.entries(amounts)) this.#addTo(series, amount);
  }

  /** What was added since the last time. */
  take(): Amounts {
    const amounts = Object.fromEntries(this.#amounts);
    this.#amounts.clear();
    return amounts;
  }

  #addTo(series: string, amount: number): void {
    if (amount !== 0) this.#amounts.set(series, (this.#amounts.get(series) ?? 0) + amount);
  }
}

/** What one process measures of its work on a run, until its journal has it. */
export class Measures extends Tally {
  /** Milliseconds of a clock that never goes back. */
  readonly #elapsed: () => number;

  constructor(elapsed: () => number) {
    super();
    this.#elapsed = elapsed;
  }

  /** Watches documents that go through the steps together. */
  watch(documents = 1): StepWatch {
    return new StepWatch(this, this.#elapsed, documents);
  }

  /** Watches documents while they are worked on: where that fails, so does the step that they are in. */
  async during<T>(documents: number, work: (watch: StepWatch) => Promise<T>): Promise<T> {
    const watch = this.watch(documents);
    try {
      return await work(watch);
    } catch (error) {
      watch.fail();
      throw error;
    }
  }

  /** What became of documents in a batch. The journal tells the outcomes themselves. */
  noteResults(results: readonly DocumentResult[]): void {
    for (const { outcome, chunks, entities, relations } of results) {
      if (outcome !== 'added' && outcome !== 'updated') continue;
      this.add('apex_chunks_total', {}, chunks);
      this.add('apex_entities_total', {}, entities);
      this.add('apex_relations_total', {}, relations);
      if (entities === 0) this.add('apex_empty_results_total', { step: 'extract' });
    }
  }

  /** What became of a document outside any batch: its outcome is in no other entry of the journal. */
  noteSettled({ outcome }: Pick<DocumentResult, 'outcome'>): void {
    this.add('apex_documents_total', { outcome });
  }
}

/** Counts the steps of documents that go through them together, and how long they take. */
export class StepWatch {
  readonly #tally: Tally;
  readonly #elapsed: () => number;
  readonly #documents: number;
  #now: { readonly step: StepName; readonly sinceMs: number } | null = null;

  constructor(tally: Tally, elapsed: () => number, documents: number) {
    this.#tally = tally;
    this.#elapsed = elapsed;
    this.#documents = documents;
  }

  /** They have come to a step, and so through the one before it. */
  begin(step: StepName): void {
    this.complete();
    if (this.#documents === 0) return;
    this.#now = { step, sinceMs: this.#elapsed() };
    this.#tally.add('apex_steps_started_total', { step }, this.#documents);
  }

  /** They are through the step that they came to last. */
  complete(): void {
    if (this.#now === null) return;
    const { step, sinceMs } = this.#now;
    this.#now = null;
    const seconds = (this.#elapsed() - sinceMs) / 1_000;
    this.#tally.add('apex_steps_completed_total', { step }, this.#documents);
    this.#tally.observe('apex_step_duration_seconds', { step }, seconds, this.#documents);
  }

  /** They are not. */
  fail(): void {
    if (this.#now !== null) this.#tally.add('apex_steps_failed_total', { step: this.#now.step }, this.#documents);
    this.#now = null;
  }
}
