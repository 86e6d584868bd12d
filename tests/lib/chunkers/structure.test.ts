import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createStructureChunker } from '../../../lib/chunkers/structure.ts';
import { type Chunk, type Element, embeddingText, type ParsedDocument } from '../../../lib/contracts/document.ts';
import { countWordTokens } from '../../../lib/embedders/tokens.ts';

/** Goal: what is embedded and cited reads well and stands where it says. Method: documents by hand, then properties over any. */

type Piece = Pick<Element, 'kind' | 'text'> & Partial<Element>;

/** A parsed document of these elements: rows and list items on lines of their own, the rest with an empty line between. */
function documentOf(...pieces: readonly Piece[]): ParsedDocument {
  let text = '';
  const elements = pieces.map((piece, index): Element => {
    const isClose = piece.kind === 'table_row' || piece.kind === 'list_item';
    if (index > 0) text += isClose ? '\n' : '\n\n';
    const start = text.length;
    text += piece.text;
    return { ...piece, start, end: text.length };
  });
  return { mediaType: 'text/plain', text, elements, metadata: {}, pageCount: null, attachments: [], warnings: [] };
}

const paragraph = (text: string, page?: number): Piece => ({
  ...{ kind: 'paragraph', text, ...(page === undefined ? {} : { page }) },
});
const heading = (level: number, text: string): Piece => ({ kind: 'heading', level, text });
const row = (text: string): Piece => ({ kind: 'table_row', text });

const chunk = (document: ParsedDocument, maxTokens = 20, countTokens = countWordTokens): Chunk[] =>
  createStructureChunker({ maxTokens, countTokens }).chunk(document);
const textsOf = (chunks: readonly Chunk[]) => chunks.map(({ text }) => text);

/** So many words, each of one token. */
const words = (count: number, word = 'word') =>
  Array.from({ length: count }, (_, index) => `${word}${index % 10}`).join(' ');

describe('structure', () => {
  test('what fits stays together, with the blank lines between', () => {
    expect(textsOf(chunk(documentOf(paragraph('One.'), paragraph('Two.'))))).toEqual(['One.\n\nTwo.']);
  });

  test('a heading opens a chunk of its own, and every chunk under it names the headings above', () => {
    const document = documentOf(
      ...[
        paragraph('Before.'),
        heading(1, 'Freight'),
        paragraph('By sea.'),
        heading(2, 'Rail'),
        paragraph('By train.'),
      ],
      ...[heading(3, 'Night'), paragraph('By night.'), heading(2, 'Road'), paragraph('By truck.')],
      ...[heading(1, 'Terms'), paragraph('Thirty days.')],
    );
    expect(chunk(document).map(({ headingPath, text }) => [headingPath, text])).toEqual([
      [[], 'Before.'],
      [['Freight'], 'Freight\n\nBy sea.'],
      [['Freight', 'Rail'], 'Rail\n\nBy train.'],
      [['Freight', 'Rail', 'Night'], 'Night\n\nBy night.'],
      [['Freight', 'Road'], 'Road\n\nBy truck.'],
      [['Terms'], 'Terms\n\nThirty days.'],
    ]);
  });

  test('a title stands above every heading', () => {
    const document = documentOf({ kind: 'title', text: 'Contract' }, heading(1, 'Parties'), paragraph('Acme.'));
    expect(chunk(document)).toMatchObject([
      { headingPath: ['Contract', 'Parties'], text: 'Contract\n\nParties\n\nAcme.' },
    ]);
  });

  test('a heading at the end keeps its text', () => {
    expect(textsOf(chunk(documentOf(paragraph('One.'), heading(1, 'The end'))))).toEqual(['One.', 'The end']);
  });

  test('a section that is too long is cut into parts of like size, all under its headings', () => {
    const paragraphs = Array.from({ length: 4 }, () => paragraph(words(5)));
    const chunks = chunk(documentOf(heading(1, 'Rates'), ...paragraphs), 20);
    expect(chunks.map(({ headingPath }) => headingPath)).toEqual([['Rates'], ['Rates']]);
    expect(chunk(documentOf(...paragraphs), 19).map(({ tokenCount }) => tokenCount)).toEqual([10, 10]);
  });

  test('a heading over many lines becomes one line of at most two hundred characters', () => {
    const [first] = chunk(documentOf(heading(1, `Rates\nand\tterms ${'x'.repeat(500)}`), paragraph('One.')), 400);
    expect(first!.headingPath[0]).toMatch(/^Rates and terms x+$/);
    expect(first!.headingPath[0]).toHaveLength(200);
  });

  test('headings that are longer than a chunk leave room for text all the same', () => {
    const document = documentOf(heading(1, words(30, 'head')), paragraph(words(60)));
    const chunks = chunk(document, 20);
    expect(Math.max(...chunks.map(({ text }) => countWordTokens(text)))).toBe(10);
  });

  test('a chunk is on the page where it begins', () => {
    const document = documentOf(paragraph(words(15), 1), paragraph(words(15), 2), paragraph('no page'));
    expect(chunk(document, 20).map(({ page }) => page)).toEqual([1, 2]);
    expect(chunk(documentOf(paragraph('no page')))).toMatchObject([{ page: null }]);
  });

  test('ordinals count from 0 without gaps', () => {
    const document = documentOf(
      ...Array.from({ length: 9 }, (_, index) => heading(1, `Part ${index}`)),
      paragraph(words(99)),
    );
    const ordinals = chunk(document).map(({ ordinal }) => ordinal);
    expect(ordinals).toEqual([...ordinals.keys()]);
  });

  test.each([
    ['no elements', documentOf()],
    ['blank elements', documentOf(paragraph('  \n '), paragraph('\t'))],
  ])('%s give no chunk', (_, document) => {
    expect(chunk(document)).toEqual([]);
  });
});

