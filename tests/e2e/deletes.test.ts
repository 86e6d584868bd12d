import { execa } from 'execa';
import { expect, test } from 'vitest';
import { openCase } from '../helpers/case.ts';
import { dumpMemory } from '../helpers/dump.ts';

/**
 * Goal: what is deleted is gone, and nothing else is. Method: a word that stands in a text, its title, its entities, its attachments
 * is looked for in every byte of the data directory afterwards.
 */

const CANARY = 'zyzzyvaquince';

/** Files of the data directory that hold the word, in any case. */
async function filesWithCanary(home: string): Promise<string[]> {
  const { stdout } = await execa('grep', ['-rlai', CANARY, home], { reject: false });
  return stdout === '' ? [] : stdout.split('\n').map((path) => path.slice(home.length + 1));
}

function mail(text: string, ...attachments: string[]): string {
  const parts = attachments.map(
    (body, index) =>
      `--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename="a${index}.txt"\nContent-Transfer-Encoding: base64\n\n${btoa(body)}\n`,
  );
  return `From: a@example.com\nTo: b@example.com\nSubject: ${CANARY} dock\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\n${text}\n${parts.join('')}--b--\n`;
}

const SECRET = `# The ${CANARY} contract\n\nDate: January 20, 2026\n\nLoad number: LD-700001\nCarrier: ${CANARY} Freight LLC\n\nWrite to ${CANARY}@example.com.\n`;

const OTHERS = {
  'b.txt': 'Bay nine is free.\n',
  'c.md': '# Load\n\nLoad number: LD-700001\nCarrier: Farrow Freight LLC\n',
};

/** Everything of the documents that stay. */
function kept(home: string): unknown {
  const { documents, chunks, vectors, mentions, relations, facts } = dumpMemory(home, (uri) => !/\/a\.\w+/.test(uri));
  return { documents, chunks, vectors, mentions, relations, facts };
}

/** So long that it fills pages of its own everywhere. */
const LONG = Array.from({ length: 300 }, (_, index) => `## Part ${index}\n\n${SECRET} ${index}\n`).join('\n');

test.each([
  ['a long text', { 'a.md': LONG }, 1],
  ['a text, its title, its entities', { 'a.md': SECRET }, 1],
  ['a mail and what came in it', { 'a.eml': mail(`The ${CANARY} door.`, `An ${CANARY}.`, `Another ${CANARY}.`) }, 3],
])(
  '%s: after the delete no file holds a byte of it, and the other documents are as they were',
  async (_, files, count) => {
    const { home, write, ingest, run, idOf, search, verify } = openCase(OTHERS);
    await ingest();
    const before = kept(home);
    for (const [name, content] of Object.entries(files)) write(name, content as string);
    expect((await ingest()).summary).toMatchObject({ added: count, exit_status: 0 });
    expect(await filesWithCanary(home)).toEqual(['memory.db']);
    const deleted = await run('delete', await idOf(Object.keys(files)[0]!));
    expect(deleted.lines.at(-1)).toMatchObject({ deleted: count, exit_status: 0 });
    expect(await filesWithCanary(home)).toEqual([]);
    expect(await search(CANARY)).toEqual([]);
    expect([kept(home), await verify()]).toEqual([before, 0]);
  },
);

test('an old text is gone with its version', async () => {
  const { home, write, ingest } = openCase({ ...OTHERS, 'a.md': SECRET });
  await ingest();
  write('a.md', 'Nothing to see.\n');
  await ingest();
  expect(await filesWithCanary(home)).toEqual([]);
});

test.each(['records.pivot:after', 'graph.retire:after', 'records.retire:after', 'journal.append.batch_done:before'])(
  'a delete that is killed at %s and resumed leaves nothing either',
  async (point) => {
    const { home, ingest, kill, run, idOf, verify } = openCase({ ...OTHERS, 'a.md': SECRET });
    await ingest();
    await kill(point, 'delete', await idOf('a.md'));
    expect((await run('resume')).exitCode).toBe(0);
    expect([await filesWithCanary(home), await verify()]).toEqual([[], 0]);
  },
);

test('text that another document has too stays there, and is gone with the last', async () => {
  const { home, ingest, run, idOf, search } = openCase({ 'a.txt': `The ${CANARY}.\n`, 'b.txt': `The ${CANARY}.\n` });
  await ingest();
  await run('delete', await idOf('a.txt'));
  expect(await search(CANARY)).toEqual([`The ${CANARY}.`]);
  await run('delete', await idOf('b.txt'));
  expect(await filesWithCanary(home)).toEqual([]);
});

test('a document that was set aside is deleted with its staged bytes, and its attachments with a mail', async () => {
  const broken = `%PDF-1.7 ${CANARY}`;
  const { home, ingest, run } = openCase({ 'a.pdf': broken, 'a.eml': mail('Text.', broken), ...OTHERS });
  expect((await ingest()).summary).toMatchObject({ added: 3, quarantined: 2, exit_status: 3 });
  expect((await filesWithCanary(home)).filter((path) => path.startsWith('staging/'))).not.toEqual([]);
  const { lines: setAside } = await run('documents', 'list', '--quarantined');
  const pdf = setAside.find(({ source_uri }) => String(source_uri).endsWith('a.pdf'))!;
  const { lines: current } = await run('documents', 'list');
  const eml = current.find(({ source_uri }) => String(source_uri).endsWith('a.eml'))!;
  const deleted = await run('delete', String(pdf['document_id']), String(eml['document_id']));
  expect(deleted.lines.at(-1)).toMatchObject({ deleted: 3, exit_status: 0 });
  expect((await run('documents', 'list', '--quarantined')).stdout).toBe('');
  expect(await filesWithCanary(home)).toEqual([]);
});

test('an attachment that was set aside leaves quarantine when its mail no longer has it', async () => {
  const broken = '%PDF-1.7 and nothing else';
  const { write, ingest, run, verify } = openCase({ 'a.eml': mail('Text.', broken, 'Good.') });
  expect((await ingest()).summary).toMatchObject({ added: 2, quarantined: 1, exit_status: 3 });
  expect((await ingest()).summary).toMatchObject({ unchanged: 2, quarantined: 1, exit_status: 3 });
  write('a.eml', mail('Text.'));
  expect((await ingest()).summary).toMatchObject({ updated: 1, deleted: 2, quarantined: 0, exit_status: 0 });
  expect((await ingest()).summary).toMatchObject({ unchanged: 1, quarantined: 0, exit_status: 0 });
  expect([(await run('documents', 'list', '--quarantined')).stdout, await verify()]).toEqual(['', 0]);
});

test('an id that names nothing: exit 2 and said, and the others are deleted', async () => {
  const { ingest, run, idOf, search } = openCase(OTHERS);
  await ingest();
  const { exitCode, lines } = await run('delete', 'nothing', await idOf('b.txt'), 'nothing either');
  expect(exitCode).toBe(2);
  expect(lines.filter(({ event }) => event === 'problem').map(({ uri, code }) => [uri, code])).toEqual([
    ['nothing', 'NOT_FOUND'],
    ['nothing either', 'NOT_FOUND'],
  ]);
  expect(lines.at(-1)).toMatchObject({ deleted: 1, state: 'completed', exit_status: 2 });
  expect([await search('bay'), await search('Farrow')]).toEqual([[], [expect.stringContaining('Farrow')]]);
});
