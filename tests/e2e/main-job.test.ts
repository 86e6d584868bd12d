import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { dumpMemory } from '../helpers/dump.ts';
import { apex, newFolder } from '../helpers/program.ts';

/** A folder that goes when the test ends. */
function openFolder(): string {
  const folder = newFolder('main');
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('the sample documents are ingested, verified, found, and cost nothing the second time', async () => {
  const home = openFolder();
  const first = await apex(['ingest', 'fixtures/sample', '--json'], { home });
  expect(first.exitCode).toBe(0);
  expect(first.lines.at(-1)).toMatchObject({
    event: 'summary',
    documents: 9,
    added: 9,
    quarantined: 0,
    state: 'completed',
  });
  expect((await apex(['verify', '--json'], { home })).lines).toEqual([
    expect.objectContaining({ differences: 0, exit_status: 0 }),
  ]);
  const before = dumpMemory(home);
  const fileBefore = readFileSync(join(home, 'memory.db'));
  const second = await apex(['ingest', 'fixtures/sample', '--json'], { home });
  expect(second.lines.at(-1)).toMatchObject({ documents: 9, unchanged: 9, embedding_calls: 0, batches: 0 });
  expect(dumpMemory(home)).toEqual(before);
  expect(readFileSync(join(home, 'memory.db')).equals(fileBefore), 'not a byte of the memory was written').toBe(true);
  for (const mode of ['hybrid', 'vector', 'keyword', 'graph']) {
    const { lines } = await apex(['search', 'LD-20418', '--mode', mode, '--limit', '3', '--json'], { home });
    expect(lines[0], mode).toMatchObject({ rank: 1, text: expect.stringContaining('LD-20418') });
  }
});

test('a document changes: its new text is found, its old text is gone, the facts it closed are closed', async () => {
  const home = openFolder();
  const documents = join(openFolder(), 'documents');
  cpSync('fixtures/sample', documents, { recursive: true });
  await apex(['ingest', documents], { home });
  const closed = dumpMemory(home)['relations']!.filter((row) => (row as { invalid_at: unknown }).invalid_at !== null);
  expect(closed.length, 'the later mail closes the earlier carrier').toBeGreaterThan(0);
  writeFileSync(join(documents, 'dock-note.txt'), 'The zebra door is closed.');
  const updated = await apex(['ingest', documents, '--json'], { home });
  expect(updated.lines.at(-1)).toMatchObject({ updated: 1, unchanged: 8, embedded_texts: 1 });
  const { lines } = await apex(['search', 'zebra', '--mode', 'keyword', '--json'], { home });
  expect(lines).toHaveLength(1);
  expect(dumpMemory(home)['leftovers']!.every((row) => (row as { rows: number }).rows === 0)).toBe(true);
});

test('two ingests of the same documents at once both end well and leave one memory', async () => {
  const home = openFolder();
  const runs = await Promise.all([1, 2].map(() => apex(['ingest', 'fixtures/sample', '--json'], { home })));
  expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  const alone = openFolder();
  await apex(['ingest', 'fixtures/sample'], { home: alone });
  expect(dumpMemory(home)).toEqual(dumpMemory(alone));
  expect((await apex(['verify'], { home })).exitCode).toBe(0);
});
