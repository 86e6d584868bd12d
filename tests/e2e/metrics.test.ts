import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { openCase } from '../helpers/case.ts';
import { seriesIn } from '../helpers/exposition.ts';
import { apex } from '../helpers/program.ts';
import { findPromtool } from '../ops/promtool.ts';

/** Goal: what collectors read is right, whole and never goes back, whatever runs beside and whatever is killed. Method: the built program, and a parser of its own. */

const promtool = await findPromtool();
const SECRET = 'canary-5b1d77e0';

const FILES = {
  'note.txt': 'Load number: LD-1234567 leaves Dallas on Monday.',
  'rate.txt': 'Rate confirmation for Sundmere Linehaul Inc, $1,980.00.',
  'empty.txt': '',
};

/** A case whose commands leave metrics. */
function openMetricsCase(files: Readonly<Record<string, string>> = FILES, name = 'apex') {
  const opened = openCase(files, { OPENAI_API_KEY: SECRET });
  const folder = join(opened.home, '..', 'metrics');
  mkdirSync(folder);
  const env = { ...opened.env, APEX_METRICS_DIR: folder, ...(name !== 'apex' && { APEX_METRICS_NAME: name }) };
  const path = join(folder, `${name}.prom`);
  return {
    ...{ home: opened.home, documents: opened.documents, write: opened.write, folder, path },
    run: (...args: string[]) => apex(args, { home: opened.home, env }),
    runWith: (more: Readonly<Record<string, string>>, ...args: string[]) =>
      apex(args, { home: opened.home, env: { ...env, ...more } }),
    text: () => readFileSync(path, 'utf8'),
    series: () => seriesIn(readFileSync(path, 'utf8')),
  };
}

const outcome = (name: string) => `apex_documents_total{outcome="${name}"}`;
const command = (name: string, exit: number) => `apex_commands_total{command="${name}",exit="${exit}"}`;

test('an ingest leaves what it did, readable by all, and the next one adds to it', async () => {
  const { run, documents, path, folder, series } = openMetricsCase();
  expect((await run('ingest', documents)).exitCode).toBe(3);
  const first = series();
  expect(statSync(path).mode & 0o777).toBe(0o644);
  expect(readdirSync(folder)).toEqual(['apex.prom']);
  expect(first.get(outcome('added'))).toBe(2);
  expect(first.get(outcome('quarantined'))).toBe(1);
  expect(first.get('apex_documents_quarantined_total{code="EMPTY_TEXT"}')).toBe(1);
  expect(first.get('apex_empty_results_total{step="parse"}')).toBe(1);
  expect(first.get('apex_steps_started_total{step="parse"}')).toBe(3);
  expect(first.get('apex_steps_completed_total{step="write"}')).toBe(2);
  expect(
    first.get('apex_steps_failed_total{step="stage"}')! + first.get('apex_steps_failed_total{step="parse"}')!,
  ).toBe(1);
  expect(first.get('apex_step_duration_seconds_count{step="embed"}')).toBe(2);
  expect(first.get('apex_chunks_total')).toBe(2);
  expect(first.get('apex_entities_total')).toBeGreaterThan(0);
  expect(first.get('apex_store_items_written_total{role="vectors"}')).toBe(2);
  expect(first.get('staging_bytes_written{source="local_upload"}')).toBe(
    FILES['note.txt'].length + FILES['rate.txt'].length,
  );
  expect(first.get(command('ingest', 3))).toBe(1);
  expect(first.get('apex_run_last_success_timestamp_seconds{kind="ingest"}')).toBeGreaterThan(Date.now() / 1_000 - 300);
  await run('ingest', documents);
  const second = series();
  expect(second.get(outcome('added'))).toBe(2);
  expect(second.get(outcome('unchanged'))).toBe(2);
  expect(second.get('apex_documents_quarantined_total{code="EMPTY_TEXT"}')).toBe(1);
  expect(second.get(command('ingest', 3))).toBe(2);
});

test('what is in quarantine is told as it is now, and not at all while the memory cannot be read', async () => {
  const { run, documents, home, series, write } = openMetricsCase();
  const inQuarantine = 'apex_documents_in_quarantine{code="EMPTY_TEXT"}';
  await run('cleanup');
  expect(series().get(inQuarantine)).toBe(0);
  await run('ingest', documents);
  expect(series().get(inQuarantine)).toBe(1);
  write('empty.txt', 'Bay nine is free.');
  await run('ingest', documents);
  expect(series().get(inQuarantine)).toBe(0);
  writeFileSync(join(home, 'memory.db'), 'no database, but as long as the head of one'.repeat(9));
  await run('metrics', '--textfile', join(home, '..', 'metrics', 'apex.prom'));
  expect(series().has(inQuarantine)).toBe(false);
  expect(series().get(outcome('added'))).toBe(3);
});

