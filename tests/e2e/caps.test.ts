import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openCase } from '../helpers/case.ts';
import { dumpMemory } from '../helpers/dump.ts';
import { openOpenAiServer } from '../helpers/openai-server.ts';
import { apex } from '../helpers/program.ts';

/**
 * Goal: no cap is ever crossed, whatever stops where, and what a cap left comes in later as if there had been none.
 * Method: the built program against a provider that counts what it is really asked.
 */

/** Mail with two text attachments, one request each, and the mail's own. */
const MAIL = [
  'From: Ana <ana@sundmere.example>',
  'To: desk@farrow.example',
  'Subject: Papers for LD-700010',
  'Date: Sat, 10 Jan 2026 10:00:00 +0000',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  ...['--b', 'Content-Type: text/plain', '', 'Two papers for load LD-700010.'],
  ...['--b', 'Content-Type: text/plain; name="one.txt"', 'Content-Disposition: attachment; filename="one.txt"', ''],
  'Carrier: Sundmere Linehaul Inc',
  ...['--b', 'Content-Type: text/plain; name="two.txt"', 'Content-Disposition: attachment; filename="two.txt"', ''],
  'Consignee: Farrow Freight LLC',
  '--b--',
  '',
].join('\r\n');

const FILES = {
  'a.txt': 'Load number: LD-700001\nCarrier: Farrow Freight LLC\n',
  'b.txt': 'Load number: LD-700002\nCarrier: Sundmere Linehaul Inc\n',
  'c.txt': 'Bay nine is free.\n',
  'd.txt': '',
  'mail.eml': MAIL,
};
/** Requests that all of them take: one a text, and one for each part of the mail. */
const ALL_CALLS = 6;

async function openCapped(files: Readonly<Record<string, string>> = FILES) {
  const server = await openOpenAiServer();
  const given = openCase(files, server.env);
  return {
    server,
    ...given,
    /** Ingests under these caps. */
    capped: async (...caps: string[]) => {
      const before = server.calls.length;
      const { lines, exitCode, stderr } = await given.run('ingest', given.documents, ...caps);
      const summary = lines.find(({ event }) => event === 'summary');
      return { summary, exitCode, stderr, lines, calls: server.calls.length - before };
    },
  };
}

test('under --max-calls no request is made too many, and what came in stays', async () => {
  const { server, capped, run } = await openCapped();
  const { summary, exitCode, stderr, calls } = await capped('--max-calls', '2');
  expect([exitCode, calls]).toEqual([75, 2]);
  expect(summary).toMatchObject({
    ...{ state: 'interrupted', exit_status: 75, embedding_calls: 2, error: { code: 'CAP_REACHED' } },
  });
  expect(stderr).toContain(`Go on with: apex resume ${String(summary!['run_id'])} --max-calls 2`);
  expect((await run('documents', 'list')).lines.length).toBeGreaterThan(0);
  expect((await run('verify')).exitCode).toBe(0);
  const resumed = await run('resume', String(summary!['run_id']));
  expect(resumed.exitCode).toBe(3);
  expect(server.calls).toHaveLength(ALL_CALLS);
  expect((await run('verify')).exitCode).toBe(0);
  const shown = await run('runs', 'show', String(summary!['run_id']));
  expect(shown.lines[0]).toMatchObject({ embedding_calls: ALL_CALLS, state: 'completed' });
});

test('a bad document is quarantined for its own fault alone, whatever the cap', async () => {
  const { capped, run } = await openCapped();
  for (let round = 0; round < ALL_CALLS; round += 1) await capped('--max-calls', '1');
  const quarantined = (await run('documents', 'list', '--quarantined')).lines;
  expect(quarantined.map(({ error }) => (error as { code: string }).code)).toEqual(['EMPTY_TEXT']);
});

test.each([1, 2, 3, 4, 5, 6])(
  'under a cap of %i calls, again and again, the memory becomes what it is without',
  async (cap) => {
    const { server, home, documents, capped, runWith } = await openCapped();
    const free = `${home}-free`;
    await runWith({ APEX_HOME: free, APEX_EMBEDDER: 'openai' }, 'ingest', documents);
    const freeCalls = server.calls.length;
    let rounds = 0;
    for (let exitCode: number | null = 75; exitCode === 75 && rounds < 20; rounds += 1) {
      const round = await capped('--max-calls', String(cap));
      expect(round.calls).toBeLessThanOrEqual(cap);
      exitCode = round.exitCode;
    }
    expect(rounds).toBe(Math.ceil(ALL_CALLS / cap));
    expect([freeCalls, server.calls.length - freeCalls]).toEqual([ALL_CALLS, ALL_CALLS]);
    expect(dumpMemory(home)).toEqual(dumpMemory(free));
  },
);

test('a request that would cost more than is left is not made, and the price is what the provider bills', async () => {
  const { server, capped, runWith, documents } = await openCapped({
    'a.txt': 'one two three',
    'b.txt': 'four five six',
  });
  server.tokensOf = () => 10;
  // A dollar for a thousand tokens, so that 10 tokens cost one cent.
  const env = { OPENAI_EMBEDDING_PRICE: '1000', APEX_CONCURRENCY: '1' };
  const first = await runWith(env, 'ingest', documents, '--max-cost', '0.015');
  const summary = first.lines.find(({ event }) => event === 'summary')!;
  expect(first.exitCode).toBe(75);
  expect(summary).toMatchObject({ added: 1, embedding_calls: 1, embedding_tokens: 10, cost_usd: 0.01 });
  expect(first.stderr).toContain('--max-cost 0.015 is reached: $0.0100 spent');
  expect(server.calls).toHaveLength(1);
  expect((await capped('--max-cost', '1')).exitCode).toBe(0);
});

