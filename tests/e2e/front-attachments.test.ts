import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../lib/contracts/identity.ts';
import { onMemory } from '../helpers/case.ts';
import { openFrontCase } from '../helpers/front-case.ts';

/**
 * Goal: files that came in mail are documents like others, each once, at the cost of what is new. Method: the built program asks a
 * loopback server that answers as Front documents; what it was asked is looked at.
 */

test('a conversation stands for the files of all its messages and comments, page after page, without pictures inside the text', async () => {
  const front = await openFrontCase();
  front.api.pageRows = 2;
  for (const number of [1, 2, 3]) front.message('cnv_a', `msg_${number}`, { id: `fil_${number}` });
  front.message('cnv_a', 'msg_4', { id: 'fil_logo', name: 'logo.png', type: 'image/png', isInline: true });
  front.comment('cnv_a', 'com_1', { id: 'fil_5' });
  front.message('cnv_b', 'msg_9', { id: 'fil_9' });
  const { exitCode, outcomes, stderr } = await front.ingest('cnv_a');
  expect([exitCode, stderr]).toEqual([0, 'warning: cnv_a: pictures inside the text were passed over (1)']);
  expect(outcomes).toEqual({
    'front:cnv_a/com_1/fil_5': 'added',
    'front:cnv_a/msg_1/fil_1': 'added',
    'front:cnv_a/msg_2/fil_2': 'added',
    'front:cnv_a/msg_3/fil_3': 'added',
  });
  expect(front.api.requests.some(({ path }) => path.includes('fil_logo'))).toBe(false);
});

test('a document tells what it came in, by whom, when and about what; and is found', async () => {
  const front = await openFrontCase();
  front.message('cnv_a', 'msg_1', { id: 'fil_1', name: 'note.txt' });
  await front.ingest('msg_1');
  const [listed] = await front.documents();
  expect(listed).toMatchObject({ source: 'frontapp', source_uri: 'front:cnv_a/msg_1/fil_1', name: 'note.txt' });
  const { lines } = await front.run('documents', 'show', String(listed!['document_id']));
  expect(lines[0]!['document']).toMatchObject({
    metadata: {
      origin: {
        ...{ conversation_id: 'cnv_a', message_id: 'msg_1', attachment_id: 'fil_1', subject: 'Delivery' },
        ...{ sender: 'dispatch@acme-trucking.com', sent_at: '2025-10-09T08:53:21.000Z' },
      },
    },
  });
  expect(await front.search('bay nine')).toHaveLength(1);
});

test('a file that was met before is not asked for again, however it is named; a second run writes nothing', async () => {
  const front = await openFrontCase();
  front.message('cnv_a', 'msg_1', { id: 'fil_1' }, { id: 'fil_2' });
  await front.ingest('cnv_a');
  front.asked();
  const memory = () => sha256(readFileSync(join(front.home, 'memory.db')));
  const before = memory();
  expect((await front.ingest('cnv_a')).outcomes).toEqual({
    'front:cnv_a/msg_1/fil_1': 'unchanged',
    'front:cnv_a/msg_1/fil_2': 'unchanged',
  });
  expect(memory()).toBe(before);
  expect((await front.ingest('msg_1', 'fil_2')).outcomes).toMatchObject({ 'front:cnv_a/msg_1/fil_2': 'unchanged' });
  expect((await front.ingest('fil_1')).outcomes).toEqual({ 'front:fil_1': 'unchanged' });
  expect(front.asked().filter((path) => path.includes('download'))).toEqual([]);
});

