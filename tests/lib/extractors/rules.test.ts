// Goal: what the rules make of whole documents: exact spans, stable answers, relations between the right ends.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MEDIA_TYPES } from '../../../lib/contracts/document.ts';
import { EXTRACTORS } from '../../../lib/extractors/index.ts';
import { RELATION_SHAPES } from '../../../lib/extractors/relations.ts';
import rules from '../../../lib/extractors/rules.ts';
import { chunksOf, documentOf, extractFrom, facts, headersOf } from './reading.ts';

/** Pieces that rules react to, so that random texts are worth reading. */
const PIECE = fc.constantFrom(
  ...[
    'Shipper: ',
    'Acme Foods Inc',
    ' ',
    '\n',
    ' | ',
    ', ',
    'Load LD-20418',
    'BOL # 778120',
    'Dallas, TX 75201',
    'from ',
  ],
  ...[
    '12 Elm St, ',
    '$1,200.00',
    '11/03/2026',
    '(312) 555-0142',
    'a@b.example',
    'CSQU3054383',
    'ö',
    '🚚',
    'Carrier:',
    'to ',
  ],
);
const TEXT = fc
  .array(fc.oneof(PIECE, fc.string({ unit: 'binary', maxLength: 6 })), { maxLength: 60 })
  .map((parts) => parts.join(''));

test('every mention and relation quotes its chunk, in order, and relates entities that are mentioned', async () => {
  const check = fc.asyncProperty(TEXT, fc.nat(), async (text, cut) => {
    const chunks = chunksOf(text, cut % (text.length + 1));
    const extraction = await rules.create().extract(documentOf(text), chunks, new AbortController().signal);
    const entities = new Set(extraction.mentions.map(({ type, key }) => `${type} ${key}`));
    let previous = [0, 0];
    for (const { ordinal, start, end, quote, key, name } of extraction.mentions) {
      expect(quote).toBe(chunks[ordinal]!.text.slice(start, end));
      expect([key, name, quote]).not.toContain('');
      expect(ordinal > previous[0]! || (ordinal === previous[0] && start >= previous[1]!)).toBe(true);
      previous = [ordinal, start];
    }
    for (const { type, subject, object, ordinal, quote } of extraction.relations) {
      expect(chunks[ordinal]!.text).toContain(quote);
      expect(RELATION_SHAPES[type].subjects).toContain(subject.type);
      expect(RELATION_SHAPES[type].objects).toContain(object.type);
      expect(entities).toContain(`${subject.type} ${subject.key}`);
      expect(entities).toContain(`${object.type} ${object.key}`);
    }
  });
  await fc.assert(check, { numRuns: 300 });
});

test('the same document gives the same extraction', async () => {
  const text = 'Load LD-1077\nCarrier: Velden Haul Inc\nfrom Dallas, TX to Chicago, IL';
  expect(await extractFrom(text)).toEqual(await extractFrom(text));
});

test('an entity cut by the border of two chunks is dropped', async () => {
  const text = 'paid by Velden Foods Inc';
  const chunks = chunksOf(text, text.indexOf('Foods'));
  const { mentions } = await rules.create().extract(documentOf('paid by Dana'), chunks, new AbortController().signal);
  expect(mentions.map(({ name }) => name)).toEqual(['Foods Inc']);
});

test('of overlapping names the longest stays', async () => {
  const { mentions } = await extractFrom('Shipper: Velden Foods, Inc. of Dallas');
  expect(mentions.map(({ name }) => name)).toEqual(['Velden Foods, Inc.']);
});

test('a document states its facts about its load, wherever its number stands', async () => {
  const text = [
    'BOL: 778120',
    'Shipper: Acme Foods Inc',
    'Ship to:\n88 Harbor Road\nChicago, IL 60607',
    'Carrier: Velden Haul LLC',
    'Bill to: Orrinway Logistics Inc',
    'Load number: LD-1077 moves from Dallas, TX to Chicago, IL',
    'PO 4500012 in CSQU3054383',
  ].join('\n');
  expect(facts(await extractFrom(text))).toEqual([
    'LD-1077 REFERENCES 778120',
    'acme foods inc SHIPPER_OF LD-1077',
    'LD-1077 SHIPS_TO 88 harbor road chicago il 60607',
    'velden haul llc CARRIER_OF LD-1077',
    'orrinway logistics inc BILL_TO_OF LD-1077',
    'LD-1077 SHIPS_FROM dallas tx',
    'LD-1077 SHIPS_TO chicago il',
    'LD-1077 REFERENCES 4500012',
    'LD-1077 REFERENCES CSQU3054383',
  ]);
});