test('--max-documents counts what is worked on: neither what is unchanged nor what comes in a mail', async () => {
  const { capped } = await openCapped({ 'a.txt': 'one', 'mail.eml': MAIL, 'z.txt': 'last' });
  const outcomes = async (...caps: string[]) => {
    const { lines, exitCode } = await capped(...caps);
    const results = lines.filter(({ event }) => event === 'document').map(({ outcome }) => String(outcome));
    return [exitCode, results.toSorted()];
  };
  expect(await outcomes('--max-documents', '1')).toEqual([75, ['added']]);
  expect(await outcomes('--max-documents', '1')).toEqual([75, ['added', 'added', 'added', 'unchanged']]);
  expect((await outcomes('--max-documents', '1'))[0]).toBe(0);
  expect((await outcomes('--max-documents', '1'))[0]).toBe(0);
});

test('after --max-duration nothing is begun, and all of it comes in later', async () => {
  const { server, runWith, documents } = await openCapped({ 'a.txt': 'one', 'b.txt': 'two', 'c.txt': 'three' });
  server.respond = async () => {
    await delay(1_500);
    return null;
  };
  const first = await runWith({ APEX_CONCURRENCY: '1' }, 'ingest', documents, '--max-duration', '1s');
  server.respond = () => null;
  expect(first.exitCode).toBe(75);
  expect(first.stderr).toContain('--max-duration 1s is reached');
  // None where the machine is so busy that the first document took longer to read.
  expect(server.calls.length).toBeLessThanOrEqual(1);
  expect((await runWith({}, 'ingest', documents, '--max-duration', '2h')).exitCode).toBe(0);
  expect(server.calls).toHaveLength(3);
});

test('a process that works alone on one document keeps to the cap too', async () => {
  const { server, documents, kill, capped } = await openCapped({ 'a.txt': 'one', 'mail.eml': MAIL });
  for (let death = 0; death < 3; death += 1) await kill('parsers.parse:before', 'ingest', documents);
  const { exitCode, calls } = await capped('--max-calls', '2');
  expect([exitCode, calls]).toEqual([75, 2]);
  expect((await capped('--max-calls', '2')).exitCode).toBe(0);
  expect(server.calls).toHaveLength(4);
});

test('where the price is not known, costs are told as unknown and cannot be capped', async () => {
  const { runWith, documents, server } = await openCapped({ 'a.txt': 'one' });
  const env = { OPENAI_EMBEDDING_MODEL: 'of-our-own' };
  const refused = await runWith(env, 'ingest', documents, '--max-cost', '1');
  expect([refused.exitCode, server.calls.length]).toEqual([78, 0]);
  expect(refused.stderr).toContain('OPENAI_EMBEDDING_PRICE');
  const { lines } = await runWith(env, 'ingest', documents, '--max-calls', '9');
  expect(lines.at(-1)).toMatchObject({ embedding_calls: 1, cost_usd: null });
});

test.each([
  ['--max-cost', 'abc'],
  ['--max-cost', '-1'],
  ['--max-cost', '0'],
  ['--max-cost', '1e3'],
  ['--max-cost', ''],
  ['--max-calls', '0'],
  ['--max-calls', '1.5'],
  ['--max-calls', '-3'],
  ['--max-documents', 'all'],
  ['--max-documents', '0'],
  ['--max-duration', '10'],
  ['--max-duration', '0s'],
  ['--max-duration', '-1m'],
  ['--max-duration', '1d'],
])('%s %s is refused before anything is begun', async (flag, value) => {
  const { home } = openCase();
  for (const command of [['ingest', '.'], ['resume']]) {
    const { exitCode, stderr, stdout } = await apex([...command, flag, value], { home });
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`${flag} ${value}`.trim());
  }
});

test('of records the caps hold too, and the run goes on where it stopped', async () => {
  const { server, run, write, documents } = await openCapped();
  const lines = Array.from({ length: 600 }, (_, index) =>
    JSON.stringify({ id: `${index}`, name: `Truck ${index}`, vin: `1FUJGLDR5CSB${10_000 + index}` }),
  );
  write('fleet.ndjson', lines.join('\n'));
  const capped = await run('ingest-json', '--source', 'samsara', `${documents}/fleet.ndjson`, '--max-calls', '1');
  expect([capped.exitCode, server.calls.length]).toEqual([75, 1]);
  const summary = capped.lines.find(({ event }) => event === 'summary')!;
  expect(summary).toMatchObject({ state: 'interrupted', error: { code: 'CAP_REACHED' } });
  expect(Number(summary['added'])).toBeLessThan(600);
  expect((await run('verify')).exitCode).toBe(0);
  const resumed = await run('resume', String(summary['run_id']));
  expect(resumed.exitCode).toBe(0);
  expect((await run('documents', 'list')).lines).toHaveLength(600);
  expect((await run('verify')).exitCode).toBe(0);
});
