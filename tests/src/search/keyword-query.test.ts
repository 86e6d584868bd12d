import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { KeywordTerm } from '../../../lib/contracts/store.ts';
import { keywordQuery } from '../../../src/search/keyword-query.ts';

/** Goal: a text finds its words and does nothing else. Method: the expression itself, and SQLite's own full-text index asked with it. */

/** A full-text index as the records store has one. @returns the rows that match, in their order or best first. */
function openIndex(...texts: readonly string[]) {
  const db = new Database(':memory:');
  onTestFinished(() => {
    db.close();
  });
  db.exec("CREATE VIRTUAL TABLE t USING fts5 (heading, text, tokenize = 'unicode61 remove_diacritics 2')");
  const insert = db.prepare("INSERT INTO t (heading, text) VALUES ('', ?)");
  for (const text of texts) insert.run(text);
  return (terms: readonly KeywordTerm[], order: 'rowid' | 'rank' = 'rowid') =>
    db.prepare(`SELECT text FROM t WHERE t MATCH ? ORDER BY ${order}`).pluck().all(expressionOf(terms)) as string[];
}

/** An FTS5 expression as the embedded records store makes one. */
function expressionOf(terms: readonly KeywordTerm[]): string {
  return terms
    .flatMap(({ text, isBeginning, weight }) => Array(weight).fill(`"${text}"${isBeginning ? ' *' : ''}`))
    .join(' OR ');
}

/** The terms as one text each: `word*2`, `begin…`. */
const shown = (text: string) =>
  keywordQuery(text).map(({ text: word, isBeginning, weight }) => (isBeginning ? `${word}…` : `${word}*${weight}`));

test('each word comes once, in lower case, and counts double', () => {
  expect(shown('Door four, DOOR  five')).toEqual(['door*2', 'four*2', 'five*2']);
});

test('a word of more than five characters is looked for by its beginning too, once however many begin alike', () => {
  expect(shown('seals')).toEqual(['seals*2']);
  expect(shown('sealed')).toEqual(['sealed*2', 'seale…']);
  expect(shown('carried carrier')).toEqual(['carried*2', 'carrier*2', 'carri…']);
  expect(shown('𐐨𐐩𐐪𐐫𐐬𐐭')).toEqual(['𐐨𐐩𐐪𐐫𐐬𐐭*2', '𐐨𐐩𐐪𐐫𐐬…']);
});

test('a word bent or compounded otherwise is found, in any language, and the word itself comes first', () => {
  const find = openIndex(
    'verteidigte Tore',
    'Verteidigungslinie',
    'die Verteidigung',
    'sieben Tore',
    'eine Wand',
    'shipments',
  );
  expect(find(keywordQuery('Verteidigung'))).toHaveLength(3);
  expect(find(keywordQuery('Verteidigung'), 'rank').at(0)).toBe('die Verteidigung');
  expect(find(keywordQuery('shipment'))).toEqual(['shipments']);
});

test.each(['', '   ', '"*^:()-+{}', '…—!?', '\u0000\u001f'])('a text without words asks for nothing: %j', (text) => {
  expect(keywordQuery(text)).toEqual([]);
});

test('what a person types in one spelling is found in another', () => {
  const find = openIndex('Café Zürich', 'ＡＢＣ freight', 'Straße');
  expect(find(keywordQuery('cafe zurich'))).toEqual(['Café Zürich']);
  expect(find(keywordQuery('ｃａｆé'))).toEqual(['Café Zürich']);
  expect(find(keywordQuery('STRASSE straße'))).toEqual(['Straße']);
});

test('identifiers are found as they are written', () => {
  const find = openIndex('Load LD-700001 left', 'Load LD-700002 left', 'MC# 123456');
  expect(find(keywordQuery('ld-700001')).at(0)).toBe('Load LD-700001 left');
  expect(find(keywordQuery('MC#123456'))).toEqual(['MC# 123456']);
});

test('a very long text is looked for by its first words', () => {
  const words = Array.from({ length: 1_000 }, (_, index) => `word${index}`);
  const terms = keywordQuery(words.join(' '));
  expect(terms.filter(({ isBeginning }) => !isBeginning)).toHaveLength(64);
  expect(openIndex('word0', 'word999')(terms)).toEqual(['word0']);
});

describe('nothing in a text is an operator', () => {
  const find = (text: string) => openIndex('steel pipes', 'copper wire')(keywordQuery(text));

  test.each([
    ['steel NOT pipes', ['steel pipes']],
    ['steel AND copper', ['steel pipes', 'copper wire']],
    ['NEAR(steel copper, 5)', ['steel pipes', 'copper wire']],
    ['heading : steel', ['steel pipes']],
    ['heading:"steel"', ['steel pipes']],
    ['^copper', ['copper wire']],
    ['ste*', []],
    ['"steel', ['steel pipes']],
    ['steel" OR "copper', ['steel pipes', 'copper wire']],
    ['{heading text} : - (copper', ['copper wire']],
    ["'; DROP TABLE t; --", []],
  ])('%s', (text, found) => {
    expect(find(text)).toEqual(found);
  });

  test('whatever it holds, SQLite takes the expression', () => {
    const find = openIndex('steel pipes');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const terms = keywordQuery(text);
        if (terms.length > 0) expect(Array.isArray(find(terms))).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test('a text is found by all of its own words, whatever stands between them', () => {
    const signs = fc.constantFrom(...' ":*^()-+{};\'\\\n', ' NOT ', ' OR ');
    const word = fc.string({ unit: fc.constantFrom(...'abzAZ09éßñжλ中'), minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(fc.tuple(word, signs), { minLength: 1, maxLength: 8 }), (parts) => {
        const db = new Database(':memory:');
        try {
          db.exec("CREATE VIRTUAL TABLE t USING fts5 (text, tokenize = 'unicode61 remove_diacritics 2')");
          db.prepare('INSERT INTO t (text) VALUES (?)').run(parts.flat().join(''));
          for (const term of keywordQuery(parts.flat().join('')))
            expect(
              db
                .prepare('SELECT rowid FROM t WHERE t MATCH ?')
                .pluck()
                .all(expressionOf([term])),
            ).toEqual([1]);
        } finally {
          db.close();
        }
      }),
    );
  });
});
