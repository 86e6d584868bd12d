import { describe, expect, test } from 'vitest';
import { MEDIA_TYPES } from '../../../lib/contracts/document.ts';
import { docx, failureOf, paragraph, read } from './reading.ts';

const utf32 = (text: string) =>
  Buffer.concat([...text].map((c) => Buffer.from(new Uint32Array([c.codePointAt(0)!]).buffer)));

describe('the type', () => {
  test('is that of the content; a name that says otherwise is reported', async () => {
    const { mediaType, warnings } = await read('letter.pdf', docx(paragraph('hello')));
    expect(mediaType).toBe(MEDIA_TYPES.docx);
    expect(warnings.map(({ code }) => code)).toEqual(['TYPE_MISMATCH']);
  });

  test.each([
    ['A.MD', '# x', MEDIA_TYPES.markdown],
    ['A.CSV', 'a,b\n1,2', MEDIA_TYPES.csv],
    ['A.TXT', 'x', MEDIA_TYPES.text],
    ['A.JSON', '{"a":1}', MEDIA_TYPES.json],
    ['none', 'a;b\n1;2\n3;4\n', MEDIA_TYPES.csv],
    ['none', 'From: a@x.test\nTo: b@x.test\nSubject: s\n\nbody', MEDIA_TYPES.eml],
    ['none', '<!doctype html><p>x', MEDIA_TYPES.html],
    ['none', '[1]', MEDIA_TYPES.json],
    ['none', 'just words', MEDIA_TYPES.text],
    ['none', 'A file that begins with %PDF-1.7 is a PDF.', MEDIA_TYPES.text],
    ['a.md', '# Magic\n\n`%PDF-` opens a PDF.', MEDIA_TYPES.markdown],
    ['a.eml', 'From: a@x.test\nSubject: s\n\n%PDF-1.4 was attached', MEDIA_TYPES.eml],
  ])('of %s with %j is %s', async (name, content, expected) => {
    const { mediaType, warnings } = await read(name, content);
    expect([mediaType, warnings]).toEqual([expected, []]);
  });

  test.each([
    ['a.zip', Buffer.from('PK\x03\x04')],
    ['a.png', Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1')],
    ['a.txt', Buffer.from('\x7FELF\x02\x01\x01\0\0\0', 'latin1')],
    ['a.doc', Buffer.from('\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1', 'latin1')],
  ])('of %s is none that apex reads', async (name, content) => {
    expect(await failureOf(name, content)).toMatch(/^(UNSUPPORTED_FORMAT|CORRUPT)$/u);
  });

  test('of an OLE file that holds an encrypted package is a document behind a password', async () => {
    const name = Buffer.from('EncryptedPackage', 'utf16le');
    expect(await failureOf('a.xlsx', Buffer.concat([Buffer.from('\xD0\xCF\x11\xE0', 'latin1'), name]))).toBe(
      'ENCRYPTED',
    );
  });

  test('without bytes is empty text, or damage where the name promises more', async () => {
    expect(await failureOf('a.txt', '')).toBe('EMPTY_TEXT');
    expect(await failureOf('a.pdf', '')).toBe('CORRUPT');
  });
});

describe('the encoding', () => {
  const words = 'Größe für Café, plain words beside it.';
  test.each([
    ['UTF-8 with a mark', Buffer.from(`\uFEFF${words}`)],
    ['UTF-16LE with a mark', Buffer.from(`\uFEFF${words}`, 'utf16le')],
    ['UTF-16LE', Buffer.from(words, 'utf16le')],
    ['UTF-16BE', Buffer.from(words, 'utf16le').swap16()],
    ['UTF-32LE with a mark', utf32(`\uFEFF${words}`)],
    ['UTF-32LE', utf32(words)],
    ['windows-1252', Buffer.from(words, 'latin1')],
  ])('%s is detected', async (_name, bytes) => {
    expect((await read('a.txt', bytes)).text).toBe(words);
  });

  test('line ends become \\n, and NUL is replaced with a warning', async () => {
    const { text, warnings } = await read('a.txt', `a\r\nb\rc${'word '.repeat(100)}\0d`);
    expect(text.startsWith('a\nb\nc')).toBe(true);
    expect(text.endsWith('\uFFFDd')).toBe(true);
    expect(warnings.map(({ code }) => code)).toEqual(['CHARACTERS_REPLACED']);
  });
});
