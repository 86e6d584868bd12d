import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStaging } from '../../../lib/staging/index.ts';
import { statsOf, tallyPortion } from '../../../lib/staging/stats.ts';
import { echoItem, echoSource } from '../../helpers/echo-source.ts';

const { signal } = new AbortController();
let base: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'apex-stats-'));
});
afterEach(() => rmSync(base, { recursive: true }));

const staging = () => openStaging({ base, maxBytes: 10_000_000, failedRetentionMs: 1, now: Date.now });

const stats = (manyDocuments?: number) =>
  statsOf({ base, maxBytes: 10_000_000, signal, ...(manyDocuments !== undefined && { manyDocuments }) });

/** Stages an item to wait. @returns the folder it lies in. */
function waiting(itemId: string, text: string, source = 'local_upload'): Promise<string> {
  return staging().items.receive(async (open) => {
    const folder = open();
    const origin = echoItem(text);
    await folder.stage(echoSource, origin, signal);
    const { item } = await folder.publish({ itemId, kind: 'document', source, group: '', origin });
    return dirname(item.path);
  });
}

const metadataBytes = (folder: string) => readFileSync(join(folder, '.metadata.json')).byteLength;

/** An area with what may lie in one: what waits, what a run has, what failed or is damaged, and what is no document. */
async function makeArea(): Promise<void> {
  for (let count = 1; count <= 600; count += 1) await makeCopy(count);
  const run = await staging().open('s3', 'doc-run', 'run-1');
  await run.stage(echoSource, echoItem('of a run'), signal);
  const failed = await staging().open('s3', 'doc-run', 'run-2');
  await failed.stage(echoSource, echoItem('failed'), signal);
  await failed.markFailed();
  writeFileSync(join(await waiting('damaged', 'damaged'), '.metadata.json'), '{"docu');
  mkdirSync(join(base, '.gone', 'x'), { recursive: true });
  writeFileSync(join(base, '.gone', 'x', 'staged'), 'going');
}

let pattern: string | null = null;

/** As if it had been staged, without the time that a synced file takes. */
async function makeCopy(count: number): Promise<void> {
  const source = count % 3 === 0 ? 'https' : 'local_upload';
  pattern ??= readFileSync(join(await waiting('pattern', 'pattern'), '.metadata.json'), 'utf8');
  const folder = join(base, source, `doc-${count}`, 'waiting');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const metadata = JSON.parse(pattern) as object;
  const own = { document_id: `doc-${count}`, source, file_size_bytes: count % 400 };
  writeFileSync(join(folder, '.metadata.json'), JSON.stringify({ ...metadata, ...own }));
  writeFileSync(join(folder, 'staged'), 'x'.repeat(count % 400));
}

test('counting with the help of threads tells what one thread tells', async () => {
  await makeArea();
  const alone = await stats();
  expect(alone).toMatchObject({
    documents: 604,
    byStatus: [
      { name: 'active', documents: 602 },
      { name: 'damaged', documents: 1 },
      { name: 'failed', documents: 1 },
    ],
    largest: { documentId: 'doc-399', bytes: 399 },
  });
  expect(alone.usedBytes - alone.bySource.reduce((sum, { bytes }) => sum + bytes, 0)).toBe('going'.length);
  expect(await stats(1)).toEqual(alone);
});

test('each folder of a document counts: what waits, what a run has taken, and what runs work on', async () => {
  const folder = await waiting('doc-1', 'first');
  renameSync(folder, `${folder}@run-1`);
  await waiting('doc-1', 'second');
  const run = await staging().open('local_upload', 'doc-1', 'run-2');
  await run.stage(echoSource, echoItem('third'), signal);
  expect(await stats()).toMatchObject({ documents: 3 });
});

test('a file beside what waits is no document, and no folder is followed that is a link', async () => {
  const folder = await waiting('doc-1', 'first');
  writeFileSync(join(dirname(folder), 'note'), 'a note');
  expect(await stats()).toMatchObject({ documents: 1, usedBytes: metadataBytes(folder) + 'first'.length });
  const elsewhere = mkdtempSync(join(tmpdir(), 'apex-elsewhere-'));
  renameSync(folder, join(elsewhere, 'waiting'));
  symlinkSync(join(elsewhere, 'waiting'), folder);
  expect(await stats()).toMatchObject({ documents: 0 });
  // As many links to the document's folder as when the one folder in it is what waits.
  const run = await staging().open('local_upload', 'doc-1', 'run-2');
  await run.stage(echoSource, echoItem('of the run'), signal);
  expect(await stats()).toMatchObject({ documents: 1, largest: { bytes: 'of the run'.length } });
  rmSync(elsewhere, { recursive: true });
});

test('what is removed meanwhile is missing, and no error', async () => {
  await waiting('doc-1', 'first');
  expect(tallyPortion({ path: join(base, 'local_upload'), names: ['doc-1', 'gone'] })).toMatchObject({ documents: 1 });
});

test('a signal ends the counting', async () => {
  await waiting('doc-1', 'first');
  const aborted = AbortSignal.abort(new Error('stopped'));
  await expect(statsOf({ base, maxBytes: 1, signal: aborted })).rejects.toThrow('stopped');
});
