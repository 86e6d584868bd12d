import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ApiAnswer, Misbehaviour } from '../helpers/api-server.ts';
import { openCase } from '../helpers/case.ts';
import { openFrontCase } from '../helpers/front-case.ts';
import { openWebServer } from '../helpers/web-server.ts';

/**
 * Goal: whatever Front, or the storage it leads to, does about one file costs that file, and no token goes anywhere else. Method: the
 * built program is given one conversation with a file for each kind of trouble, beside some that are well.
 */

const MEGABYTE = 1_048_576;
const HERE = { SOURCE_ALLOWED_HOSTS: '127.0.0.1', SOURCE_ALLOW_HTTP: 'on' };
const PAGE = '<!DOCTYPE html>\n<html><body>Canary: sign in</body></html>';

const status = (code: number, headers: Record<string, string> = { 'retry-after': '0' }): ApiAnswer => ({
  ...{ status: code, headers },
  body: { _error: { status: code, message: 'Canary' } },
});

/** What the API does about each file. */
const TROUBLE: { readonly [id: string]: ApiAnswer | Misbehaviour } = {
  ...Object.fromEntries([401, 403, 404, 410, 418, 408, 429, 500, 503].map((code) => [`fil_${code}`, status(code)])),
  ...{ fil_cut: 'cut', fil_stalled: 'stall', fil_dropped: 'drop', fil_endless: 'flood', fil_silent: 'hang' },
  fil_page: { status: 200, body: PAGE },
  fil_private: { status: 302, headers: { location: 'http://10.0.0.1/x?Signature=Canary' }, body: {} },
  fil_cloud: { status: 302, headers: { location: 'http://169.254.169.254/latest/meta-data/' }, body: {} },
  fil_user: { status: 302, headers: { location: 'http://user:Canary@127.0.0.1/' }, body: {} },
  fil_other: { status: 302, headers: { location: 'file:///etc/passwd' }, body: {} },
};

test('of many files those that are well are taken, the others set aside each for its reason, and nothing that a server said is shown', async () => {
  const front = await openFrontCase({ ...HERE, APEX_MAX_FILE_MB: '1', APEX_ANSWER_MS: '500', APEX_CONCURRENCY: '16' });
  const ids = Object.keys(TROUBLE);
  front.message('cnv_a', 'msg_1', ...ids.map((id) => ({ id, name: `${id}.pdf` })), { id: 'fil_well' });
  front.message('cnv_a', 'msg_2', { id: 'fil_told', size: 2 * MEGABYTE }, { id: 'fil_large', size: 3 });
  front.api.files.set('fil_large', Buffer.alloc(2 * MEGABYTE, 'x'));
  front.message('cnv_a', 'msg_3', { id: 'fil_path', name: '../../etc/pass\u0000wd\u202e.txt' });
  front.api.interfere = ({ path }) => TROUBLE[path.split('/').at(-1)!] ?? null;
  const { lines, exitCode, stdout, stderr, events } = await front.ingest('cnv_a');
  expect([exitCode, lines.at(-1)]).toMatchObject([3, { added: 2, quarantined: ids.length + 2 }]);
  const resultOf = (id: string) => events('document').find(({ source_uri: uri }) => String(uri).endsWith(`/${id}`));
  for (const [id, code, message] of EXPECTED) {
    const error = { code, message: expect.stringContaining(message), step: 'stage' };
    expect(resultOf(id), id).toMatchObject({ outcome: 'quarantined', error });
  }
  expect(EXPECTED.map(([id]) => id).sort()).toEqual([...ids, 'fil_told', 'fil_large'].sort());
  expect(stdout + stderr).not.toMatch(/Canary|front-token/);
  // Its size was told: it was not asked for.
  expect(front.asked()).not.toContain('/download/fil_told');
  const documents = await front.documents();
  expect(documents.map(({ name }) => name).sort()).toEqual(['.._.._etc_pass\ufffdwd\u202e.txt', 'fil_well.txt']);
  // What failed for good, and the same way, is not written again.
  const again = await front.ingest('cnv_a');
  expect(again.lines.at(-1)).toMatchObject({ added: 0, unchanged: 2, quarantined: ids.length + 2 });
});

