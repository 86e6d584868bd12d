import { resolve } from 'node:path';
import type { Command } from 'commander';
import { StoreError } from '../lib/contracts/errors.ts';
import { type CommonFlags, hostOptions } from './host.ts';
import { metricJson } from './ui/json.ts';
import { printJson, printNote, printText } from './ui/output.ts';

interface MetricsFlags extends CommonFlags {
  readonly textfile?: string;
}

/** `apex metrics`: what was counted, as collectors of metrics read it. */
export function registerMetrics(program: Command): void {
  program
    .command('metrics')
    .summary('print what was counted, for Prometheus')
    .description(
      'Prints all metrics in the text format of Prometheus: what every run and command came to so far, and what lies in staging now. No store is needed. Commands that change something leave the same in APEX_METRICS_DIR, when that is set.',
    )
    .option('--textfile <path>', 'write them to this file, whole and readable by all, instead of printing them')
    .option('--json', 'one JSON object a metric on standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex metrics\n  $ apex metrics --textfile /var/lib/prometheus/node-exporter/apex.prom',
    )
    .action(async (flags: MetricsFlags) => {
      const { openMetrics } = await import('../src/assemble-metrics.ts');
      const metrics = await openMetrics(await hostOptions(flags));
      try {
        await show(metrics, flags);
      } finally {
        await metrics.close();
      }
    });
}

type Metrics = Awaited<ReturnType<typeof import('../src/assemble-metrics.ts')['openMetrics']>>;

async function show(metrics: Metrics, { textfile, json }: MetricsFlags): Promise<void> {
  const { signal } = new AbortController();
  if (textfile !== undefined) {
    const { workingFolder } = await import('./settings.ts');
    const path = resolve(workingFolder(), textfile);
    if (!(await metrics.write(path, signal))) throw othersCount();
    printNote(`The metrics are in ${path}.`);
    return;
  }
  if (json === true) {
    for (const report of (await metrics.report(signal)) ?? refuse())
      printJson({ event: 'metric', ...metricJson(report) });
    return;
  }
  printText((await metrics.text(signal)) ?? refuse());
}

function refuse(): never {
  throw othersCount();
}

function othersCount(): StoreError {
  return new StoreError('other processes have been counting metrics for too long', { code: 'LOCKED', retryable: true });
}
