/** A metric as a text in Prometheus' format tells it. */
export interface ParsedMetric {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ParsedSample[];
}

export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*),?\\})? ([0-9.eE+-]+|NaN|[+-]Inf)$`);

/**
 * Reads a text of metrics as its documentation describes it, and refuses what that does not allow: a sample before its TYPE or of
 * another metric, a series twice, a metric in two pieces, buckets that do not add up. It shares no code with what writes the text.
 *
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function parseExposition(text: string): Map<string, ParsedMetric> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const metrics = new Map<string, ParsedMetric & { samples: ParsedSample[] }>();
  const seen = new Set<string>();
  let help: { name: string; text: string } | null = null;
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const [, keyword, name = '', rest = ''] = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line) ?? [];
    if (keyword === 'HELP') help = { name, text: rest };
    else if (keyword === 'TYPE') {
      if (help?.name !== name || metrics.has(name)) throw new Error(`no HELP before it, or a second time: ${line}`);
      if (!['counter', 'gauge', 'histogram', 'untyped'].includes(rest)) throw new Error(`no such type: ${line}`);
      metrics.set(name, { type: rest, help: help.text, samples: [] });
      current = name;
    } else {
      const sample = parseSample(line);
      const metric = metrics.get(current);
      const own =
        metric?.type === 'histogram' ? [`${current}_bucket`, `${current}_sum`, `${current}_count`] : [current];
      if (!own.includes(sample.name)) throw new Error(`not below its TYPE: ${line}`);
      if (seen.has(line.slice(0, line.lastIndexOf(' ')))) throw new Error(`a series twice: ${line}`);
      seen.add(line.slice(0, line.lastIndexOf(' ')));
      metric!.samples.push(sample);
    }
  }
  for (const [name, metric] of metrics) if (metric.type === 'histogram') assertHistogram(name, metric.samples);
  return metrics;
}

function parseSample(line: string): ParsedSample {
  const [, name, labels, value] = SAMPLE.exec(line) ?? [];
  if (name === undefined) throw new Error(`no sample: ${line}`);
  const pairs = [...(labels ?? '').matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [
    label,
    text,
  ]);
  return { name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) };
}

/** Each set of labels has rising buckets, of which the last, `+Inf`, is the count. */
function assertHistogram(name: string, samples: readonly ParsedSample[]): void {
  const sets = Map.groupBy(samples, ({ labels: { le: _, ...others } }) => JSON.stringify(others));
  for (const [labels, set] of sets) {
    const buckets = set.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels: { le } }) => (le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le)));
    const isRising = (values: readonly number[]) =>
      values.every((value, index) => index === 0 || value >= values[index - 1]!);
    const count = set.find((sample) => sample.name === `${name}_count`)?.value;
    const isWhole = bounds.at(-1) === Number.POSITIVE_INFINITY && buckets.at(-1)?.value === count;
    if (!isWhole || !isRising(bounds) || !isRising(buckets.map(({ value }) => value)) || count === undefined)
      throw new Error(`the buckets of ${name} ${labels} do not add up`);
  }
}

/** Every series with its value, named as Prometheus does, without the label `memory`. */
export function seriesIn(text: string): Map<string, number> {
  const samples = [...parseExposition(text).values()].flatMap((metric) => metric.samples);
  return new Map(
    samples.map(({ name, labels: { memory: _, ...labels }, value }) => {
      const shown = Object.entries(labels).map(([label, of]) => `${label}="${of}"`);
      return [shown.length === 0 ? name : `${name}{${shown.join(',')}}`, value];
    }),
  );
}