const EXPECTED = [
  ['fil_401', 'SOURCE_REFUSED', 'refused the credentials (401). Check FRONTAPP_API_TOKEN.'],
  ['fil_403', 'SOURCE_REFUSED', 'may not be read with these credentials (403). Check FRONTAPP_API_TOKEN.'],
  ['fil_404', 'NOT_FOUND', 'is not there (404)'],
  ['fil_410', 'NOT_FOUND', 'is not there (410)'],
  ['fil_418', 'SOURCE_REQUEST', 'did not accept the request (418)'],
  ['fil_408', 'APEX_SOURCE', 'did not answer in time (408)'],
  ['fil_429', 'APEX_SOURCE', 'asks to slow down (429)'],
  ['fil_500', 'APEX_SOURCE', 'failed (500)'],
  ['fil_503', 'APEX_SOURCE', 'failed (503)'],
  ['fil_cut', 'APEX_SOURCE', 'gave no whole answer'],
  ['fil_stalled', 'APEX_SOURCE', 'stopped sending before the end'],
  ['fil_dropped', 'APEX_SOURCE', 'gave no whole answer'],
  ['fil_endless', 'TOO_LARGE', 'has more than the 1048576 bytes that APEX_MAX_FILE_MB allows'],
  ['fil_silent', 'APEX_SOURCE', 'did not answer in time'],
  ['fil_page', 'WEB_PAGE', 'answered with a web page instead of fil_page.pdf'],
  ['fil_private', 'ADDRESS_REFUSED', '10.0.0.1 is no address of the public internet'],
  ['fil_cloud', 'ADDRESS_REFUSED', '169.254.169.254 is where machines are told their credentials'],
  ['fil_user', 'ADDRESS_REFUSED', 'redirects to 127.0.0.1 with a user in the address'],
  ['fil_other', 'ADDRESS_REFUSED', 'is of a kind that is not fetched (file:)'],
  ['fil_told', 'TOO_LARGE', 'has 2097152 bytes, more than the 1048576 that APEX_MAX_FILE_MB allows'],
  ['fil_large', 'TOO_LARGE', 'has 2097152 bytes, more than the 1048576 that APEX_MAX_FILE_MB allows'],
] as const;

/** A storage of objects on a server of its own, and a file that Front leads there for. */
async function openStorage(code = 200) {
  const storage = await openWebServer((_request, response) => response.writeHead(code).end('Bay nine is free.'));
  return { storage, location: `${storage.url}/bucket/x?Signature=Canary` };
}

test('a file is fetched from where Front leads, and the token stays behind', async () => {
  const front = await openFrontCase(HERE);
  const { storage, location } = await openStorage();
  front.message('cnv_a', 'msg_1', { id: 'fil_1' });
  front.api.files.set('fil_1', { location });
  const { outcomes, stdout } = await front.ingest('cnv_a');
  expect(outcomes).toEqual({ 'front:cnv_a/msg_1/fil_1': 'added' });
  expect(storage.requests.map(({ path, headers }) => [path, headers['authorization']])).toEqual([
    ['/bucket/x?Signature=Canary', undefined],
  ]);
  expect(stdout).not.toContain('Canary');
});

test('where Front leads to a host that is not public it is not followed, though the API itself is asked wherever it is', async () => {
  const front = await openFrontCase({ SOURCE_ALLOW_HTTP: 'on' });
  const { storage, location } = await openStorage();
  front.message('cnv_a', 'msg_1', { id: 'fil_1' }, { id: 'fil_2' });
  front.api.files.set('fil_1', { location });
  const { exitCode, events } = await front.ingest('cnv_a');
  expect([exitCode, storage.connections]).toEqual([3, 0]);
  expect(events('document').find(({ outcome }) => outcome === 'quarantined')).toMatchObject({
    error: {
      code: 'ADDRESS_REFUSED',
      message: expect.stringContaining('127.0.0.1 is no address of the public internet'),
    },
  });
});

