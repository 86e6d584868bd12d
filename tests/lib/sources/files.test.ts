import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { sha256 } from '../../../lib/contracts/identity.ts';
import { copyFile, fileError, passFile, Slices, shownPath, textOf } from '../../../lib/sources/files.ts';
import { temporaryFolder } from '../../helpers/memory.ts';
import { never } from '../../helpers/records.ts';

/** More than is read at once, so that a file can be changed between two parts of it. */
const TWO_PARTS_BYTES = 2 ** 20 + 10;

let folder: string;
let path: string;

beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder, 'a.txt');
});

const passage = (maxBytes = 2 ** 30) => ({ maxBytes, slices: new Slices(), signal: never });
const refusal = (code: string, retryable = false) => expect.objectContaining({ name: 'SourceError', code, retryable });

test('a file is passed on part by part, with its digest and its size', async () => {
  writeFileSync(path, Buffer.alloc(TWO_PARTS_BYTES, 'x'));
  const parts: number[] = [];
  const passed = await passFile(path, passage(), (part) => parts.push(part.byteLength));
  expect(passed).toEqual({ digest: sha256('x'.repeat(TWO_PARTS_BYTES)), bytes: TWO_PARTS_BYTES });
  expect(parts).toEqual([2 ** 20, 10]);
});

test('an empty file is passed on as nothing', async () => {
  writeFileSync(path, '');
  expect(await passFile(path, passage(), () => expect.unreachable())).toEqual({ digest: sha256(''), bytes: 0 });
});

test.each<[string, () => void]>([
  ['grows', () => appendFileSync(path, 'more')],
  ['shrinks', () => truncateSync(path, 2 ** 20)],
  ['is written anew with the same size', () => writeFileSync(path, Buffer.alloc(TWO_PARTS_BYTES, 'y'))],
  ['gets another time', () => utimesSync(path, 0, 0)],
])('a file that %s while it is read is refused, and may be read again', async (_, change) => {
  writeFileSync(path, Buffer.alloc(TWO_PARTS_BYTES, 'x'));
  // A time that no change made now can have.
  utimesSync(path, 1, 1);
  let isFirst = true;
  const reading = passFile(path, passage(), () => {
    if (isFirst) change();
    isFirst = false;
  });
  await expect(reading).rejects.toThrow(refusal('CHANGED_WHILE_READ', true));
  await expect(passFile(path, passage(), () => {})).resolves.toMatchObject({ bytes: statSync(path).size });
});

test('a file that takes the place of another while it is read leaves the reader with the one it opened', async () => {
  writeFileSync(path, 'old');
  const passed = await passFile(path, passage(), () => {
    writeFileSync(`${path}.new`, 'new!');
    renameSync(`${path}.new`, path);
  });
  expect(passed.digest).toBe(sha256('old'));
});

test('a file that is too large is refused before a byte of it is read', async () => {
  writeFileSync(path, '12345');
  await expect(passFile(path, passage(4), () => expect.unreachable())).rejects.toThrow(
    expect.objectContaining({
      code: 'TOO_LARGE',
      message: expect.stringMatching(/5 bytes, more than the 4 that APEX_MAX/),
    }),
  );
  expect(await passFile(path, passage(5), () => {})).toMatchObject({ bytes: 5 });
});

test('what is no regular file is refused for what it is', async () => {
  const pass = (name: string) => passFile(join(folder, name), passage(), () => {});
  mkdirSync(join(folder, 'folder'));
  symlinkSync('self', join(folder, 'self'));
  await expect(pass('missing')).rejects.toThrow(refusal('NOT_FOUND'));
  await expect(pass('x'.repeat(300))).rejects.toThrow(refusal('NOT_FOUND'));
  await expect(pass('folder')).rejects.toThrow(refusal('NOT_A_FILE'));
  await expect(pass('self')).rejects.toThrow(refusal('NOT_A_FILE'));
  await expect(passFile('/dev/null', passage(), () => {})).rejects.toThrow(refusal('NOT_A_FILE'));
});

test('a copy is for this user alone, takes the place of a file, and is never written through a link', async () => {
  writeFileSync(path, 'hello');
  const copy = join(folder, 'copy');
  expect(await copyFile(path, copy, passage())).toEqual({ digest: sha256('hello'), bytes: 5 });
  expect([readFileSync(copy, 'utf8'), statSync(copy).mode & 0o777]).toEqual(['hello', 0o600]);
  writeFileSync(path, 'hi');
  expect(await copyFile(path, copy, passage())).toEqual({ digest: sha256('hi'), bytes: 2 });
  expect(readFileSync(copy, 'utf8')).toBe('hi');
  symlinkSync(join(folder, 'elsewhere'), join(folder, 'link'));
  await expect(copyFile(path, join(folder, 'link'), passage())).rejects.toThrow(refusal('APEX_JOURNAL'));
  expect(existsSync(join(folder, 'elsewhere'))).toBe(false);
});

test('a place that a copy cannot be made in is the disk’s failure, not the document’s', async () => {
  writeFileSync(path, 'hello');
  await expect(copyFile(path, join(folder, 'gone', 'copy'), passage())).rejects.toThrow(refusal('APEX_JOURNAL'));
  await expect(copyFile(join(folder, 'missing'), join(folder, 'copy'), passage())).rejects.toThrow(
    refusal('NOT_FOUND'),
  );
});

test('a reader that is asked to stop stops between two parts', async () => {
  writeFileSync(path, Buffer.alloc(TWO_PARTS_BYTES, 'x'));
  const stop = new AbortController();
  // Between two parts other work gets its turn only when this one has had its time.
  const reading = passFile(path, { ...passage(), signal: stop.signal }, () => {
    stop.abort('enough');
    const end = performance.now() + 20;
    while (performance.now() < end);
  });
  await expect(reading).rejects.toBe('enough');
});

test.each([
  ['ENOENT', 'NOT_FOUND', false],
  ['ENOTDIR', 'NOT_FOUND', false],
  ['EACCES', 'DENIED', false],
  ['EPERM', 'DENIED', false],
  ['ELOOP', 'NOT_A_FILE', false],
  ['ENXIO', 'NOT_A_FILE', false],
  ['EIO', 'APEX_SOURCE', true],
  ['EMFILE', 'APEX_SOURCE', true],
])('the file system’s %s is %s', (code, meaning, retryable) => {
  expect(fileError(Object.assign(new Error('x'), { code }), '/a')).toEqual(refusal(meaning, retryable));
});

test('another error is returned as it is', () => {
  const error = new Error('x');
  expect(fileError(error, '/a')).toBe(error);
});

test('a path is shown without what could harm a terminal', () => {
  expect(shownPath('/a\n\u001b[31m\u009b/é.txt')).toBe('/a%0A%1B[31m%9B/é.txt');
  expect(shownPath(Buffer.from('/caf\u00e9\n.txt', 'latin1'))).toBe('/caf%E9%0A.txt');
});

test('bytes are text when they are UTF-8', () => {
  expect(textOf(Buffer.from('é'))).toBe('é');
  expect(textOf(Buffer.from('\ufffd'))).toBe('\ufffd');
  expect(textOf(Buffer.from([0xe9]))).toBeNull();
});
