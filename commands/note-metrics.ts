import { resolve } from 'node:path';
import { isApexError } from '../lib/contracts/errors.ts';
import { printWarning } from './ui/output.ts';

/** A command that has ended. */
export interface EndedCommand {
  /** As it is typed, without `apex`. */
  readonly command: string;
  readonly exitStatus: number;
}

/**
 * Counts the end of a command, and leaves the metrics in APEX_METRICS_DIR when that is set. What goes wrong with it is said, and
 * changes nothing of how the command ended.
 */
export async function noteMetrics(ended: EndedCommand): Promise<void> {
  try {
    const { readSettings, workingFolder } = await import('./settings.ts');
    const { settings, defaultHome } = await readSettings({});
    if (settings.metricsDir === '') return;
    const { openMetrics } = await import('../src/assemble-metrics.ts');
    const metrics = await openMetrics({ settings, defaultHome });
    try {
      await metrics.noteCommand(ended);
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
