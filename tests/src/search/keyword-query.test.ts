import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { keywordQuery } from '../../../src/search/keyword-query.ts';

/** Goal: a text finds its words and does nothing else. Method: the expression itself, and SQLite's own full-text index asked with it. */

/** A full-text index as the records store has one. @returns the rows that match. */
function openIndex(...texts: readonly string[]) {
  const db = new Database(':memory:');
  onTestFinished(() => {
    db.close();
  });
  db.exec("CREATE VIRTUAL TABLE t USING fts5 (heading, text, tokenize = 'unicode61 remove_diacritics 2')");
  const insert = db.prepare("INSERT INTO t (heading, text) VALUES ('', ?)");
  for (const text of texts) insert.run(text);
  const select = db.prepare('SELECT text FROM t WHERE t MATCH ? ORDER BY rowid').pluck();
  return (expression: string) => select.all(expression) as string[];
}

test('each word is quoted, any may match, each stands once and in lower case', () => {
  expect(keywordQuery('Door four, DOOR  five')).toBe('"door" OR "four" OR "five"');
});

test.each(['', '   ', '"*^:()-+{}', '…—!?', '\u0000\u001f'])('a text without words asks for nothing: %j', (text) => {
  expect(keywordQuery(text)).toBe('');
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
  const expression = keywordQuery(words.join(' '));
  expect(expression.split(' OR ')).toHaveLength(64);
  expect(openIndex('word0', 'word999')(expression)).toEqual(['word0']);
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
        const expression = keywordQuery(text);
        if (expression !== '') expect(Array.isArray(find(expression))).toBe(true);
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
          for (const expression of keywordQuery(parts.flat().join('')).split(' OR '))
            expect(db.prepare('SELECT rowid FROM t WHERE t MATCH ?').pluck().all(expression)).toEqual([1]);
        } finally {
          db.close();
        }
      }),
    );
  });
});
