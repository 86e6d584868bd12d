import { familyOf, type MetricFamily, type MetricName } from './families.ts';

/** The last bucket of a histogram, which holds all. */
const NO_BOUND = '+Inf';

/**
 * The name of a series as Prometheus writes it. @param labels one value for each label of the metric.
 *
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function seriesOf(metric: MetricName, labels: Readonly<Record<string, string>> = {}): string {
  return named(metric, labels);
}

/** The series that one value adds to in a histogram, each with how much: its bucket, the sum and the count. */
export function observed(
  metric: MetricName,
  labels: Readonly<Record<string, string>>,
  value: number,
): readonly (readonly [series: string, amount: number])[] {
  const bound = familyOf(metric)?.buckets?.find((most) => value <= most);
  return [
    [named(`${metric}_bucket`, { ...labels, le: bound === undefined ? NO_BOUND : String(bound) }), 1],
    [named(`${metric}_sum`, labels), value],
    [named(`${metric}_count`, labels), 1],
  ];
}

/** All series that a metric can have, in order; of a histogram those of its buckets, then sum and count, for each set of labels. */
export function allSeries(metric: MetricName): string[] {
  const { buckets, labels } = familyOf(metric)!;
  const sets = labelSets(Object.entries(labels));
  if (buckets === undefined) return sets.map((set) => named(metric, set));
  return sets.flatMap((set) => [
    ...bucketSeries(metric, set),
    named(`${metric}_sum`, set),
    named(`${metric}_count`, set),
  ]);
}

/** The buckets of a histogram, the smallest first. */
export function bucketSeries(metric: MetricName, labels: Readonly<Record<string, string>>): string[] {
  const bounds = [...(familyOf(metric)?.buckets ?? []).map(String), NO_BOUND];
  return bounds.map((le) => named(`${metric}_bucket`, { ...labels, le }));
}

/** Every combination of the labels' values. */
export function labelSets(
  labels: readonly (readonly [string, MetricFamily['labels'][string]])[],
): Record<string, string>[] {
  const [first, ...rest] = labels;
  if (first === undefined) return [{}];
  const [name, values] = first;
  return values.flatMap((value) => labelSets(rest).map((set) => ({ [name]: value, ...set })));
}

function named(name: string, labels: Readonly<Record<string, string>>): string {
  const shown = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return shown.length === 0 ? name : `${name}{${shown.join(',')}}`;
}
