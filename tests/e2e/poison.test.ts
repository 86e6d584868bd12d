import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { JournalError, ProviderError } from '../../lib/contracts/errors.ts';
import { replayRun } from '../../src/journal/replay.ts';
import { openCase } from '../helpers/case.ts';
import { openMachine } from '../helpers/machine.ts';
import { openOpenAiServer } from '../helpers/openai-server.ts';
import { never } from '../helpers/records.ts';

/**
 * Goal: a document that kills whatever works on it costs itself alone. Method: a crash point that is reached only with that
 * document, in the main process and in the process that it is later given to.
 */

/** The parser is never reached with this document: whatever process asks for it dies. */
const POISON = 'parsers.parse:before#poison.txt';

const GOOD = {
  'a.txt': 'Bay nine is free.\n',
  'b.txt': 'Bay ten is free.\n',
  'z.md': '# Gate\n\nGate four is shut.\n',
};

/** A folder with one poisonous document, after it has killed three processes that worked on all. */
async function openPoisoned(point = POISON) {
  const opened = openCase({ ...GOOD, 'poison.txt': 'A text that kills.\n' }, { APEX_CRASH_POINT: point });
  for (const _ of [1, 2, 3]) {
    const killed = await opened.run('ingest', opened.documents);
    expect(killed.signal, killed.stderr).toBe('SIGKILL');
  }
  return opened;
}

test.each([
  ['parse', POISON],
  ['stage', 'source.copy:before#poison.txt'],
])(
  'a document that kills at %s is taken alone after three deaths, kills three more, and is quarantined; the others are written',
  async (step, point) => {
    const { ingest, search, verify, run, write, runWith, documents } = await openPoisoned(point);
    const { summary, of } = await ingest();
    expect(summary).toMatchObject({ added: 3, quarantined: 1, state: 'completed', exit_status: 3 });
    expect(of('poison.txt')).toMatchObject({
      outcome: 'quarantined',
      error: { code: 'CRASHED', retryable: false, step },
    });
    expect((await search('bay')).length + (await search('gate')).length).toBe(3);
    expect(await verify()).toBe(0);
    const { lines } = await run('documents', 'list', '--quarantined');
    expect(lines).toMatchObject([{ error: { code: 'CRASHED' }, source_uri: expect.stringMatching(/poison\.txt$/) }]);

    // It is remembered, so the next run lets it kill nobody.
    expect((await ingest()).summary).toMatchObject({ unchanged: 3, quarantined: 1, exit_status: 3 });
    write('poison.txt', 'A text that is harmless by now.\n');
    const healed = await runWith({ APEX_CRASH_POINT: '' }, 'ingest', documents);
    expect(healed.lines.at(-1)).toMatchObject({ added: 1, unchanged: 3, quarantined: 0, exit_status: 0 });
  },
);

test('attempts are journaled before they are made, and each suspect is a batch of its own after all others', async () => {
  const { home, documents, ingest, write } = await openPoisoned();
  write('0-new.txt', 'Bay one is free.\n');
  expect((await ingest()).summary).toMatchObject({ added: 4, quarantined: 1 });
  const machine = await openMachine(home);
  const [run] = await machine.runs();
  const entries = await Array.fromAsync(machine.parts.registry.readEntries(run!.runId));
  expect(run!.targets).toEqual([documents]);
  const attempts = entries.flatMap(({ entry }) => (entry.kind === 'isolated_attempt' ? [entry] : []));
  const attemptsAt = new Map<string, number[]>();
  for (const { documentId, attempt } of attempts)
    attemptsAt.set(documentId, [...(attemptsAt.get(documentId) ?? []), attempt]);
  expect([...attemptsAt.values()].toSorted()).toEqual([[1], [1], [1], [1, 2, 3]]);
  const { batches } = await replayRun(machine.parts.registry.readEntries(run!.runId));
  expect(batches.filter(({ state }) => state === 'done').map(({ items }) => items.length)).toEqual([1, 1, 1, 1, 1]);
  const isIsolated = entries.flatMap(({ entry }) => (entry.kind === 'batch_assigned' ? [entry.isIsolated] : []));
  expect(isIsolated).toEqual([false, false, false, false, true, true, true, true]);
});

test('a poisonous attachment is quarantined, and its mail is written', async () => {
  const mail = `From: a@example.com\nTo: b@example.com\nSubject: Dock\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nDoor four is shut.\n--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename="poison.txt"\n\nA text that kills.\n--b--\n`;
  const opened = openCase({ 'note.eml': mail, ...GOOD }, { APEX_CRASH_POINT: POISON });
  for (const _ of [1, 2, 3]) expect((await opened.run('ingest', opened.documents)).signal).toBe('SIGKILL');
  const { summary, of } = await opened.ingest();
  expect(summary).toMatchObject({ added: 4, quarantined: 1, exit_status: 3 });
  expect(of('note.eml#attachment-1')).toMatchObject({ outcome: 'quarantined', error: { code: 'CRASHED' } });
  expect(await opened.search('door')).toHaveLength(1);
  expect(await opened.verify()).toBe(0);
  expect((await opened.ingest()).summary).toMatchObject({ unchanged: 4, quarantined: 1, exit_status: 3 });
});