test.skipIf(promtool === null)('promtool has nothing to say against it', async () => {
  const { run, documents, text } = openMetricsCase();
  await run('ingest', documents);
  await run('cleanup');
  const { stdout, stderr } = await execa(promtool!, ['check', 'metrics'], { input: text() });
  expect([stdout, stderr]).toEqual(['', '']);
});

test('apex metrics prints the same as text and as JSON, and puts it where it is told', async () => {
  const { run, documents, home, series } = openMetricsCase();
  await run('ingest', documents);
  const printed = seriesIn(`${(await run('metrics')).stdout}\n`);
  const now = 'apex_metrics_written_timestamp_seconds';
  const without = (all: ReadonlyMap<string, number>) => [...all].filter(([name]) => name !== now);
  expect(without(printed)).toEqual(without(series()));
  const { lines } = await run('metrics', '--json');
  expect(lines.every(({ event }) => event === 'metric')).toBe(true);
  const samples = lines.flatMap(({ samples }) => samples as { series: string; value: number }[]);
  expect(without(new Map(samples.map(({ series, value }) => [series, value])))).toEqual(without(printed));
  const elsewhere = join(home, '..', 'elsewhere.prom');
  expect(await run('--quiet', 'metrics', '--textfile', elsewhere)).toMatchObject({
    exitCode: 0,
    stdout: '',
    stderr: '',
  });
  expect(without(seriesIn(readFileSync(elsewhere, 'utf8')))).toEqual(without(printed));
});

test('what runs did before anybody asked for metrics is in the first ones', async () => {
  const { run, runWith, documents, series } = openMetricsCase();
  await runWith({ APEX_METRICS_DIR: '' }, 'ingest', documents);
  await run('cleanup');
  expect(series().get(outcome('added'))).toBe(2);
  expect(series().get(command('ingest', 3))).toBe(0);
  expect(series().get(command('cleanup', 0))).toBe(1);
});

test('staging and cleanups are counted, and what lies in staging is told', async () => {
  const { run, documents, series } = openMetricsCase({ 'a.txt': 'One load.', 'b.txt': 'Two loads.' });
  await run('stage', documents);
  expect(series().get('staging_bytes_written{source="local_upload"}')).toBe(19);
  expect(series().get('apex_staged_items_total{source="local_upload"}')).toBe(2);
  expect(series().get('staging_documents_by_status{status="active"}')).toBe(2);
  expect(series().get('staging_disk_usage_bytes{source="local_upload"}')).toBeGreaterThan(19);
  expect(series().get('apex_staging_quota_bytes')).toBe(10 * 1_073_741_824);
  await run('stage', documents);
  expect(series().get('apex_staged_items_total{source="local_upload"}')).toBe(2);
  await run('ingest', '--staged');
  expect(series().get(outcome('added'))).toBe(2);
  expect(series().get('staging_documents_by_status{status="active"}')).toBe(0);
});

test('a cleanup counts itself and what it frees', async () => {
  const { run, runWith, documents, series } = openMetricsCase();
  await run('ingest', documents);
  expect(series().get('staging_documents_by_status{status="failed"}')).toBe(1);
  await runWith({ STAGING_FAILED_RETENTION_HOURS: '0' }, 'cleanup');
  expect(series().get('staging_cleanup_runs_total')).toBe(1);
  expect(series().get('staging_cleanup_success_total')).toBe(1);
  expect(series().get('staging_cleanup_failed_total')).toBe(0);
  expect(series().get('apex_cleanup_folders_removed_total')).toBe(1);
  expect(series().get('staging_documents_by_status{status="failed"}')).toBe(0);
  expect(series().get('apex_cleanup_last_success_timestamp_seconds')).toBeGreaterThan(Date.now() / 1_000 - 300);
  await run('cleanup', '--if-due');
  expect(series().get('staging_cleanup_runs_total'), 'one that was not due').toBe(1);
});

test('a command that is killed has counted all that its journal has, once', async () => {
  const { run, runWith, documents, path, series } = openMetricsCase();
  for (const point of ['records.pivot:after', 'journal.append.batch_done:after']) {
    writeFileSync(join(documents, 'more.txt'), `What ${point} met.`);
    const killed = await runWith({ APEX_CRASH_POINT: point }, 'ingest', documents);
    expect(killed.signal ?? killed.exitCode).toMatch(/SIGKILL|137/);
    await run('metrics', '--textfile', path);
    await run('metrics', '--textfile', path);
    await run('resume');
  }
  const total = series();
  expect(total.get(outcome('added'))! + total.get(outcome('updated'))!).toBe(4);
  expect(total.get('apex_batches_total{end="done"}')).toBe(2);
  expect(total.get('apex_runs_started_total{kind="ingest"}')).toBe(2);
  expect(total.get('apex_runs{state="interrupted"}')).toBe(0);
});

