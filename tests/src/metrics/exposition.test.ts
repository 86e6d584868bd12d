import { expect, test } from 'vitest';
import { expositionOf, reportOf } from '../../../src/metrics/exposition.ts';
import { METRICS } from '../../../src/metrics/families.ts';
import { gaugesOf } from '../../../src/metrics/gauges.ts';
import { parseExposition, seriesIn } from '../../helpers/exposition.ts';

const AMOUNTS = {
  apex_chunks_total: 4,
  'apex_step_duration_seconds_bucket{step="parse",le="0.1"}': 2,
  'apex_step_duration_seconds_bucket{step="parse",le="+Inf"}': 1,
  'apex_step_duration_seconds_sum{step="parse"}': 400.25,
  'apex_step_duration_seconds_count{step="parse"}': 3,
};

const textOf = (amounts: Readonly<Record<string, number>>) => expositionOf(reportOf(amounts), 'apex');

test('buckets are written summed up, and the text is one that a collector takes', () => {
  const series = seriesIn(textOf(AMOUNTS));
  expect(series.get('apex_chunks_total')).toBe(4);
  const buckets = ['0.005', '0.1', '0.5', '300', '+Inf'].map((le) =>
    series.get(`apex_step_duration_seconds_bucket{step="parse",le="${le}"}`),
  );
  expect(buckets).toEqual([0, 2, 2, 2, 3]);
  expect(series.get('apex_step_duration_seconds_sum{step="parse"}')).toBe(400.25);
});

test('every metric is there from the beginning at 0, but times and a quarantine that nobody knows', () => {
  const told = [...parseExposition(textOf({})).keys()];
  const isUnknown = (name: string) => name.endsWith('_timestamp_seconds') || name === 'apex_documents_in_quarantine';
  expect(told).toEqual(Object.keys(METRICS).filter((name) => !isUnknown(name)));
  expect(Math.max(...seriesIn(textOf({})).values())).toBe(0);
});

test('each series says whose it is', () => {
  const samples = [...parseExposition(expositionOf(reportOf(AMOUNTS), 'mail')).values()].flatMap(
    (metric) => metric.samples,
  );
  expect(new Set(samples.map(({ labels }) => labels['memory']))).toEqual(new Set(['mail']));
});

test('no label has a value from outside: all are plain words of the table', () => {
  const values = Object.values(METRICS).flatMap(({ labels }) => Object.values(labels).flat());
  expect(values.filter((value) => !/^[a-zA-Z0-9_ -]+$/.test(value))).toEqual([]);
  expect(parseExposition(textOf(AMOUNTS)).size).toBeGreaterThan(30);
});

test('what is in staging now is told by source, and sums up to all of it', () => {
  const staging = {
    ...{ base: '/srv/private/staging', usedBytes: 100, maxBytes: 1_000, documents: 3, oldest: null, largest: null },
    bySource: [
      { name: 'local_upload', documents: 2, bytes: 60 },
      { name: '../../etc', documents: 1, bytes: 30 },
    ],
    byStatus: [{ name: 'failed', documents: 3, bytes: 90 }],
  };
  const runs = [
    { state: 'running', isOwned: true, waitingFor: [{ role: 'graph' }] },
    { state: 'running', isOwned: false, waitingFor: [] },
  ] as never;
  expect(gaugesOf({ runs, staging, cleanedAtMs: 5_000, setAside: null, nowMs: 9_000 })).toEqual({
    'apex_runs{state="running"}': 1,
    'apex_runs{state="interrupted"}': 1,
    'apex_store_circuit_open{role="graph"}': 1,
    'staging_disk_usage_bytes{source="local_upload"}': 60,
    'staging_disk_usage_bytes{source="other"}': 40,
    'staging_documents_by_status{status="failed"}': 3,
    apex_staging_quota_bytes: 1_000,
    apex_cleanup_last_success_timestamp_seconds: 5,
    apex_metrics_written_timestamp_seconds: 9,
  });
});

test('what is in quarantine is told by code, also that there is none; nothing where it is not known', () => {
  const staging = {
    ...{ base: '/srv', usedBytes: 0, maxBytes: 1, documents: 0, oldest: null, largest: null },
    ...{ bySource: [], byStatus: [] },
  };
  const told = (setAside: ReadonlyMap<string, number> | null) =>
    [...seriesIn(textOf(gaugesOf({ runs: [], staging, cleanedAtMs: null, setAside, nowMs: 1 })))].filter(([series]) =>
      series.startsWith('apex_documents_in_quarantine'),
    );
  const known = new Map(told(new Map([['CORRUPT', 3]])));
  expect(known.get('apex_documents_in_quarantine{code="CORRUPT"}')).toBe(3);
  expect(known.get('apex_documents_in_quarantine{code="EMPTY_TEXT"}')).toBe(0);
  expect(told(new Map()).length).toBe(known.size);
  expect(told(null)).toEqual([]);
});

test.each([
  ['a series twice', 'apex_a 1\napex_a 2\n'],
  ['a series of another metric', 'apex_b 1\n'],
  ['no value', 'apex_a\n'],
  ['a label without quotes', 'apex_a{x=1} 1\n'],
  ['a line without an end', 'apex_a 1'],
])('the tests’ own parser refuses %s', (_, text) => {
  const head = '# HELP apex_a A.\n# TYPE apex_a counter\n';
  expect(() => parseExposition(`${head}${text}`)).toThrow();
  expect(parseExposition(`${head}apex_a{x="1"} 1\n`).size).toBe(1);
});

test('the tests’ own parser refuses buckets that do not add up', () => {
  const head = '# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 3\nh_bucket{le="+Inf"} ';
  expect(() => parseExposition(`${head}2\nh_sum 1\nh_count 2\n`)).toThrow();
  expect(() => parseExposition(`${head}4\nh_sum 1\nh_count 5\n`)).toThrow();
  expect(parseExposition(`${head}4\nh_sum 1\nh_count 4\n`).size).toBe(1);
});