test('a link that the storage refuses is asked for anew, and the file tried again by the next run', async () => {
  const front = await openFrontCase(HERE);
  const { location } = await openStorage(403);
  front.message('cnv_a', 'msg_1', { id: 'fil_1' });
  const text = front.api.files.get('fil_1')!;
  front.api.files.set('fil_1', { location });
  const [failed] = (await front.ingest('cnv_a')).events('document');
  expect(failed!['error']).toMatchObject({ code: 'APEX_SOURCE', retryable: true });
  expect(front.asked().filter((path) => path === '/download/fil_1')).toHaveLength(3);
  front.api.files.set('fil_1', text);
  expect((await front.run('retry', '--all')).exitCode).toBe(0);
  expect(await front.places()).toEqual(['front:cnv_a/msg_1/fil_1']);
});

test('a wait that is told in milliseconds is not taken for one in seconds', async () => {
  const front = await openFrontCase();
  front.message('cnv_a', 'msg_1', { id: 'fil_1' });
  let asked = 0;
  front.api.interfere = ({ path }) => {
    if (!path.includes('download')) return null;
    asked += 1;
    return asked === 1 ? status(429, { 'retry-after': '700' }) : null;
  };
  expect((await front.ingest('cnv_a')).exitCode).toBe(0);
  expect(asked).toBe(2);
});

test('a listing that Front asks to wait for says so, and goes on', async () => {
  const front = await openFrontCase();
  front.message('cnv_a', 'msg_1', { id: 'fil_1' });
  let asked = 0;
  front.api.interfere = ({ path }) => {
    if (!path.includes('messages')) return null;
    asked += 1;
    return asked === 1 ? status(429, { 'retry-after': '1' }) : null;
  };
  const { exitCode, outcomes, stderr } = await front.ingest('cnv_a');
  expect([exitCode, outcomes]).toEqual([0, { 'front:cnv_a/msg_1/fil_1': 'added' }]);
  expect(stderr).toBe('warning: frontapp asked to slow down; it is asked again in 1 s');
});

test('the address that Front gives of a file decides no host, and a path only where the API documents it', async () => {
  const front = await openFrontCase();
  const { storage } = await openStorage();
  front.message('cnv_a', 'msg_1', { id: 'fil_1' }, { id: 'fil_2' }, { id: 'fil_3' });
  const [first, second, third] = front.api.messages[0]!['attachments'] as { url: string }[];
  first!.url = `${storage.url}/messages/msg_1/download/fil_1`;
  second!.url = `${storage.url}/me/../../secret`;
  third!.url = 'no address';
  expect((await front.ingest('cnv_a')).lines.at(-1)).toMatchObject({ added: 3 });
  expect(storage.connections).toBe(0);
  const paths = front.asked().filter((path) => path.includes('download'));
  expect(paths.sort()).toEqual(['/download/fil_2', '/download/fil_3', '/messages/msg_1/download/fil_1']);
});

test('a picture inside the text is passed over, and what else is inside it is not', async () => {
  const front = await openFrontCase();
  const inside = { isInline: true, text: 'Bay nine.' };
  front.message('cnv_a', 'msg_1', { id: 'fil_1', type: 'image/png', ...inside }, { id: 'fil_2', ...inside });
  expect((await front.ingest('msg_1')).outcomes).toEqual({ 'front:cnv_a/msg_1/fil_2': 'added' });
});

describe('what cannot be listed is told with what to do, and the rest is taken', () => {
  test.each([
    [404, 2, 'NOT_FOUND', 'there is no'],
    [401, 78, 'SOURCE_REFUSED', 'Check FRONTAPP_API_TOKEN'],
    [403, 78, 'SOURCE_REFUSED', 'Check FRONTAPP_API_TOKEN'],
    [418, 2, 'SOURCE_REQUEST', 'did not accept the request'],
  ])('a message that answers %s', async (code, exit, problem, message) => {
    const front = await openFrontCase();
    front.message('cnv_a', 'msg_1', { id: 'fil_1' });
    front.message('cnv_a', 'msg_2', { id: 'fil_2' });
    front.api.interfere = ({ path }) => (path === '/messages/msg_2' ? status(code) : null);
    const { exitCode, events, outcomes } = await front.ingest('msg_1', 'msg_2');
    expect([exitCode, outcomes]).toEqual([exit, { 'front:cnv_a/msg_1/fil_1': 'added' }]);
    expect(events('problem')).toMatchObject([{ code: problem, message: expect.stringContaining(message) }]);
  });

  test('a file of a message that has no id, beside one that has', async () => {
    const front = await openFrontCase();
    front.message('cnv_a', 'msg_1', { id: 'fil_1' }, { id: '../x' });
    const { outcomes, events } = await front.ingest('cnv_a');
    expect(outcomes).toEqual({ 'front:cnv_a/msg_1/fil_1': 'added' });
    expect(events('problem')).toMatchObject([{ code: 'SOURCE_ANSWER' }]);
  });
});

