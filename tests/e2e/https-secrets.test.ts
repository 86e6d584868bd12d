import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../lib/contracts/identity.ts';
import { onMemory } from '../helpers/case.ts';
import { openWebCase } from '../helpers/web-case.ts';

/**
 * Goal: what is secret in an address or a header is sent where it belongs, and nothing keeps or shows it. Method: words that stand
 * nowhere else are looked for in all output and all files of the built program.
 */

const TEXT = 'Bay nine is free from noon. Acme Freight moves the load.\n';

describe('a secret in an address', () => {
  const SECRET = 'CanaryOfAnAddress42';

  /** Every file under a folder that holds the text. */
  function holding(folder: string, text: string): string[] {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(text))
      .map(({ name }) => name);
  }

  test('is sent, and neither kept nor shown, also when the document fails', async () => {
    const path = `/share?id=7&token=${SECRET}`;
    const web = await openWebCase({ [path]: { text: TEXT } });
    const taken = await web.run('ingest', web.at(path), web.at(`/gone.pdf?key=${SECRET}`), '--on-error', 'continue');
    expect(taken.exitCode).toBe(3);
    expect(web.asked().sort()).toEqual([`/gone.pdf?key=${SECRET}`, path]);
    const shown = [
      taken,
      await web.run('documents', 'list'),
      await web.run('runs', 'list'),
      await web.run('documents', 'list', '--quarantined'),
    ];
    expect(shown.map(({ stdout, stderr }) => `${stdout}${stderr}`).join('')).not.toContain(SECRET);
    expect(holding(web.home, SECRET)).toEqual([]);
    const known = web.at(`/share?id=7&token=sha256-${sha256(SECRET).slice(0, 16)}`);
    expect(taken.lines.find(({ outcome }) => outcome === 'added')).toMatchObject({ source_uri: known });
    expect((await web.ingest(web.at(path))).outcomes).toEqual({ [known]: 'unchanged' });
  });

  test('that another document has makes it another document', async () => {
    const web = await openWebCase({ '/share?key=first': { text: TEXT }, '/share?key=second': { text: 'Bay ten.' } });
    await web.ingest(web.at('/share?key=first'));
    expect(Object.values((await web.ingest(web.at('/share?key=second'))).outcomes)).toEqual(['added']);
  });

  test('that signs the address for a while makes it no other document', async () => {
    const signed = (signature: string) => `/b/a.txt?X-Amz-Date=${signature}&X-Amz-Signature=${signature}`;
    const web = await openWebCase({ [signed('one')]: { text: TEXT }, [signed('two')]: { text: TEXT } });
    expect((await web.ingest(web.at(signed('one')))).outcomes).toEqual({ [web.at('/b/a.txt')]: 'added' });
    expect((await web.ingest(web.at(signed('two')))).outcomes).toEqual({ [web.at('/b/a.txt')]: 'unchanged' });
  });

  test('is known to the process that a document is left to after three deaths', async () => {
    const path = `/a.txt?token=${SECRET}`;
    const web = await openWebCase({ [path]: { text: TEXT } });
    for (const _ of [1, 2, 3]) await web.kill('parsers.parse:before', 'ingest', web.at(path));
    web.asked();
    expect(Object.values((await web.ingest(web.at(path))).outcomes)).toEqual(['added']);
    // By that process, and by the one that goes on from what it left.
    expect([web.asked(), holding(web.home, SECRET)]).toEqual([[path, path], []]);
  });

  test('is needed to go on with a run, which says so; the same command again goes on', async () => {
    const path = `/a.txt?token=${SECRET}`;
    const web = await openWebCase({ [path]: { text: TEXT } });
    await web.kill('records.writeBuilding:before', 'ingest', web.at(path));
    web.asked();
    const resumed = await web.run('resume');
    expect([resumed.exitCode, web.asked()]).toEqual([3, []]);
    expect(resumed.lines.find(({ event }) => event === 'document')).toMatchObject({
      error: {
        code: 'SOURCE_REFUSED',
        message: expect.stringContaining('has a secret in its address, which is not kept'),
      },
    });
    expect(Object.values((await web.ingest(web.at(path))).outcomes)).toEqual(['added']);
  });
});

