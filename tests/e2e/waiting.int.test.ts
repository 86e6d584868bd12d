import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { openCase } from '../helpers/case.ts';
import { seriesIn } from '../helpers/exposition.ts';
import { type OpenAiServer, openOpenAiServer } from '../helpers/openai-server.ts';
import { apex, newFolder, startApex } from '../helpers/program.ts';
import { type FaultyProxy, startProxy } from '../helpers/proxy.ts';
import { serverEnvironment } from '../servers/environment.ts';

/** Goal: a server that is away costs time and nothing else, and all are told. Method: the built program, and a proxy that lets nothing pass for a while. */

const { postgres } = inject('servers');
const FILES = { 'a.md': '# Alpha\n\nThe alpha gate is open.\n', 'b.txt': 'Bay nine is free.\n' };
const POLL_MS = 200;
const PASSWORD = 'password-of-the-tests';

/** A memory whose records lie behind a proxy. */
async function openBehindProxy(more: Record<string, string> = {}) {
  const { APEX_POSTGRES_SCHEMA } = serverEnvironment()!;
  const proxy = await startProxy(postgres!);
  const env = { DATABASE_URL: proxy.url, APEX_POSTGRES_SCHEMA: APEX_POSTGRES_SCHEMA!, ...more };
  const memory = openCase(FILES, env);
  return { ...memory, env, proxy };
}

/** Takes the proxied server away once the provider is asked for the first time: in the middle of a run. */
function goDownAtFirstCall(server: OpenAiServer, proxy: FaultyProxy): void {
  server.respond = () => {
    proxy.set({ kind: 'down' });
    server.respond = () => null;
    return null;
  };
}

