import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { entityNames } from '../../../src/search/entity-names.ts';

test('every run of words is a name, longest first, each once', () => {
  expect(entityNames('who  is who')).toEqual(['who is who', 'who is', 'is who', 'who', 'is']);
});

test('a text without words names nothing', () => {
  for (const text of ['', '  ', '?! — …']) expect(entityNames(text)).toEqual([]);
});

describe('names as they stand in questions', () => {
  test.each([
    ['Who carries for Farrow Freight LLC?', 'Farrow Freight LLC'],
    ['what is with “Tarrow Foods Inc.”', 'Tarrow Foods Inc.'],
    ['what is with Tarrow Foods Inc. today', 'Tarrow Foods Inc.'],
    ['Loads of Farrow Freight LLC.', 'Farrow Freight LLC'],
    ['call +1 555 0100', '+1 555 0100'],
    ['(LD-700001)', 'LD-700001'],
    ['mail to dana@tarrow.example, please', 'dana@tarrow.example'],
    ["O'Brien & Sons Transport", "O'Brien"],
    ['ＬＤ－１', 'LD-1'],
    ['Müller Spedition GmbH & Co', 'Müller Spedition GmbH'],
  ])('%s', (text, name) => {
    expect(entityNames(text)).toContain(name);
  });
});

test('a name is at most six words, and of a long text the first words count', () => {
  const words = Array.from({ length: 1_000 }, (_, index) => `word${index}`);
  const names = entityNames(words.join(' '));
  expect(Math.max(...names.map((name) => name.split(' ').length))).toBe(6);
  expect(names).toContain('word63');
  expect(names).not.toContain('word64');
});

test('names are made of the words of the text, in its order, and are never empty', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const plain = text.normalize('NFKC').replace(/\s+/gu, ' ');
      for (const name of entityNames(text)) {
        expect(name.trim()).toBe(name);
        expect(name).not.toBe('');
        for (const word of name.split(' ')) expect(plain).toContain(word);
      }
    }),
  );
});
