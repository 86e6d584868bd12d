import { describe, expect, test } from 'vitest';
import { frontItem, frontName, frontPlace, frontUri } from '../../../lib/sources/front-places.ts';

test.each([
  ['fil_3q8a7mby', 'attachment'],
  ['att_1', 'attachment'],
  ['msg_1q15qmtq', 'message'],
  ['com_2b4c', 'comment'],
  ['cnv_1abc2d', 'conversation'],
  ['crd_77ab', null],
  ['fil_', null],
  ['fil_a/b', null],
  ['fil_..', null],
  ['x msg_1', null],
  ['msg_1\n', null],
  [`msg_${'a'.repeat(61)}`, null],
  ['constructor', null],
  ['', null],
])('%j names a thing of its kind, or nothing', (id, kind) => {
  expect(frontName(id)).toEqual(kind === null ? null : { kind, id });
});

describe('a location', () => {
  test.each([
    ['front:cnv_a/msg_b/fil_c', { conversation: 'cnv_a', message: 'msg_b', attachment: 'fil_c' }],
    ['front:cnv_a/com_b/fil_c', { conversation: 'cnv_a', message: 'com_b', attachment: 'fil_c' }],
    ['front:msg_b/fil_c', { conversation: null, message: 'msg_b', attachment: 'fil_c' }],
    ['front:fil_c', { conversation: null, message: null, attachment: 'fil_c' }],
  ])('%s is that of its place, and the other way round', (uri, place) => {
    expect(frontPlace(uri)).toEqual(place);
    expect(frontUri(place.conversation, place.message, place.attachment)).toBe(uri);
    expect(frontItem(place).uri).toBe(uri);
  });

  // Records of Front have their own.
  test.each([
    'front:msg_b',
    'front:cnv_a',
    'front:crd_a',
    'front:fil_c/msg_b',
    'front:cnv_a/fil_c/fil_d',
    'file:///fil_c',
    '',
  ])('%j is none of a file', (uri) => {
    expect(frontPlace(uri)).toBeNull();
  });
});

describe('a file', () => {
  const place = { conversation: 'cnv_a', message: 'msg_b', attachment: 'fil_c' };

  test('is the same item wherever it was met', () => {
    const alone = frontItem({ conversation: null, message: null, attachment: 'fil_c' });
    expect([alone.id, alone.version]).toEqual([frontItem(place).id, frontItem(place).version]);
  });

  test('of a comment is asked for as one', () => {
    expect(frontItem(place).locator).toBe('/download/fil_c');
    expect(frontItem({ ...place, message: 'com_b' }).locator).toBe('/comments/com_b/download/fil_c');
  });

  test('without a name goes by its id; a name is no path', () => {
    const named = (filename: string | null) =>
      frontItem(place, { filename, mediaType: null, bytes: null, path: null, around: {} }).name;
    expect([named(null), named(''), named('../a\\b.pdf')]).toEqual(['fil_c', 'fil_c', '.._a_b.pdf']);
  });
});
