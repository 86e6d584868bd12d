import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../../lib/contracts/error-codes.ts';
import { ParseError, ProviderError } from '../../../lib/contracts/errors.ts';
import type { ParserPool } from '../../../lib/contracts/parts.ts';
import type { Parts } from '../../../src/pipeline/parts.ts';
import { openCase } from '../../helpers/case.ts';
import { dumpMemory } from '../../helpers/dump.ts';
import { refusal } from '../../helpers/faults.ts';
import { intercepted } from '../../helpers/intercept.ts';
import { openMachine, withStores } from '../../helpers/machine.ts';

/**
 * Goal: a retry leaves the memory that an undisturbed ingest of the mended documents would have left, whatever went wrong and
 * whoever else was at work. Method: machines over one data directory in this process, with faults in their parts.
 */

const BROKEN = '%PDF-1.7 and nothing else';

/** A mail with text attachments. */
function mail(text: string, ...attachments: string[]): string {
  const parts = attachments.map(
    (body, index) =>
      `--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename="a${index}.txt"\nContent-Transfer-Encoding: base64\n\n${btoa(body)}\n`,
  );
  return `From: a@example.com\nTo: b@example.com\nSubject: Dock\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\n${text}\n${parts.join('')}--b--\n`;
}

/** The parts with a parser that fails at documents of these names as long as it says so. */
function failingAt(name: string, error: Error, isBroken = () => true): (parts: Parts) => Parts {
  return withParsers((parsers) =>
    intercepted(parsers, 'parse', ({ args, go }) =>
      isBroken() && (args[0] as { name: string }).name === name ? Promise.reject(error) : go(),
    ),
  );
}

function withParsers(change: (parsers: ParserPool) => ParserPool): (parts: Parts) => Parts {
  return (parts) => ({ ...parts, parsers: change(parts.parsers) });
}

/** A machine that counts how often it parses documents, by name. */
async function openCounting(home: string, change: (parts: Parts) => Parts = (parts) => parts) {
  const counts: Record<string, number> = {};
  const counted = withParsers((parsers) =>
    intercepted(parsers, 'parse', ({ args, go }) => {
      const { name } = args[0] as { name: string };
      counts[name] = (counts[name] ?? 0) + 1;
      return go();
    }),
  );
  return { ...(await openMachine(home, { change: (parts) => counted(change(parts)) })), counts };
}

/** The data directory as an undisturbed ingest of the folder as it is now leaves it. */
async function undisturbed(documents: string): Promise<Record<string, unknown[]>> {
  const { home } = openCase();
  await (await openMachine(home)).ingest(documents);
  return dumpMemory(home);
}

/** What staging holds: the status of each folder. */
function staged(home: string): string[] {
  const files = readdirSync(join(home, 'staging'), { recursive: true, encoding: 'utf8' });
  return files
    .filter((name) => name.endsWith('.metadata.json') && !name.startsWith('.spare'))
    .map((name) => (JSON.parse(readFileSync(join(home, 'staging', name), 'utf8')) as { status: string }).status);
}

