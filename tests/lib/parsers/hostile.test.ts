import { strToU8, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { docx, failureOf, LIMITS, office, paragraph, read, relations } from './reading.ts';

describe('an archive', () => {
  test('that inflates a thousandfold is refused, whatever its headers claim', async () => {
    expect(await failureOf('bomb.docx', docx(paragraph('a'.repeat(8 * 1024 ** 2))))).toBe('TOO_LARGE');
  });

  test('that inflates beyond the total limit is refused', async () => {
    expect(await failureOf('big.docx', docx(paragraph('abc')), { ...LIMITS, maxInflatedBytes: 20 })).toBe('TOO_LARGE');
  });

  test('of more than 5,000 entries is refused', async () => {
    const parts = Object.fromEntries(Array.from({ length: 5_001 }, (_, index) => [`word/${index}`, '']));
    expect(await failureOf('many.docx', docx('', parts))).toBe('TOO_LARGE');
  });

  test.each([0.2, 0.5, 0.9])('cut after %f of its bytes is damaged', async (share) => {
    const whole = docx(paragraph('words'));
    expect(await failureOf('cut.docx', whole.subarray(0, whole.length * share))).toBe('CORRUPT');
  });

  test('that is no document is not supported', async () => {
    expect(await failureOf('a.docx', zipSync({ 'a.txt': strToU8('a') }))).toBe('UNSUPPORTED_FORMAT');
  });
});

describe('XML', () => {
  test('with a document type is refused, so that no entity grows', async () => {
    const laughs = '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>';
    const parts = { 'word/document.xml': `${laughs}<w:document><w:body>${paragraph('&b;')}</w:body></w:document>` };
    expect(await failureOf('laughs.docx', office('word/document.xml', parts))).toBe('CORRUPT');
  });

  test('nested beyond 256 levels is refused', async () => {
    expect(await failureOf('deep.docx', docx('<w:x>'.repeat(300)))).toBe('CORRUPT');
  });

  test('that points out of the file is not followed', async () => {
    const outside = '<Relationship Id="1" Type="x/header" TargetMode="External" Target="file:///etc/passwd"/>';
    const climbing = '<Relationship Id="2" Type="x/footer" Target="../../../../etc/passwd"/>';
    const parts = { 'word/_rels/document.xml.rels': relations(outside + climbing) };
    expect((await read('a.docx', docx(paragraph('only this'), parts))).text).toBe('only this');
  });
});

test('HTML nested a hundred thousand levels deep is still read', async () => {
  expect(await failureOf('deep.html', `<html>${'<div>'.repeat(100_000)}bottom`)).toBe('parsed: bottom');
});

test('a CSV quote that never closes is damage, not a lost rest', async () => {
  expect(await failureOf('a.csv', 'a,b\n1,"2\n3,4\n')).toBe('CORRUPT');
});

test('a PDF whose header states no version is damaged', async () => {
  expect(await failureOf('a.pdf', '%PDF-1.\ntrailer<<>>')).toBe('CORRUPT');
});
