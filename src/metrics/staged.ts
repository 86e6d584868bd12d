import type { MetricsLedger } from '../../lib/contracts/metrics.ts';
import type { Published } from '../../lib/contracts/staging.ts';
import { sourceLabel } from './families.ts';
import { Tally } from './measures.ts';

/** So many items are counted together: what a kill keeps from being counted is less than that. */
const ITEMS_TOGETHER = 64;

/** Counts what is staged to be ingested later: no journal tells of it. */
export class StagedTally {
  readonly #ledger: Pick<MetricsLedger, 'add'>;
  readonly #tally = new Tally();
  #untold = 0;

  constructor(ledger: Pick<MetricsLedger, 'add'>) {
    this.#ledger = ledger;
  }

  async take({ item, isNew }: Published): Promise<void> {
    const labels = { source: sourceLabel(item.source) };
    this.#tally.add('staging_bytes_written', labels, item.bytes);
    this.#tally.add('apex_staged_items_total', labels, isNew ? 1 : 0);
    this.#untold += 1;
    if (this.#untold >= ITEMS_TOGETHER) await this.tell();
  }

  /** Counts what has not been counted yet. */
  async tell(): Promise<void> {
    this.#untold = 0;
    await this.#ledger.add(this.#tally.take());
  }
}