describe('the same file in two messages is one document with two places', () => {
  const same = 'Bay nine is free from noon.';

  test('in one run, in later ones, in a plan, and out of staging', async () => {
    const front = await openFrontCase();
    front.message('cnv_a', 'msg_1', { id: 'fil_1', text: same });
    front.message('cnv_a', 'msg_2', { id: 'fil_2', text: same });
    front.message('cnv_b', 'msg_3', { id: 'fil_3', text: same });
    const plan = await front.run('ingest', '--dry-run', '--source', 'frontapp', 'cnv_a');
    expect(plan.lines.at(-1)).toMatchObject({ add: 1, unchanged: 1 });
    const first = await front.ingest('cnv_a');
    expect([first.exitCode, first.stderr, first.outcomes]).toEqual([
      ...[0, ''],
      { 'front:cnv_a/msg_1/fil_1': 'added', 'front:cnv_a/msg_2/fil_2': 'unchanged' },
    ]);
    expect(await front.places()).toEqual(['front:cnv_a/msg_1/fil_1 front:cnv_a/msg_2/fil_2']);
    expect((await front.run('stage', '--source', 'frontapp', 'msg_3')).exitCode).toBe(0);
    expect((await front.run('ingest', '--staged')).lines.at(-1)).toMatchObject({ unchanged: 1, exit_status: 0 });
    const all = ['front:cnv_a/msg_1/fil_1', 'front:cnv_a/msg_2/fil_2', 'front:cnv_b/msg_3/fil_3'];
    expect(await front.places()).toEqual([all.join(' ')]);
    expect((await front.run('staging', 'list')).lines.filter(({ event }) => event === 'staged_item')).toEqual([]);
    front.asked();
    expect((await front.ingest('cnv_a', 'cnv_b')).lines.at(-1)).toMatchObject({ unchanged: 3, added: 0 });
    expect(front.asked().filter((path) => path.includes('download'))).toEqual([]);
    expect([await front.verify(), await front.search('bay nine')]).toEqual([0, [same]]);
  });

  test('it stays as long as one message has it, and goes with the last', async () => {
    const front = await openFrontCase();
    front.message('cnv_a', 'msg_1', { id: 'fil_1', text: same });
    front.message('cnv_a', 'msg_9', { id: 'fil_9', text: 'Bay ten is closed.' });
    front.message('cnv_b', 'msg_2', { id: 'fil_2', text: same });
    front.message('cnv_b', 'msg_8', { id: 'fil_8', text: 'Bay eleven is closed.' });
    await front.ingest('cnv_a', 'cnv_b');
    front.remove('msg_1');
    const { exitCode, lines } = await front.ingest('--sync', 'cnv_a');
    expect([exitCode, lines.at(-1)!['deleted']]).toEqual([0, 0]);
    expect(await front.places()).toEqual([
      'front:cnv_a/msg_9/fil_9',
      'front:cnv_b/msg_2/fil_2',
      'front:cnv_b/msg_8/fil_8',
    ]);
    front.remove('msg_2');
    const plan = await front.run('ingest', '--dry-run', '--sync', '--source', 'frontapp', 'cnv_b');
    expect(plan.lines.at(-1)).toMatchObject({ delete: 1 });
    expect((await front.ingest('--sync', 'cnv_b')).lines.at(-1)).toMatchObject({ deleted: 1, exit_status: 0 });
    expect(await front.places()).toEqual(['front:cnv_a/msg_9/fil_9', 'front:cnv_b/msg_8/fil_8']);
    expect([await front.verify(), await front.search('noon')]).toEqual([0, []]);
  });

  test('under other settings it is written again, once', async () => {
    const front = await openFrontCase();
    front.message('cnv_a', 'msg_1', { id: 'fil_1', text: same });
    front.message('cnv_a', 'msg_2', { id: 'fil_2', text: same });
    await front.ingest('cnv_a');
    const again = () => front.runWith({ APEX_CHUNK_TOKENS: '77' }, 'ingest', '--source', 'frontapp', 'cnv_a');
    expect((await again()).lines.at(-1)).toMatchObject({ updated: 1, added: 0, batches: 1, exit_status: 0 });
    expect((await again()).lines.at(-1)).toMatchObject({ updated: 0, unchanged: 2 });
    expect(await front.places()).toEqual(['front:cnv_a/msg_1/fil_1 front:cnv_a/msg_2/fil_2']);
  });

  test('when it is damaged, it is healed from wherever it still is', async () => {
    const front = await openFrontCase();
    front.message('cnv_a', 'msg_1', { id: 'fil_1', text: same });
    front.message('cnv_a', 'msg_2', { id: 'fil_2', text: same });
    const { events } = await front.ingest('cnv_a');
    expect(new Set(events('document').map(({ version }) => version))).toEqual(new Set([1]));
    front.api.files.delete('fil_1');
    onMemory(front.home, (db) => db.exec("UPDATE chunk SET text = 'Bay one.'"));
    const { exitCode } = await front.run('verify', '--repair');
    expect([exitCode, await front.verify(), await front.search('noon')]).toEqual([0, 0, [same]]);
    const { lines } = await front.run('documents', 'show', await front.idOf('fil_2'));
    expect(lines[0]!['places']).toMatchObject([
      { source_uri: 'front:cnv_a/msg_1/fil_1' },
      { source_uri: 'front:cnv_a/msg_2/fil_2', metadata: { message_id: 'msg_2' } },
    ]);
  });

  test('a kill before the second place is noted leaves nothing that the next run does not mend', async () => {
    const front = await openFrontCase();
    front.message('cnv_a', 'msg_1', { id: 'fil_1', text: same });
    front.message('cnv_a', 'msg_2', { id: 'fil_2', text: same });
    await front.kill('records.notePlaces:before', 'ingest', '--source', 'frontapp', 'cnv_a');
    expect((await front.ingest('cnv_a')).exitCode).toBe(0);
    expect(await front.places()).toEqual(['front:cnv_a/msg_1/fil_1 front:cnv_a/msg_2/fil_2']);
  });
});

