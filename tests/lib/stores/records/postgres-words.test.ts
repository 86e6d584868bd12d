import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { indexedText, WordCutter } from '../../../../lib/stores/records/postgres-words.ts';

/** Goal: the same words as the embedded memory's full text. Method: SQLite's own index asked for the words of every character. */

const cutter = new WordCutter();

/** What SQLite makes of each text. */
function embeddedWords(texts: readonly string[]): string[][] {
  const db = new Database(':memory:');
  onTestFinished(() => {
    db.close();
  });
  db.exec(`CREATE VIRTUAL TABLE t USING fts5 (text, tokenize = 'unicode61 remove_diacritics 2');
           CREATE VIRTUAL TABLE words USING fts5vocab (t, 'instance')`);
  const insert = db.prepare('INSERT INTO t (rowid, text) VALUES (?, ?)');
  db.transaction(() => {
    for (const [index, text] of texts.entries()) insert.run(index, text);
  })();
  const rows = db.prepare('SELECT doc, term FROM words ORDER BY doc, offset').all() as { doc: number; term: string }[];
  const words: string[][] = texts.map(() => []);
  for (const { doc, term } of rows) words[doc]!.push(term);
  return words;
}

test('every character of Unicode is a part of a word, an accent or an end as SQLite takes it', () => {
  const texts: string[] = [];
  for (let first = 1; first < 0x11_0000; first += 256) {
    const characters = Array.from({ length: 256 }, (_, index) => first + index)
      .filter((code) => code < 0x11_0000 && (code < 0xd800 || code > 0xdfff))
      .map((code) => String.fromCodePoint(code));
    texts.push(characters.map((character) => `q${character}Q`).join('. '));
  }
  const expected = embeddedWords(texts);
  for (const [index, text] of texts.entries())
    expect(cutter.cut(text), `from ${(index * 256 + 1).toString(16)}`).toEqual(expected[index]);
});

test.each([
  'Door four, DOOR-five LD-700001 a_b 3.14 O’Neil',
  'Cafe\u0301 Zürich ΑΘΉΝΑΣ Straße \u0301x x\u0301\u0301 İstanbul',
  'हिन्दी ภาษาไทย 中文字 \u{10428}\u{10400} 👍🏽 \u{e000}',
  '',
  ' .,; ',
])('a text is cut as SQLite cuts it: %s', (text) => {
  expect(cutter.cut(text)).toEqual(embeddedWords([text])[0]);
});

test('half a character and U+0000 end a word', () => {
  expect(cutter.cut('a\ud800b\0c\udc00d')).toEqual(['a', 'b', 'c', 'd']);
});

test('words have their places, the heading’s first, and no phrase goes across', () => {
  expect(indexedText(cutter, 'Freight > Müller', 'to Globex, to us')).toEqual({
    vector: "'freight':1A 'muller':2A 'to':4,6 'globex':5 'us':7",
    wordCount: 6,
  });
});

test('what PostgreSQL has no room for is counted and left out', () => {
  const many = indexedText(cutter, '', 'steel '.repeat(20_000));
  expect(many.wordCount).toBe(20_000);
  expect(many.vector.split(',')).toHaveLength(255);
  const different = Array.from({ length: 120_000 }, (_, index) => `word${index}`).join(' ');
  const { vector, wordCount } = indexedText(cutter, '', different);
  expect(wordCount).toBe(120_000);
  expect(vector.split(' ').length).toBeLessThan(90_000);
  const [long = ''] = cutter.cut('x'.repeat(5_000));
  expect(long).toMatch(/^x{200}[\da-f]{64}$/);
});