describe('table rows', () => {
  const rows = Array.from({ length: 12 }, (_, index) =>
    row(`Load: LD-${700_000 + index} | Carrier: Farrow Freight LLC. Night only.`),
  );

  test('are whole and readable in the chunk that holds them', () => {
    for (let maxTokens = 20; maxTokens < 60; maxTokens += 3) {
      const chunks = chunk(documentOf(heading(1, 'Loads'), ...rows), maxTokens);
      expect(chunks.length).toBeGreaterThan(2);
      const [title, ...lines] = textsOf(chunks).flatMap((text) => text.split(/\n+/));
      expect([title, ...lines]).toEqual(['Loads', ...rows.map(({ text }) => text)]);
    }
  });

  test('that are longer than a chunk are cut between words, nothing left out', () => {
    const long = row(`Load: LD-1 | Remarks: ${words(50)}`);
    const chunks = chunk(documentOf(long), 20);
    expect(textsOf(chunks).join('')).toBe(long.text);
    expect(Math.max(...chunks.map(({ tokenCount }) => tokenCount))).toBeLessThanOrEqual(20);
  });
});

describe('an element that is too long', () => {
  test('is cut at the ends of sentences where they fit', () => {
    const sentences = [
      'The first sentence has six words. ',
      'The second one has six too. ',
      'And so has the third one.',
    ];
    expect(textsOf(chunk(documentOf(paragraph(sentences.join(''))), 8))).toEqual(sentences);
  });

  test('is cut between words where a sentence does not fit', () => {
    const chunks = chunk(documentOf(paragraph(words(50))), 20);
    for (const { text } of chunks) expect(text.trim()).toMatch(/^word\d( word\d)*$/);
  });

  test.each([
    ['an address of the web', 'https://freight.example/loads?status=open&carrier=farrow!late'],
    ['a name with a full stop', 'S.A.de.C.V.Transportes.del.Norte'],
    ['a path', 'C:\\loads\\2026.01.05\\Farrow.Freight.LLC?.txt'],
    ['a word of a thousand letters', 'x'.repeat(1_000)],
  ])('never inside a word: %s', (_, word) => {
    const document = documentOf(paragraph(Array.from({ length: 12 }, () => `see ${word} now`).join(' ')));
    for (const maxTokens of [4, 7, 12]) {
      const found = textsOf(chunk(document, maxTokens)).flatMap((text) =>
        text.split(/\s+/).filter((part) => part !== ''),
      );
      expect(found).toEqual(document.text.split(' '));
    }
  });

  test('sentences without blanks between them are cut apart all the same', () => {
    const document = documentOf(paragraph('これは文です。'.repeat(20)));
    const texts = textsOf(chunk(document, 20));
    expect(texts.length).toBeGreaterThan(3);
    for (const text of texts) expect(text).toMatch(/^(これは文です。)+$/);
  });

  test('that is one endless word is cut, never inside a character', () => {
    const endless = `x${'😀'.repeat(30_001)}`;
    const texts = textsOf(chunk(documentOf(paragraph(endless)), 20));
    expect(texts.length).toBeGreaterThan(10);
    for (const text of texts) expect(text).toMatch(/^x?(?:😀)+$/u);
    expect(texts.join('')).toBe(endless);
  });
});

