// Goal: the sample documents of the quick start tell one story. Method: those that are text are read as they lie on disk, the table as
// the rows that the contract of elements promises; the others need their parsers and are proved end to end.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MEDIA_TYPES } from '../../../lib/contracts/document.ts';
import { extractFrom, facts, headersOf } from './reading.ts';

function sample(name: string): string {
  return readFileSync(new URL(`../../../fixtures/sample/${name}`, import.meta.url), 'utf8').replaceAll('\r\n', '\n');
}

test('the dock note names the load, its carrier and what came with it', async () => {
  const extraction = await extractFrom(sample('dock-note.txt'));
  expect(extraction.mentions.map(({ type, key }) => `${type} ${key}`)).toEqual([
    'Organization tarrowby grocers inc',
    'Date 2026-11-06',
    'Load LD-20418',
    'Unit 4412',
    'Unit 53117',
    'Vin 1ZZBA9AX6FA265817',
    'PurchaseOrder 4500012',
    'Invoice INV-88031',
    'Money USD 310.00',
    'Organization sundmere linehaul inc',
    'Person priya nair',
  ]);
  expect(facts(extraction)).toEqual([
    'LD-20418 REFERENCES 4500012',
    'LD-20418 REFERENCES INV-88031',
    'sundmere linehaul inc CARRIER_OF LD-20418',
  ]);
  expect(extraction.statedAt).toBe('2026-11-06');
});

test('the mail gives the load another carrier, a day after the bill of lading', async () => {
  const text = sample('carrier-change.eml');
  const extraction = await extractFrom(text, {
    mediaType: MEDIA_TYPES.eml,
    elements: headersOf(text),
    metadata: { date: '2026-11-04T07:45:00-06:00' },
  });
  expect(facts(extraction)).toEqual([
    'dana.reyes@orrinway.example SENT_BY dana reyes',
    'dana reyes SENT_TO sam whitlock',
    'dana reyes SENT_TO priya nair',
    'sundmere linehaul inc CARRIER_OF LD-20418',
    'LD-20418 REFERENCES 778120',
    'LD-20418 REFERENCES 4500012',
  ]);
  expect(extraction.statedAt).toBe('2026-11-04T13:45:00.000Z');
});

test('the contract names its parties and states nothing about a load', async () => {
  const extraction = await extractFrom(sample('carrier-contract.md'), { mediaType: MEDIA_TYPES.markdown });
  const organizations = extraction.mentions.filter(({ type }) => type === 'Organization').map(({ name }) => name);
  expect(organizations).toEqual(['Orrinway Logistics Inc', 'Brackenfell Freight LLC']);
  expect(extraction.relations).toEqual([]);
  expect(extraction.statedAt).toBe('2026-10-01');
});

test('a row of the shipment list states all about its load', async () => {
  const [header, first] = sample('shipments.csv').split('\n');
  const cells = [...first!.matchAll(/"([^"]*)"|([^,]+)/g)].map(([, quoted, plain]) => quoted ?? plain);
  const row = header!.split(',').map((column, index) => `${column}: ${cells[index]}`);
  const extraction = await extractFrom(row.join(' | '), { mediaType: MEDIA_TYPES.csv });
  expect(facts(extraction).toSorted()).toEqual([
    'LD-20418 REFERENCES 4500012',
    'LD-20418 REFERENCES 778120',
    'LD-20418 SHIPS_FROM dallas tx',
    'LD-20418 SHIPS_TO chicago il',
    'quillmark foods llc SHIPPER_OF LD-20418',
    'sundmere linehaul inc CARRIER_OF LD-20418',
    'tarrowby grocers inc CONSIGNEE_OF LD-20418',
  ]);
});