describe('unchanged bad input', () => {
  test('is parsed once, and counts in the exit status of every run; a retry parses it again, once', async () => {
    const { home, documents } = openCase({
      'a.txt': 'Bay nine.\n',
      'b.pdf': BROKEN,
      'c.eml': mail('Gate.', BROKEN, 'Good.'),
    });
    const { ingest, retry, counts } = await openCounting(home);
    const bad = { 'b.pdf': 1, 'a0.txt': 1 };
    for (const _ of [1, 2, 3])
      expect((await ingest(documents)).summary).toMatchObject({ quarantined: 2, exit_status: 3 });
    expect(counts).toEqual({ ...bad, 'a.txt': 1, 'c.eml': 1, 'a1.txt': 1 });
    expect((await retry()).summary).toMatchObject({ documents: 2, quarantined: 2, exit_status: 3 });
    expect(counts).toEqual({ 'b.pdf': 2, 'a0.txt': 2, 'a.txt': 1, 'c.eml': 2, 'a1.txt': 1 });
    expect((await ingest(documents)).summary).toMatchObject({ quarantined: 2, exit_status: 3 });
    expect(counts['b.pdf']).toBe(2);
  });

  test.each<[string, (parsers: ParserPool) => Partial<ParserPool>]>([
    ['another version of the parser', () => ({ version: 'next' })],
    ['another limit', ({ limits }) => ({ limits: { ...limits, timeoutMs: 7 } })],
  ])('is parsed again with %s', async (_, change) => {
    const { home, documents } = openCase({ 'b.pdf': BROKEN });
    await (await openMachine(home)).ingest(documents);
    const changed = withParsers((parsers) => ({
      ...{ version: parsers.version, limits: parsers.limits },
      ...{ parse: (...args: Parameters<ParserPool['parse']>) => parsers.parse(...args), close: () => parsers.close() },
      ...change(parsers),
    }));
    const { ingest, counts } = await openCounting(home, changed);
    expect((await ingest(documents)).summary).toMatchObject({ quarantined: 1, exit_status: 3 });
    expect(counts).toEqual({ 'b.pdf': 1 });
  });
});

const parseError = (code: ErrorCode, retryable = false) => new ParseError('it failed', { code, retryable });

describe('a document that is set aside as', () => {
  test.each<[ErrorCode, (isBroken: () => boolean) => (parts: Parts) => Parts]>([
    ['TIMEOUT', (isBroken) => failingAt('b.txt', parseError('TIMEOUT'), isBroken)],
    ['OUT_OF_MEMORY', (isBroken) => failingAt('b.txt', parseError('OUT_OF_MEMORY'), isBroken)],
    ['CRASHED', (isBroken) => failingAt('b.txt', parseError('CRASHED', true), isBroken)],
    [
      'PROVIDER_ANSWER',
      (isBroken) => (parts) => ({
        ...parts,
        embedder: intercepted(parts.embedder, 'embed', ({ args, go }) =>
          isBroken() && (args[0] as string[]).some((text) => text.includes('ten'))
            ? Promise.reject(new ProviderError('too few', { code: 'PROVIDER_ANSWER' }))
            : go(),
        ),
      }),
    ],
    [
      'STORE_REFUSED',
      (isBroken) => (parts) =>
        withStores(parts, ({ graph }) => ({
          graph: intercepted(graph, 'write', ({ args, go }) =>
            isBroken() && (args[1] as { name: string }[]).some(({ name }) => name === 'b.txt')
              ? Promise.reject(refusal())
              : go(),
          ),
        })),
    ],
  ])('%s costs nobody else, and comes in by a retry once the cause is gone', async (code, fault) => {
    const { home, documents } = openCase({ 'a.txt': 'Bay nine.\n', 'b.txt': 'Bay ten.\n', 'c.txt': 'Bay four.\n' });
    let isBroken = true;
    const machine = await openMachine(home, {
      change: fault(() => isBroken),
      prepareIsolated: async () => 'prepared',
    });
    const { summary, results } = await machine.ingest(documents);
    expect(summary).toMatchObject({ added: 2, quarantined: 1, state: 'completed', exit_status: 3 });
    expect(results.find(({ outcome }) => outcome === 'quarantined')?.error).toMatchObject({ code });
    expect((await machine.retry([], code)).summary).toMatchObject({ documents: 1, quarantined: 1, exit_status: 3 });
    isBroken = false;
    expect((await machine.retry([], code)).summary).toMatchObject({ documents: 1, added: 1, exit_status: 0 });
    expect(dumpMemory(home)).toEqual(await undisturbed(documents));
    expect((await machine.verify()).exit_status).toBe(0);
    expect(staged(home)).toEqual([]);
  });
});