describe('--sync of a conversation', () => {
  test('deletes what is gone, and leaves what a page passed over', async () => {
    const front = await openFrontCase();
    for (const number of [1, 2, 3]) front.message('cnv_a', `msg_${number}`, { id: `fil_${number}` });
    await front.ingest('cnv_a');
    front.remove('msg_1');
    front.api.unlisted.add('msg_2');
    const { exitCode, lines } = await front.ingest('--sync', 'cnv_a');
    expect([exitCode, lines.at(-1)]).toMatchObject([0, { deleted: 1, unchanged: 1 }]);
    expect(await front.places()).toEqual(['front:cnv_a/msg_2/fil_2', 'front:cnv_a/msg_3/fil_3']);
  });

  test('deletes nothing when the listing broke off, or the conversation cannot be listed', async () => {
    const front = await openFrontCase();
    for (const number of [1, 2, 3]) front.message('cnv_a', `msg_${number}`, { id: `fil_${number}` });
    await front.ingest('cnv_a');
    front.remove('msg_1');
    front.api.pageRows = 1;
    front.api.interfere = ({ query }) =>
      query['page_token'] === undefined ? null : { status: 403, body: { _error: { status: 403 } } };
    const broken = await front.ingest('--sync', 'cnv_a');
    expect([broken.exitCode, broken.lines.at(-1)!['deleted']]).toEqual([78, 0]);
    expect(broken.stderr).toContain('nothing is deleted under cnv_a');
    front.api.interfere = () => null;
    front.api.conversations.splice(0);
    const missing = await front.ingest('--sync', 'cnv_a');
    expect([missing.exitCode, missing.lines.at(-1)!['deleted']]).toEqual([2, 0]);
    expect(await front.documents()).toHaveLength(3);
  });
});

test('a conversation that was merged into another is read there, and its documents stay', async () => {
  const front = await openFrontCase();
  front.message('cnv_a', 'msg_1', { id: 'fil_1' });
  await front.ingest('cnv_a');
  front.api.messages.splice(0);
  front.message('cnv_b', 'msg_1', { id: 'fil_1' });
  front.api.merged.set('cnv_a', 'cnv_b');
  const { exitCode, lines } = await front.ingest('--sync', 'cnv_a');
  expect([exitCode, lines.at(-1)]).toMatchObject([0, { unchanged: 1, deleted: 0 }]);
  expect(await front.places()).toEqual(['front:cnv_a/msg_1/fil_1 front:cnv_b/msg_1/fil_1']);
});