describe('headers of a file', () => {
  test('go to their own origin alone, not by way of a redirect, and are shown nowhere', async () => {
    const web = await openWebCase({ '/a.txt': { text: TEXT }, '/away': { text: '' } });
    const foreign = await openWebCase({
      '/b.txt': { text: 'Bay ten.' },
      '/back': { text: '', headers: { location: web.at('/a.txt') } },
    });
    web.pages['/away'] = { text: '', headers: { location: foreign.at('/back') } };
    const path = join(web.home, '..', 'headers');
    writeFileSync(path, `# for the docs\n${web.server.url}\nAuthorization: Bearer CanaryOfAHeader\nX-Team: ops\n`, {
      mode: 0o600,
    });
    const taken = await web.run(
      'ingest',
      web.at('/a.txt'),
      web.at('/away'),
      foreign.at('/b.txt'),
      '--header-file',
      path,
    );
    expect([taken.exitCode, taken.stderr]).toEqual([0, '']);
    const sent = [...web.server.requests, ...foreign.server.requests].map(({ path: asked, headers }) => [
      asked,
      headers['authorization'],
    ]);
    expect(sent.sort()).toEqual(
      [
        ['/a.txt', 'Bearer CanaryOfAHeader'],
        ['/away', 'Bearer CanaryOfAHeader'],
        ['/a.txt', undefined],
        ['/back', undefined],
        ['/b.txt', undefined],
      ].sort(),
    );
    expect(taken.stdout).not.toContain('CanaryOfAHeader');
    onMemory(web.home, (db) => expect(db.prepare('SELECT count(*) AS n FROM version').get()).toEqual({ n: 3 }));
  });

  test('are looked at by the doctor', async () => {
    const web = await openWebCase({});
    const path = join(web.home, '..', 'headers');
    writeFileSync(path, 'https://x.example\nA: Canary', { mode: 0o600 });
    const env = { SOURCE_HEADER_FILE: path };
    const well = await web.runWith(env, 'doctor');
    expect(well.lines.find(({ name }) => name === 'header file')).toMatchObject({
      level: 'ok',
      found: `${path} has headers for 1 server`,
    });
    chmodSync(path, 0o640);
    const open = await web.runWith(env, 'doctor');
    expect(open.lines.find(({ name }) => name === 'header file')).toMatchObject({
      level: 'problem',
      code: 'APEX_PERMISSION',
    });
    expect(`${well.stdout}${open.stdout}`).not.toContain('Canary');
  });

  test.each([
    ['others may read', 'https://x.example\nA: b', 0o644, 77, 'may be read by others: chmod 600'],
    ['names no server', 'Authorization: Bearer Canary', 0o600, 78, 'line 1 says no server'],
    [
      'holds what is no header',
      'https://x.example\nBearer Canary',
      0o600,
      78,
      'line 2 is neither an origin nor a header',
    ],
    ['names a path', 'https://x.example/Canary\nA: b', 0o600, 78, 'line 1 is no origin'],
    ['sets what apex sets itself', 'https://x.example\nHost: Canary', 0o600, 78, 'line 2 sets Host'],
  ])('are refused with a file that %s', async (_, text, mode, exitStatus, problem) => {
    const web = await openWebCase({ '/a.txt': { text: TEXT } });
    const path = join(web.home, '..', 'headers');
    writeFileSync(path, text, { mode });
    const { exitCode, stderr, stdout } = await web.run('ingest', web.at('/a.txt'), '--header-file', path);
    expect(stderr).toContain(problem);
    expect([exitCode, `${stderr}${stdout}`.includes('Canary'), web.asked()]).toEqual([exitStatus, false, []]);
    expect((await web.run('runs', 'list')).stdout).toBe('');
  });
});