describe('size', () => {
  test('is counted as the embedder counts it, with the headings', () => {
    const countTokens = (text: string) => text.length;
    const document = documentOf(heading(1, 'Rates'), ...Array.from({ length: 9 }, () => paragraph('ten tokens')));
    for (let maxTokens = 24; maxTokens < 80; maxTokens += 1) {
      for (const made of chunk(document, maxTokens, countTokens)) {
        expect(made.tokenCount).toBe(countTokens(embeddingText(made)));
        expect(made.tokenCount).toBeLessThanOrEqual(maxTokens);
      }
    }
  });

  test('is part of the version, so that another size chunks anew', () => {
    const versions = [10, 20].map(
      (maxTokens) => createStructureChunker({ maxTokens, countTokens: countWordTokens }).version,
    );
    expect(new Set(versions).size).toBe(2);
  });
});

const anyText = fc.oneof(
  fc
    .array(
      fc.constantFrom(
        'a',
        'word',
        'Inc.',
        'LD-700001',
        'U.S.',
        'why?',
        'no!yes',
        '3.5',
        'longerthansix',
        '\n',
        '\t',
        '  ',
      ),
      { maxLength: 40 },
    )
    .map((parts) => parts.join(' ')),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
);
const anyPiece = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('paragraph', 'list_item', 'table_row', 'code', 'note'),
      text: anyText,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('heading'), level: fc.integer({ min: 1, max: 6 }), text: anyText }),
  },
);
const anyDocument = fc.array(anyPiece, { maxLength: 12 }).map((pieces) => documentOf(...(pieces as Piece[])));
const anySize = fc.integer({ min: 1, max: 40 });

describe('of any document', () => {
  test('a chunk is what the text says at its offsets, in order and without overlaps', () => {
    fc.assert(
      fc.property(anyDocument, anySize, (document, maxTokens) => {
        let before = 0;
        for (const { text, start, end } of chunk(document, maxTokens)) {
          expect(document.text.slice(start, end)).toBe(text);
          expect(start).toBeGreaterThanOrEqual(before);
          expect(text.trim()).not.toBe('');
          before = end;
        }
      }),
    );
  });

  test('nothing but white space is left out', () => {
    fc.assert(
      fc.property(anyDocument, anySize, (document, maxTokens) => {
        let rest = document.text;
        for (const { text } of chunk(document, maxTokens)) {
          const [skipped, ...after] = rest.split(text);
          expect(skipped!.trim()).toBe('');
          rest = after.join(text);
        }
        expect(rest.trim()).toBe('');
      }),
    );
  });

  test('no chunk begins or ends inside a word', () => {
    const anyWords = anyDocument.filter(({ text }) => /^[\u0000-\u024f]*$/.test(text));
    fc.assert(
      fc.property(anyWords, anySize, (document, maxTokens) => {
        for (const { start, end } of chunk(document, maxTokens)) {
          for (const edge of [start, end])
            expect(document.text.slice(Math.max(0, edge - 1), edge + 1)).toMatch(/^.?$|\s/s);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a chunk keeps to the size, but for one word or headings that are longer', () => {
    fc.assert(
      fc.property(anyDocument, anySize, (document, maxTokens) => {
        for (const made of chunk(document, maxTokens)) {
          const headings = countWordTokens(made.headingPath.join(' > '));
          const room = Math.max(maxTokens, headings + Math.ceil(maxTokens / 2));
          expect(made.tokenCount).toBe(countWordTokens(embeddingText(made)));
          if (/\s/.test(made.text.trim())) expect(made.tokenCount).toBeLessThanOrEqual(room);
        }
      }),
    );
  });

  test('the same document gives the same chunks', () => {
    fc.assert(
      fc.property(anyDocument, anySize, (document, maxTokens) => {
        expect(chunk(structuredClone(document), maxTokens)).toEqual(chunk(document, maxTokens));
      }),
    );
  });
});
