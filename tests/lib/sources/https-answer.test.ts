import { describe, expect, test } from 'vitest';
import { assertNoWebPage, nameOf, validatorsOf, versionOf } from '../../../lib/sources/https-answer.ts';

/** Goal: what a server says of a file is taken for what it is worth. Method: its headers and first bytes, right and wrong. */

const URL_OF = new URL('https://docs.example.com/rates.pdf');
const DATE = 'Sun, 19 Oct 2025 12:00:00 GMT';
const LATER = 'Sun, 19 Oct 2025 12:00:01 GMT';

/** Whether the parts pass as a file of this name. */
async function isTaken(parts: readonly string[], name: string | null): Promise<boolean> {
  async function* bytes() {
    for (const part of parts) yield Buffer.from(part);
  }
  try {
    const passed = await Array.fromAsync(assertNoWebPage(bytes(), URL_OF, name));
    expect(Buffer.concat(passed).toString()).toBe(parts.join(''));
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'WEB_PAGE' });
    return false;
  }
}

describe('a web page in place of a file is recognised', () => {
  test.each([
    ['by its doctype', ['<!DOCTYPE html><html>']],
    ['by its first element', ['<html lang="de">']],
    ['behind a mark of the byte order and spaces', ['\ufeff \n<HTML>']],
    ['behind comments', ['<!-- a --> <!-- b -->\n<!doctype html >']],
    ['byte by byte', [...'<!doctype html>']],
  ])('%s', async (_, parts) => {
    expect([await isTaken(parts, 'rates.pdf'), await isTaken(parts, null)]).toEqual([false, false]);
    expect([await isTaken(parts, 'rates.html'), await isTaken(parts, 'rates')]).toEqual([true, true]);
  });

  test.each([['%PDF-1.7'], ['a,b\n1,2\n'], ['<htmlish>'], ['<note><html></note>'], [''], ['text <html>']])(
    'and %j is none',
    async (text) => {
      expect(await isTaken([text], 'rates.csv')).toBe(true);
    },
  );

  test('in a time that does not grow with the comments before it', async () => {
    const startedAt = performance.now();
    expect(await isTaken(['<!---->'.repeat(10_000)], 'rates.csv')).toBe(true);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});

test.each([
  [{ etag: '"a"' }, { 'if-none-match': '"a"' }],
  [
    { etag: 'W/"a"', 'last-modified': DATE, date: LATER },
    { 'if-none-match': 'W/"a"', 'if-modified-since': DATE },
  ],
  [{ 'last-modified': DATE, date: LATER }, { 'if-modified-since': DATE }],
  [{ 'last-modified': DATE, date: DATE }, {}],
  [{ 'last-modified': DATE }, {}],
  [{ 'last-modified': 'yesterday', date: LATER }, {}],
  [{}, {}],
])('an answer with %j is compared by %j', (headers, validators) => {
  expect(validatorsOf(versionOf(headers))).toEqual(validators);
});

test.each(['', 'etag', '{', 'null', '[]', '{"etag":7}'])('a damaged version (%j) compares nothing', (version) => {
  expect(validatorsOf(version)).toEqual({});
});

test.each([
  ['/a/rates.pdf', 'rates.pdf'],
  ['/a/rates%20of%20May.pdf', 'rates of May.pdf'],
  ['/', 'x.example'],
  ['/a/', 'a'],
  ['/..%2f..%2fetc%2fpasswd', '.._.._etc_passwd'],
  ['/a%5cb%00c%0a.pdf', 'a_b_c_.pdf'],
  ['/100%.pdf', '100%.pdf'],
  [`/${'x'.repeat(300)}`, 'x'.repeat(255)],
])('%s names %s', (path, name) => {
  expect(nameOf(new URL(`https://x.example${path}`))).toBe(name);
});