test('no number goes back while several processes are at work, and none is lost', { timeout: 120_000 }, async () => {
  const { run, documents, write, path, series } = openMetricsCase();
  for (let folder = 0; folder < 4; folder += 1)
    for (let file = 0; file < 5; file += 1) write(`${folder}/${file}.txt`, `Folder ${folder} has file ${file}.`);
  let isDone = false;
  const seen = watch(path, () => isDone);
  await Promise.all([0, 1, 2, 3].flatMap((folder) => [run('ingest', join(documents, String(folder))), run('cleanup')]));
  isDone = true;
  const { backwards, looks } = await seen;
  expect(backwards).toEqual([]);
  expect(looks).toBeGreaterThan(5);
  expect(series().get(outcome('added'))).toBe(20);
  expect(series().get(command('ingest', 0))).toBe(4);
  expect(series().get('apex_runs_ended_total{kind="ingest",state="completed"}')).toBe(4);
});

/** Looks at the file again and again. @returns the counters that were lower than the time before. */
async function watch(path: string, isDone: () => boolean) {
  const backwards: string[] = [];
  let before = new Map<string, number>();
  let looks = 0;
  while (!isDone()) {
    await delay(10);
    if (!existsSync(path)) continue;
    const now = seriesIn(readFileSync(path, 'utf8'));
    looks += 1;
    for (const [name, value] of before)
      if (/_total|_count|_bucket|_sum|_written(?!_)|_timestamp/.test(name) && now.get(name)! < value)
        backwards.push(name);
    before = now;
  }
  return { backwards, looks };
}

test('metrics that cannot be written are told, and the command ends as it would', async () => {
  const { runWith, documents, folder } = openMetricsCase({ 'a.txt': 'One load.' });
  const missing = join(folder, 'missing');
  const { exitCode, stderr, lines } = await runWith({ APEX_METRICS_DIR: missing }, 'ingest', documents, '--json');
  expect([exitCode, lines.at(-1)?.['added']]).toEqual([0, 1]);
  expect(stderr).toContain(`warning: the metrics cannot be written to ${missing}/apex.prom (ENOENT): make its folder`);
  expect(existsSync(missing)).toBe(false);
  const asked = await runWith({}, 'metrics', '--textfile', join(missing, 'apex.prom'));
  expect([asked.exitCode, asked.stdout]).toEqual([78, '']);
});

test('a plan leaves no metrics and counts nothing', async () => {
  const { run, documents, path, home } = openMetricsCase();
  await run('ingest', documents, '--dry-run');
  expect(existsSync(path)).toBe(false);
  expect(existsSync(home)).toBe(false);
});

test('nothing that comes from outside is in them', async () => {
  const { run, documents, text, home } = openMetricsCase({ 'private-plan.txt': 'Load number: LD-7654321.' });
  await run('ingest', documents, '--group', 'tenant-blue', '--id', 'document-of-ours');
  await run('ingest', join(documents, 'no-such-file.txt'));
  for (const word of [
    SECRET,
    home,
    documents,
    'private-plan',
    'tenant-blue',
    'document-of-ours',
    'LD-7654321',
    'no-such-file',
  ])
    expect(text()).not.toContain(word);
});

test('another name is for another data directory on the same host', async () => {
  const { run, documents, path, text } = openMetricsCase({ 'a.txt': 'One load.' }, 'mail-2');
  await run('ingest', documents);
  expect(path).toMatch(/mail-2\.prom$/);
  expect(text()).toContain('apex_documents_total{memory="mail-2",outcome="added"} 1\n');
});

test('a name that is a path is refused', async () => {
  const { runWith, documents } = openMetricsCase();
  const { exitCode, stderr } = await runWith({ APEX_METRICS_NAME: '../apex' }, 'ingest', documents);
  expect(exitCode).toBe(78);
  expect(stderr).toContain('APEX_METRICS_NAME is "../apex" (from environment): give letters, digits, _ and -');
});

test('records are counted by their source', async () => {
  const record = JSON.parse(readFileSync('fixtures/records/samsara/seed.json', 'utf8')) as object;
  const { run, documents, write, series } = openMetricsCase({});
  write('vehicles.ndjson', `${JSON.stringify(record)}\nnot json\n`);
  await run('ingest-json', '--source', 'samsara', join(documents, 'vehicles.ndjson'));
  expect(series().get('structured_data_fetched{source="samsara"}')).toBe(2);
  expect(series().get('apex_records_rejected_total{source="samsara"}')).toBe(1);
  expect(series().get(command('ingest-json', 3))).toBe(1);
});
