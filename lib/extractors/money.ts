import { type Found, foundAt } from './found.ts';

/** A sign that several countries share means the currency most traded under it. */
const SIGNS: Readonly<Record<string, string>> = {
  US$: 'USD',
  CA$: 'CAD',
  C$: 'CAD',
  A$: 'AUD',
  MX$: 'MXN',
  $: 'USD',
  '€': 'EUR',
  '£': 'GBP',
  '¥': 'JPY',
};

const BEFORE =
  /(?<![\p{L}\p{N}])(USD|EUR|GBP|CAD|AUD|MXN|CHF|JPY|CNY|INR|PLN|SEK|NOK|DKK|CZK|US\$|CA\$|MX\$|C\$|A\$|[$€£¥])[ \u00a0]?(\d[\d.,]{0,17})/gu;
const AFTER =
  /(?<![\p{L}\p{N}.,])(\d[\d.,]{0,17})[ \u00a0]?(USD|EUR|GBP|CAD|AUD|MXN|CHF|JPY|CNY|INR|PLN|SEK|NOK|DKK|CZK|[€£])(?![\p{L}\p{N}])/gu;

/** Amounts with a currency; the key is `USD 1200.00`: code, space, amount with two decimals. */
export function findMoney(text: string): Found[] {
  const found: Found[] = [];
  for (const { 0: quote, 1: currency, 2: number, index } of text.matchAll(BEFORE)) {
    const written = number!.replace(/[.,]+$/, '');
    const end = index + quote.length - (number!.length - written.length);
    pushAmount(found, text, { currency: currency!, number: written, start: index, end });
  }
  for (const { 0: quote, 1: number, 2: currency, index } of text.matchAll(AFTER)) {
    pushAmount(found, text, { currency: currency!, number: number!, start: index, end: index + quote.length });
  }
  return found;
}

interface Amount {
  readonly currency: string;
  readonly number: string;
  readonly start: number;
  readonly end: number;
}

function pushAmount(found: Found[], text: string, amount: Amount): void {
  const value = plainNumber(amount.number);
  if (value === null) return;
  const key = `${SIGNS[amount.currency] ?? amount.currency} ${value}`;
  found.push(foundAt(text, 'Money', key, amount));
}

/** `1,200`, `1.200,00` and `1200.5` as `1200.00`, `1200.00` and `1200.50`; null when the grouping makes no sense. */
function plainNumber(written: string): string | null {
  const match = /^(\d{1,3}(?:([.,])\d{3})(?:\2\d{3}){0,4}|\d{1,15})(?:[.,](\d{1,2}))?$/.exec(written);
  if (match === null) return null;
  const whole = match[1]!.replace(/[.,]/g, '').replace(/^0+(?=\d)/, '');
  return `${whole}.${(match[3] ?? '').padEnd(2, '0')}`;
}
