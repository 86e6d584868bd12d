import type { Amounts } from '../../lib/contracts/metrics.ts';
import { METRICS, type MetricFamily, type MetricName } from './families.ts';
import { allSeries, bucketSeries, labelSets, seriesOf } from './series.ts';

/**
 * Times that are not known are left out: 0 would be a time, of long ago. So is what is in quarantine, of which 0 would be good news. All
 * else is written from the beginning, so that a first increase is seen as one.
 */
const UNKNOWN_LEFT_OUT = /(?:_timestamp_seconds|_in_quarantine)(?:\{|$)/;

/** A series as it is written, without the label that all have. */
export interface Sample {
  readonly series: string;
  readonly value: number;
}

/** A metric with its samples, in the order of the table. */
export interface MetricReport {
  readonly name: MetricName;
  readonly type: MetricFamily['type'];
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Every metric with what was counted of it, and what is so now. */
export function reportOf(amounts: Amounts): MetricReport[] {
  return (Object.keys(METRICS) as MetricName[]).map((name) => {
    const { type, help } = METRICS[name];
    const samples = type === 'histogram' ? histogramSamples(name, amounts) : plainSamples(name, amounts);
    return { name, type, help, samples };
  });
}

function plainSamples(name: MetricName, amounts: Amounts): Sample[] {
  return allSeries(name)
    .filter((series) => amounts[series] !== undefined || !UNKNOWN_LEFT_OUT.test(series))
    .map((series) => ({ series, value: amounts[series] ?? 0 }));
}

function histogramSamples(name: MetricName, amounts: Amounts): Sample[] {
  return labelSets(Object.entries(METRICS[name].labels)).flatMap((labels) => {
    let below = 0;
    const buckets = bucketSeries(name, labels).map((series) => {
      below += amounts[series] ?? 0;
      return { series, value: below };
    });
    const ends = [`${name}_sum`, `${name}_count`].map((part) => seriesOf(part as MetricName, labels));
    return [...buckets, ...ends.map((series) => ({ series, value: amounts[series] ?? 0 }))];
  });
}

/**
 * The metrics as text. @param memory the value of a label of each series: what tells several data directories of a host apart.
 *
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function expositionOf(reports: readonly MetricReport[], memory: string): string {
  const written = reports.filter(({ samples }) => samples.length > 0);
  const lines = written.flatMap(({ name, type, help, samples }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(({ series, value }) => `${withLabel(series, `memory="${memory}"`)} ${value}`),
  ]);
  return `${lines.join('\n')}\n`;
}

function withLabel(series: string, label: string): string {
  return series.includes('{') ? series.replace('{', `{${label},`) : `${series}{${label}}`;
}
