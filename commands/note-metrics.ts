import { resolve } from 'node:path';
import type { RunEvent } from '../lib/contracts/apex.ts';
import { isApexError } from '../lib/contracts/errors.ts';
import { printWarning } from './ui/output.ts';

/** A command that has ended. */
export interface EndedCommand {
  /** As it is typed, without `apex`. */
  readonly command: string;
  readonly exitStatus: number;
}

/** The journal tells of a wait a moment after the event. */
const JOURNALED_MS = 1_000;

/**
 * Leaves metrics also while a command goes on, when a store goes away or comes back: a run may wait long, and nobody would see it.
 */
export class WaitNotes {
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();

  take({ kind }: RunEvent): void {
    if (this.#timer !== null || (kind !== 'waiting_store' && kind !== 'store_back')) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#writing = this.#writing.then(() => noteMetrics(null));
    }, JOURNALED_MS).unref();
  }

  /** Resolves when nothing is being written any more, and nothing will be. */
  async end(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#writing;
  }
}

/**
 * Counts the end of a command, if one has ended, and leaves the metrics in APEX_METRICS_DIR when that is set. What goes wrong with it is said, and
 * changes nothing of how the command ended.
 */
export async function noteMetrics(ended: EndedCommand | null): Promise<void> {
  try {
    const { readSettings, workingFolder } = await import('./settings.ts');
    const { settings, defaultHome } = await readSettings({});
    if (settings.metricsDir === '') return;
    const { openMetrics } = await import('../src/assemble-metrics.ts');
    const metrics = await openMetrics({ settings, defaultHome });
    try {
      if (ended !== null) await metrics.noteCommand(ended);
      const path = resolve(workingFolder(), settings.metricsDir, `${settings.metricsName}.prom`);
      if (await metrics.write(path, new AbortController().signal)) return;
      printWarning(
        'the metrics were not written: another process has been counting for too long; the next command writes them',
      );
    } finally {
      await metrics.close();
    }
  } catch (error) {
    if (!isApexError(error)) throw error;
    printWarning(error.message);
  }
}