test('a provider that asks to slow down is nobody’s fault: the retry stops, and the same retry goes on', async () => {
  const { home, documents, write } = openCase({ 'a.txt': '', 'b.txt': '' });
  await (await openMachine(home)).ingest(documents);
  for (const name of ['a.txt', 'b.txt']) write(name, `Text of ${name}.\n`);
  let isBusy = true;
  const error = new ProviderError('slow down', { code: 'RATE_LIMITED', retryable: true });
  const machine = await openMachine(home, {
    env: { APEX_BATCH_SIZE: '1' },
    change: (parts) => ({
      ...parts,
      embedder: intercepted(parts.embedder, 'embed', ({ count, go }) =>
        isBusy && count > 1 ? Promise.reject(error) : go(),
      ),
    }),
  });
  const stopped = (await machine.retry()).summary;
  expect(stopped).toMatchObject({ added: 1, quarantined: 0, state: 'interrupted', exit_status: 75 });
  expect(stopped.error).toMatchObject({ code: 'RATE_LIMITED' });
  isBusy = false;
  const { summary } = await machine.retry();
  expect(summary).toMatchObject({ run_id: stopped.run_id, documents: 1, added: 1, state: 'completed', exit_status: 0 });
  expect(await machine.retry().catch(({ message }: Error) => message)).toBe('there was nothing to do');
  expect(dumpMemory(home)).toEqual(await undisturbed(documents));
});

test('an interrupted retry of named documents goes on though some are in already, and each is tried once', async () => {
  const { home, documents, write } = openCase({ 'a.txt': '', 'b.txt': '', 'c.txt': '' });
  await (await openMachine(home)).ingest(documents);
  write('a.txt', 'Bay one.\n');
  write('c.txt', 'Bay three.\n');
  let isBroken = true;
  const machine = await openMachine(home, {
    env: { APEX_BATCH_SIZE: '1', APEX_CONCURRENCY: '1' },
    change: (parts) =>
      withStores(parts, ({ graph }) => ({
        graph: intercepted(graph, 'write', ({ args, go }) =>
          isBroken && (args[1] as { name: string }[]).some(({ name }) => name === 'c.txt')
            ? Promise.reject(new ProviderError('no answer', { code: 'APEX_PROVIDER', retryable: true }))
            : go(),
        ),
      })),
  });
  const ids = (await machine.quarantined()).map(({ documentId }) => documentId);
  expect((await machine.retry(ids)).summary).toMatchObject({ state: 'interrupted', exit_status: 75 });
  isBroken = false;
  const { summary, results } = await machine.retry(ids.toReversed());
  expect(summary).toMatchObject({ documents: 3, state: 'completed', exit_status: 3 });
  const outcomes = new Map(results.map(({ document_id, outcome }) => [document_id, outcome]));
  expect([...outcomes.values()].sort()).toEqual(expect.arrayContaining(['added', 'quarantined']));
  expect(dumpMemory(home)).toEqual(await undisturbed(documents));
});