test('deaths of the main process during attempts count against nobody, and the attempts go on where they were', async () => {
  const { home, documents } = await openPoisoned();
  const open = (mainDiesAt: number) => {
    let asked = 0;
    return openMachine(home, {
      change: (parts) => ({
        ...parts,
        prepareIsolated: async ({ item: { name } }) => {
          if (name !== 'poison.txt') return 'prepared';
          asked += 1;
          // What a death of the main process leaves: a journal that ends here.
          if (asked === mainDiesAt) throw new JournalError('the main process died', { code: 'APEX_JOURNAL' });
          return 'died';
        },
      }),
    });
  };
  for (const mainDiesAt of [1, 2, 1, 1, 1]) {
    const machine = await open(mainDiesAt);
    await expect(machine.ingest(documents)).rejects.toThrow('the main process died');
    await machine.close();
  }
  const machine = await open(0);
  const { summary } = await machine.ingest(documents);
  expect(summary).toMatchObject({ quarantined: 1, unchanged: 2, added: 1, state: 'completed', exit_status: 3 });
  const entries = await Array.fromAsync(machine.parts.registry.readEntries(summary.run_id));
  const poison = (await machine.machine.listQuarantined({ afterDocumentId: null, limit: 9, reason: null }, never))[0]!
    .documentId;
  const attempts = entries.flatMap(({ entry }) =>
    entry.kind === 'isolated_attempt' && entry.documentId === poison ? [entry.attempt] : [],
  );
  expect(attempts).toEqual([1, 1, 2, 2, 2, 2, 2, 3]);
});

test('the process that a document is given to has every setting, also those from files and of the embedder', async () => {
  const server = await openOpenAiServer();
  const { home, documents, write } = openCase({ ...GOOD, 'poison.txt': 'A text that kills.\n' });
  const { OPENAI_API_KEY, ...inFile } = server.env;
  write('../folder/apex.config.json', JSON.stringify({ ...inFile, APEX_HOME: home, APEX_CRASH_POINT: POISON }));
  write('../folder/.env', `OPENAI_API_KEY=${OPENAI_API_KEY}\nSTAGING_BASE_DIR=elsewhere\n`);
  const cwd = join(documents, '..', 'folder');
  const ingest = () =>
    execa(process.execPath, [join(process.cwd(), 'bin/apex.js'), 'ingest', documents, '--json'], {
      ...{ cwd, reject: false, stdin: 'ignore', env: { NO_COLOR: '1' } },
    });
  for (const _ of [1, 2, 3]) expect((await ingest()).signal).toBe('SIGKILL');
  const calls = server.calls.length;
  const { stdout, stderr } = await ingest();
  expect(JSON.parse(stdout.split('\n').at(-1)!), stderr).toMatchObject({
    ...{ added: 3, quarantined: 1, exit_status: 3 },
    // The processes they were given to asked and left the answers in the cache; what they used is counted here.
    ...{ embedding_calls: 3, embedded_texts: 3 },
  });
  expect(server.calls.length - calls).toBe(3);
  expect(readdirSync(join(cwd, 'elsewhere', 'local_upload'))).toHaveLength(1);
});

test('a failure that is no death is reported as it is, after one attempt', async () => {
  const { home, documents, write, runWith } = await openPoisoned();
  write('poison.txt', '%PDF-1.7 and nothing else');
  const { lines } = await runWith({ APEX_CRASH_POINT: '' }, 'ingest', documents);
  expect(lines.at(-1)).toMatchObject({ added: 3, quarantined: 1, exit_status: 3 });
  expect(lines.find(({ outcome }) => outcome === 'quarantined')!['error']).toMatchObject({
    ...{ code: 'CORRUPT', step: 'parse', message: expect.stringContaining('') },
  });
  const machine = await openMachine(home);
  const entries = await Array.fromAsync(machine.parts.registry.readEntries(String(lines.at(-1)!['run_id'])));
  expect(entries.filter(({ entry }) => entry.kind === 'isolated_attempt')).toHaveLength(4);
});

test('a failure that is not the document’s own stops the run: the document is not let near the main process', async () => {
  const { home, documents, ingest } = await openPoisoned();
  const machine = await openMachine(home, {
    env: { APEX_CRASH_LOG: join(home, 'points.log') },
    change: (parts) => ({
      ...parts,
      prepareIsolated: async () => {
        throw new ProviderError('the endpoint does not answer', { code: 'APEX_PROVIDER', retryable: true });
      },
    }),
  });
  const { summary } = await machine.ingest(documents);
  expect(summary).toMatchObject({ added: 0, quarantined: 0, state: 'interrupted', exit_status: 75 });
  expect(readFileSync(join(home, 'points.log'), 'utf8')).not.toContain('parsers.parse');
  await machine.close();
  expect((await ingest()).summary).toMatchObject({ added: 3, quarantined: 1, exit_status: 3 });
});
