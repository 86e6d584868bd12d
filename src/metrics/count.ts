import type { NumberedEntry, RunListing } from '../../lib/contracts/journal.ts';
import type { Amounts, Counted, RunMark } from '../../lib/contracts/metrics.ts';
import { METRICS, type MetricName } from './families.ts';
import { Tally } from './measures.ts';
import { allSeries, seriesOf } from './series.ts';

/** How many runs are counted together. */
const RUNS_TOGETHER = 200;

const NANOS = 1_000_000_000;

/**
 * What the journals came to since they were counted last, in pieces to be kept one by one. A run whose end was counted is not read
 * again, unless somebody went on with it.
 */
export async function* countRuns(
  listed: readonly RunListing[],
  marks: ReadonlyMap<string, RunMark>,
  runs: { readEntries(runId: string): AsyncIterable<NumberedEntry> },
): AsyncGenerator<Counted> {
  const changed = listed.filter((run) => isChanged(run, marks.get(run.runId)));
  for (let from = 0; from < changed.length; from += RUNS_TOGETHER) {
    const counting = new Counting();
    for (const run of changed.slice(from, from + RUNS_TOGETHER))
      await counting.take(run, marks.get(run.runId)?.lsn ?? 0, runs.readEntries(run.runId));
    yield counting.counted;
  }
}

/** What was written of a run after its row was read shows in a row that has changed since. */
function isChanged({ state, finishedAt }: RunListing, mark: RunMark | undefined): boolean {
  return mark === undefined || state === 'running' || mark.state !== state || mark.finishedAt !== finishedAt;
}

class Counting {
  readonly #tally = new Tally();
  readonly #latest = new Map<string, number>();
  readonly #marks: RunMark[] = [];

  get counted(): Counted {
    return { marks: this.#marks, amounts: knownAmounts(this.#tally.take()), latest: Object.fromEntries(this.#latest) };
  }

  async take(
    { runId, kind, state, finishedAt }: RunListing,
    afterLsn: number,
    entries: AsyncIterable<NumberedEntry>,
  ): Promise<void> {
    let lsn = afterLsn;
    for await (const { lsn: at, entry } of entries) {
      if (at <= afterLsn) continue;
      lsn = at;
      this.#takeEntry(entry, kind);
    }
    this.#marks.push({ runId, lsn, state, finishedAt });
  }

  #takeEntry(entry: NumberedEntry['entry'], kind: RunListing['kind']): void {
    const tally = this.#tally;
    if (entry.kind === 'run_started') tally.add('apex_runs_started_total', { kind });
    else if (entry.kind === 'run_claimed') tally.add('apex_runs_claimed_total', { reason: entry.reason });
    else if (entry.kind === 'batch_done') this.#takeResults(entry.results);
    else if (entry.kind === 'discard_done') tally.add('apex_batches_total', { end: 'discarded' });
    else if (entry.kind === 'discard_parked') tally.add('apex_batches_total', { end: 'parked' });
    else if (entry.kind === 'providers_used') this.#takeUse(entry.use);
    else if (entry.kind === 'measured') tally.addAll(entry.amounts);
    else if (entry.kind === 'waiting_store' && entry.role !== 'cache')
      tally.add('apex_store_waits_total', { role: entry.role });
    else if (entry.kind === 'run_interrupted') tally.add('apex_runs_ended_total', { kind, state: 'interrupted' });
    else if (entry.kind === 'run_finished') {
      tally.add('apex_runs_ended_total', { kind, state: entry.state });
      if (entry.state === 'completed') this.#note('apex_run_last_success_timestamp_seconds', { kind }, entry.at);
    }
  }

  #takeResults(results: Extract<NumberedEntry['entry'], { kind: 'batch_done' }>['results']): void {
    this.#tally.add('apex_batches_total', { end: 'done' });
    for (const { outcome, error } of results) {
      this.#tally.add('apex_documents_total', { outcome });
      if (outcome !== 'quarantined' || error === null) continue;
      this.#tally.add('apex_documents_quarantined_total', { code: error.code });
      if (error.code === 'EMPTY_TEXT') this.#tally.add('apex_empty_results_total', { step: 'parse' });
    }
  }

  #takeUse({
    calls,
    texts,
    tokens,
    costNanos,
  }: Extract<NumberedEntry['entry'], { kind: 'providers_used' }>['use']): void {
    this.#tally.add('apex_provider_calls_total', {}, calls);
    this.#tally.add('apex_provider_texts_total', {}, texts);
    this.#tally.add('apex_provider_tokens_total', {}, tokens);
    this.#tally.add('apex_provider_cost_dollars_total', {}, (costNanos ?? 0) / NANOS);
  }

  #note(metric: MetricName, labels: Readonly<Record<string, string>>, at: string): void {
    const series = seriesOf(metric, labels);
    this.#latest.set(series, Math.max(this.#latest.get(series) ?? 0, Date.parse(at) / 1_000));
  }
}

const MEASURED_NAMES = (Object.keys(METRICS) as MetricName[]).filter((name) => METRICS[name].type !== 'gauge');
const KNOWN_SERIES: ReadonlySet<string> = new Set(MEASURED_NAMES.flatMap((name) => allSeries(name)));

/** A journal that another release wrote may hold what this one has no series for, and no amount may make a counter go back. */
function knownAmounts(amounts: Amounts): Amounts {
  const known = Object.entries(amounts).filter(([series, amount]) => KNOWN_SERIES.has(series) && amount > 0);
  return Object.fromEntries(known);
}