describe.skipIf(postgres === null)('a server that is away', () => {
  test('at the start: an ingest waits for it, says so once, and its run tells of it afterwards', async () => {
    const { home, documents, env, proxy, run, verify } = await openBehindProxy();
    proxy.set({ kind: 'down' });
    const started = startApex(['ingest', documents], { home, env });
    await started.notes('waiting for the records store since');
    proxy.set(null);
    const { exitCode, stderr, stdout } = await started.finished;
    expect(exitCode, stdout + stderr).toBe(0);
    expect(stderr).toMatch(
      /since \d\d:\d\d:\d\d UTC, for 15 min at most: the records store at 127\.0\.0\.1:\d+\/postgres/,
    );
    expect(stderr.match(/waiting for/g)).toHaveLength(1);
    expect(stderr).toContain('The records store is back.');
    expect(stderr).not.toContain(PASSWORD);
    const [listed] = (await run('runs', 'list')).lines;
    expect(listed).toMatchObject({ state: 'completed', waiting_for: [] });
    const shown = await apex(['runs', 'show', String(listed!['run_id'])], { home, env });
    expect(shown.stdout).toMatch(/waited +for .+ from .+ for the records store: the records store at/);
    expect((await run('runs', 'show', String(listed!['run_id']))).lines[0]!['waits']).toEqual([
      expect.objectContaining({ role: 'records', until: expect.any(String), duration_ms: expect.any(Number) }),
    ]);
    expect(await verify()).toBe(0);
  });

  test('at the start and for too long: 75, and the same command goes on when it is back', async () => {
    const { proxy, run, documents, ingest, verify } = await openBehindProxy();
    proxy.set({ kind: 'down' });
    const { exitCode, stderr, lines } = await run('ingest', documents, '--max-outage', '2s');
    expect([exitCode, stderr]).toEqual([75, expect.stringContaining('the records store has not answered for 2 s')]);
    expect(lines).toEqual([expect.objectContaining({ event: 'waiting_store', role: 'records', max_outage_ms: 2_000 })]);
    proxy.set(null);
    expect((await ingest()).summary).toMatchObject({ added: 2, exit_status: 0 });
    expect(await verify()).toBe(0);
  });

  test.each([
    [['cleanup']],
    [['reconcile']],
    [['verify', '--repair']],
    [['delete', '--source', 'x', '--yes']],
    [['resume']],
  ])('at the start: %j waits, too, and an interruption ends it at once', async (args) => {
    const { home, env, proxy } = await openBehindProxy();
    proxy.set({ kind: 'half-open' });
    const started = startApex(args, { home, env });
    await started.notes('waiting for the records store since');
    started.kill('SIGINT');
    const { exitCode, stderr } = await started.finished;
    expect([exitCode, stderr]).toEqual([130, expect.stringContaining('apex: interrupted; run the same command again')]);
  });

  test.each([
    [['search', 'gate']],
    [['documents', 'list']],
    [['trace', 'doc-1']],
    [['status', 'doc-1']],
    [['verify']],
    [['ingest', '.', '--dry-run']],
  ])('what only reads says so at once: %j', async (args) => {
    const { proxy, run } = await openBehindProxy();
    proxy.set({ kind: 'down' });
    const { exitCode, stderr } = await run(...args);
    expect([exitCode, stderr]).toEqual([75, expect.stringContaining('apex: the records store at 127.0.0.1:')]);
    expect(stderr).not.toContain('waiting for');
  });

  test('in the middle of a run: the run waits, others see that and why, and it goes on where it was', async () => {
    const server = await openOpenAiServer();
    const { home, documents, env, proxy, run, verify } = await openBehindProxy(server.env);
    goDownAtFirstCall(server, proxy);
    const started = startApex(['ingest', documents], { home, env });
    await started.notes('waiting for the records store since');
    const live = async () => (await run('runs', 'list')).lines[0]!;
    let listed = await live();
    // What others see is written a moment after it is said.
    for (let tries = 0; tries < 20 && (listed['waiting_for'] as unknown[]).length === 0; tries += 1) {
      await delay(POLL_MS);
      listed = await live();
    }
    expect(listed).toMatchObject({
      ...{ state: 'running', is_owned: true },
      waiting_for: [{ role: 'records', reason: expect.stringContaining('127.0.0.1'), since: expect.any(String) }],
    });
    const table = await apex(['runs'], { home, env });
    expect(table.stdout).toMatch(/ingest +waiting/);
    const shown = await apex(['runs', 'show', String(listed['run_id'])], { home, env });
    expect(shown.stdout).toMatch(/state +waiting/);
    expect(shown.stdout).toMatch(/waits +for the records store since .+: the records store at 127/);
    proxy.set(null);
    expect((await started.finished).exitCode).toBe(0);
    expect((await run('runs', 'show', String(listed['run_id']))).lines[0]).toMatchObject({
      ...{ state: 'completed', waiting_for: [] },
      waits: [{ role: 'records', until: expect.any(String) }],
    });
    expect(await verify()).toBe(0);
  });

  test('in the middle of a run: its metrics tell of the open circuit until it closes, and of no quarantine until it can be asked', async () => {
    const server = await openOpenAiServer();
    const folder = newFolder('metrics');
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const { home, documents, env, proxy, run, write } = await openBehindProxy({
      ...server.env,
      APEX_METRICS_DIR: folder,
    });
    write('empty.txt', '');
    const series = () => seriesIn(readFileSync(join(folder, 'apex.prom'), 'utf8'));
    const open = () => series().get('apex_store_circuit_open{role="records"}');
    const setAside = () => series().get('apex_documents_in_quarantine{code="EMPTY_TEXT"}');
    await run('cleanup');
    expect([open(), setAside()]).toEqual([0, 0]);
    goDownAtFirstCall(server, proxy);
    const started = startApex(['ingest', documents], { home, env });
    await started.notes('waiting for the records store since');
    // They are written a moment after it is said.
    await vi.waitFor(() => expect([open(), setAside()]).toEqual([1, undefined]), {
      timeout: 20_000,
      interval: POLL_MS,
    });
    proxy.set(null);
    expect((await started.finished).exitCode).toBe(3);
    expect([open(), setAside()]).toEqual([0, 1]);
    expect(series().get('apex_store_waits_total{role="records"}')).toBeGreaterThan(0);
  });
});
