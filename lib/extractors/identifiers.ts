import type { EntityType } from '../contracts/document.ts';
import { isContainerNumber, isVin } from './check-digits.ts';
import { type Found, foundAt } from './found.ts';

/** Numbers that only their label tells apart; the label is written in lower case with its plural left out. */
const LABELS: Readonly<Record<string, EntityType>> = {
  'bill of lading': 'BillOfLading',
  'b/l': 'BillOfLading',
  bol: 'BillOfLading',
  'purchase order': 'PurchaseOrder',
  'p.o.': 'PurchaseOrder',
  po: 'PurchaseOrder',
  pro: 'ProNumber',
  load: 'Load',
  shipment: 'Shipment',
  invoice: 'Invoice',
  rechnung: 'Invoice',
  rechnungs: 'Invoice',
  scac: 'Scac',
  mc: 'McNumber',
  'us dot': 'DotNumber',
  usdot: 'DotNumber',
  dot: 'DotNumber',
  unit: 'Unit',
  truck: 'Unit',
  tractor: 'Unit',
  trailer: 'Unit',
};

const LABEL =
  /\b(?:bill of lading|b\/l|bol|purchase order|p\.o\.|po|pro|load|shipment|invoice|rechnungs?|scac|mc|us ?dot|dot|unit|truck|tractor|trailer)(?![a-rt-z])/gi;

/** What may stand between a label and its number. A marker (`no.`, `#`, `:`) makes short numbers credible. */
const BETWEEN =
  /s?(?<marker>[\s_-]?(?:(?:numbers?|nummer|num|nos?\.?|nr\.?|id|code|ref(?:erence)?)(?![\p{L}\p{N}]))?[\s.]{0,2}[:#|=]{0,2}[\s#|]{0,3})/iuy;

const VALUE = /[A-Za-z0-9][A-Za-z0-9/_-]{1,24}(?![\p{L}\p{N}])/uy;

/** `load 42000 lbs` and `trailer 53 ft` state a quantity, not a number of something. */
const QUANTITY =
  /\s?(?:lbs?|pounds?|kgs?|tons?|ft|foot|feet|miles?|pallets?|cases?|pieces?|cartons?|units?|days?|hours?|%)(?!\p{L})/iuy;

/** What a type's numbers look like; types that are absent take any value with at least two digits. */
const SHAPES: Readonly<Partial<Record<EntityType, RegExp>>> = {
  Scac: /^[A-Z]{2,4}$/,
  McNumber: /^\d{4,8}$/,
  DotNumber: /^\d{4,8}$/,
  // Short, so that the VIN of a tractor is not taken for its number in the fleet.
  Unit: /^(?=\D*\d)[\w/-]{1,10}$/,
};
const ANY_NUMBER = /^(?=[^\d]*\d[^\d]*\d)(?!\d{4}-\d\d-\d\d$)(?!\d{1,2}\/\d{1,2}\/\d{2,4}$)/;

/** Without a marker a number must look like one: letters with digits, or at least this many digits. */
const BARE_DIGITS = 4;

/** Numbers after their label: `BOL # 778120`, `Load number: LD-20418`, `MC-481516`. Keys are upper case. */
export function findLabelledNumbers(text: string): Found[] {
  const found: Found[] = [];
  for (const match of text.matchAll(LABEL)) {
    const label = match[0].toLowerCase();
    const type = LABELS[label]!;
    BETWEEN.lastIndex = match.index + label.length;
    const between = BETWEEN.exec(text);
    if (between === null) continue;
    VALUE.lastIndex = BETWEEN.lastIndex;
    const value = VALUE.exec(text)?.[0];
    if (value === undefined || !(SHAPES[type] ?? ANY_NUMBER).test(value)) continue;
    const marked = /[\p{L}:#|=]/u.test(between.groups!['marker']!);
    if (!marked && !isCredibleBare(text, value, VALUE.lastIndex)) continue;
    const span = { start: VALUE.lastIndex - value.length, end: VALUE.lastIndex };
    found.push(foundAt(text, type, value.toUpperCase(), span));
  }
  return found;
}

function isCredibleBare(text: string, value: string, end: number): boolean {
  QUANTITY.lastIndex = end;
  if (QUANTITY.test(text)) return false;
  return /^\d+$/.test(value) ? value.length >= BARE_DIGITS : /\d.*\d/.test(value);
}

const CONTAINER = /\b[A-Z]{3}[UJZ][ -]?\d{6}[ -]?\d\b/g;
const VIN = /\b[A-HJ-NPR-Z0-9]{17}\b/g;

/** Container numbers and VINs: they need no label, since their check digit vouches for them. */
export function findCheckedNumbers(text: string): Found[] {
  const found: Found[] = [];
  for (const { 0: quote, index } of text.matchAll(CONTAINER)) {
    const key = quote.replace(/[ -]/g, '');
    if (isContainerNumber(key))
      found.push(foundAt(text, 'Container', key, { start: index, end: index + quote.length }));
  }
  for (const { 0: quote, index } of text.matchAll(VIN)) {
    if (isVin(quote)) found.push(foundAt(text, 'Vin', quote, { start: index, end: index + quote.length }));
  }
  return found;
}