describe('refused before anything is asked', () => {
  const { run } = { run: (...args: string[]) => openCase().run(...args) };
  test.each([
    ['ingest', ['ingest', '--source', 'frontapp', './file.pdf']],
    ['stage', ['stage', '--source', 'frontapp', 'msg_1', './file.pdf']],
  ])('%s of something that is no id', async (_, args) => {
    const { exitCode, stderr } = await run(...args);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('file.pdf is no id that frontapp knows files by')]);
  });

  test('without a token: the setting is named, and no run is listed', async () => {
    const { run } = openCase();
    const { exitCode, stderr } = await run('ingest', '--source', 'frontapp', 'msg_1');
    expect([exitCode, stderr]).toEqual([78, expect.stringContaining('FRONTAPP_API_TOKEN is not set')]);
    expect((await run('runs', 'list')).stdout).toBe('');
  });

  test('a retry of its files without a token: no run is listed beside the one that set them aside', async () => {
    const front = await openFrontCase();
    front.message('cnv_a', 'msg_1', { id: 'fil_1', text: '' });
    expect((await front.ingest('msg_1')).outcomes).toEqual({ 'front:cnv_a/msg_1/fil_1': 'quarantined' });
    const { exitCode, stderr } = await front.runWith({ FRONTAPP_API_TOKEN: '' }, 'retry', '--all');
    expect([exitCode, stderr]).toEqual([78, expect.stringContaining('FRONTAPP_API_TOKEN is not set')]);
    expect((await front.run('runs', 'list')).lines).toMatchObject([{ state: 'completed' }]);
  });

  test('a retry of what is not Front’s needs no token, though files of Front are in quarantine, too', async () => {
    const front = await openFrontCase();
    front.message('cnv_a', 'msg_1', { id: 'fil_1', text: '' });
    front.write('scan.pdf', '%PDF-1.7 damaged');
    await front.ingest('msg_1');
    const withoutToken = (...args: string[]) => front.runWith({ FRONTAPP_API_TOKEN: '' }, ...args);
    await withoutToken('ingest', join(dirname(front.home), 'documents'));
    const { exitCode, lines } = await withoutToken('retry', '--reason', 'CORRUPT');
    expect([exitCode, lines.at(-1)]).toMatchObject([3, { quarantined: 1 }]);
  });
});

test('staged files wait with what they came in, and are the documents that they would have been', async () => {
  const front = await openFrontCase();
  front.message('cnv_a', 'msg_1', { id: 'fil_1' }, { id: 'fil_2' });
  const staged = await front.run('stage', '--source', 'frontapp', 'cnv_a');
  expect(staged.lines.at(-1)).toMatchObject({ staged: 2, exit_status: 0 });
  expect(staged.lines[0]).toMatchObject({ source: 'frontapp', source_uri: 'front:cnv_a/msg_1/fil_1' });
  front.asked();
  expect((await front.run('ingest', '--staged')).lines.at(-1)).toMatchObject({ added: 2 });
  expect(front.asked()).toEqual([]);
  const [{ document_id: id } = {}] = await front.documents();
  const { lines } = await front.run('documents', 'show', String(id));
  expect(lines[0]!['document']).toMatchObject({ metadata: { origin: { message_id: 'msg_1', subject: 'Delivery' } } });
  expect((await front.ingest('cnv_a')).lines.at(-1)).toMatchObject({ unchanged: 2 });
  expect(front.asked().filter((path) => path.includes('download'))).toEqual([]);
});