test('a row states facts about its own number, and a row without one about none of many', async () => {
  const text =
    'Load: LD-1077 | Carrier: Velden Haul LLC\nBOL: 55120 | Carrier: Brant Lines Inc\nLoad: LD-1078 | Note: none\nCarrier: Acme Lines Inc | Lane: 7';
  expect(facts(await extractFrom(text))).toEqual([
    'velden haul llc CARRIER_OF LD-1077',
    'brant lines inc CARRIER_OF 55120',
  ]);
});

test('a former carrier and a document without a transport state nothing', async () => {
  expect(facts(await extractFrom('Load LD-1077\nPrevious carrier: Velden Haul LLC'))).toEqual([]);
  expect(facts(await extractFrom('Carrier: Velden Haul LLC, PO 4500012'))).toEqual([]);
});

test('an invoice is billed to someone but has no carrier', async () => {
  const text = 'Invoice no. INV-77\nBill to: Velden Foods Inc\nCarrier: Brant Lines Inc\nPO 4500012';
  expect(facts(await extractFrom(text))).toEqual(['velden foods inc BILL_TO_OF INV-77', 'INV-77 REFERENCES 4500012']);
});

test('a mail says who wrote to whom and when', async () => {
  const text =
    'From: Dana Reyes <dana@x.example>\nTo: Sam Cole <sam@x.example>, ops@x.example\nSubject: hello\n\nHi Sam';
  const extraction = await extractFrom(text, {
    mediaType: MEDIA_TYPES.eml,
    elements: headersOf(text),
    metadata: { date: '2026-11-04T07:45:00-06:00' },
  });
  expect(facts(extraction)).toEqual([
    'dana@x.example SENT_BY dana reyes',
    'dana reyes SENT_TO sam cole',
    'dana reyes SENT_TO ops@x.example',
  ]);
  expect(extraction.mentions.filter(({ type }) => type === 'Person').map(({ quote }) => quote)).toEqual([
    'Dana Reyes',
    'Sam Cole',
  ]);
  expect(extraction.statedAt).toBe('2026-11-04T13:45:00.000Z');
});

test.each([
  ['Invoice\nInvoice date: 11/03/2026\nDue date: 12/03/2026', '2026-11-03'],
  ['Dated October 1, 2026, between', '2026-10-01'],
  ['Note\nDate: 3. März 2026', '2026-03-03'],
  ['Due date: 12/03/2026', null],
  ['delivered on 12/03/2026', null],
])('%j is stated at %s', async (text, expected) => {
  expect((await extractFrom(text)).statedAt).toBe(expected);
});

test('a date in a row dates the row, not the table', async () => {
  expect((await extractFrom('Date: 11/03/2026 | Load: LD-1', { mediaType: MEDIA_TYPES.csv })).statedAt).toBeNull();
});

test('a mail date without a zone would depend on the machine and counts as unknown', async () => {
  const extra = { mediaType: MEDIA_TYPES.eml, metadata: { date: '2026-11-04T07:45:00' } };
  expect((await extractFrom('Hi', extra)).statedAt).toBeNull();
});

test('a long document yields to the event loop and obeys its signal', async () => {
  const text = 'Carrier: Velden Haul LLC\n'.repeat(40_000);
  const cuts = Array.from({ length: 99 }, (_, index) => (index + 1) * 10_000);
  const controller = new AbortController();
  setImmediate(() => controller.abort());
  await expect(rules.create().extract(documentOf(text), chunksOf(text, ...cuts), controller.signal)).rejects.toThrow();
});

test('the registry makes every extractor under its own name', async () => {
  for (const [name, load] of Object.entries(EXTRACTORS)) expect((await load()).name).toBe(name);
});