describe('beside another process', () => {
  /** A machine that is held right before its first pivot, while the other one works. */
  const openHeld = (home: string, meanwhile: () => Promise<unknown>, change = (parts: Parts) => parts) =>
    openMachine(home, {
      change: (parts) =>
        withStores(change(parts), ({ records }) => ({
          records: intercepted(records, 'pivot', async ({ count, go }) => {
            if (count === 1) await meanwhile();
            return go();
          }),
        })),
    });

  test('that retries the same: both end well, and each document is there once', async () => {
    const { home, documents, write } = openCase({ 'a.txt': '', 'b.pdf': BROKEN, 'c.eml': mail('Gate.', '', 'Good.') });
    const other = await openMachine(home);
    await other.ingest(documents);
    write('a.txt', 'Bay nine.\n');
    const held = await openHeld(home, async () => {
      expect((await other.retry()).summary).toMatchObject({ added: 1, quarantined: 2, exit_status: 3 });
    });
    const { summary } = await held.retry();
    expect(summary).toMatchObject({ unchanged: 1, quarantined: 2, failed: 0, state: 'completed', exit_status: 3 });
    expect(dumpMemory(home)).toEqual(await undisturbed(documents));
    expect((await held.verify()).exit_status).toBe(0);
  });

  test('that ingests the same: a failure that comes late does not put back what is in by then', async () => {
    const { home, documents } = openCase({ 'a.txt': 'Bay nine.\n' });
    const timeout = failingAt('a.txt', parseError('TIMEOUT'));
    await (await openMachine(home, { change: timeout })).ingest(documents);
    const other = await openMachine(home);
    const held = await openHeld(home, () => other.retry(), timeout);
    await held.retry();
    expect(await other.quarantined()).toEqual([]);
    expect((await other.ingest(documents)).summary).toMatchObject({ unchanged: 1, quarantined: 0, exit_status: 0 });
    expect(dumpMemory(home)).toEqual(await undisturbed(documents));
  });

  test('that writes the mail anew: nothing of its old content comes in', async () => {
    const { home, documents, write } = openCase({ 'c.eml': mail('Gate one.', 'Bad one.', 'Bad two.') });
    const change = (parts: Parts) =>
      failingAt('a0.txt', parseError('TIMEOUT'))(failingAt('a1.txt', parseError('TIMEOUT'))(parts));
    await (await openMachine(home, { change })).ingest(documents);
    const other = await openMachine(home);
    // One of the attachments works by now, the other does not.
    const held = await openHeld(
      home,
      async () => {
        write('c.eml', mail('Gate two.'));
        await other.ingest(documents);
      },
      failingAt('a1.txt', parseError('TIMEOUT')),
    );
    expect((await held.retry()).summary).toMatchObject({ added: 0, state: 'completed' });
    expect(dumpMemory(home)).toEqual(await undisturbed(documents));
    expect((await held.verify()).exit_status).toBe(0);
  });
});

describe('what came by standard input', () => {
  const NOW = { STAGING_FAILED_RETENTION_HOURS: '0' };

  test.each([
    ['a document', 'Bay nine.\n', 'note.txt', ['note.txt']],
    ['an attachment of a mail', mail('Gate.', 'Bay nine.\n', 'Good.'), 'note.eml', ['a0.txt']],
  ])('%s is retried from the copy, which cleanup leaves alone until then', async (_, stdin, stdinName, names) => {
    const { home } = openCase();
    let isBroken = true;
    const change = (parts: Parts) =>
      names.reduce((changed, name) => failingAt(name, parseError('TIMEOUT'), () => isBroken)(changed), parts);
    const machine = await openMachine(home, { change, stdin, stdinName, env: NOW });
    expect((await machine.ingest('-')).summary).toMatchObject({ quarantined: 1 });
    for (const _ of [1, 2]) {
      await machine.cleanup();
      // A retry that fails leaves a copy of its own, and the older one is cleaned up.
      const copies = staged(home).length;
      expect((await machine.retry()).summary).toMatchObject({ documents: 1, quarantined: 1, exit_status: 3 });
      await machine.cleanup();
      expect(staged(home).length).toBe(copies);
    }
    isBroken = false;
    expect((await machine.retry()).summary).toMatchObject({ documents: 1, added: 1, exit_status: 0 });
    expect(await machine.search('nine')).toEqual(['Bay nine.']);
    await machine.cleanup();
    expect([staged(home), await machine.quarantined()]).toEqual([[], []]);
    expect((await machine.verify()).exit_status).toBe(0);
  });

  test('whose copy is gone: told, it stays, and delete takes it out', async () => {
    const { home } = openCase();
    const machine = await openMachine(home, { stdin: BROKEN, stdinName: 'a.pdf' });
    await machine.ingest('-');
    const [entry] = await machine.quarantined();
    await machine.parts.staging.forget([entry!.documentId], () => true);
    const { summary, results } = await machine.retry();
    expect(summary).toMatchObject({ quarantined: 1, exit_status: 3, state: 'completed' });
    expect(results[0]!.error).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('no longer kept') });
    expect(await machine.quarantined()).toEqual([entry]);
    expect((await machine.delete(entry!.documentId)).summary).toMatchObject({ deleted: 1, exit_status: 0 });
  });
});
