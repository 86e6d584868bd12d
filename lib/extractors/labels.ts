import type { TextRelationType } from '../contracts/document.ts';

/** The part that a label gives to what follows it. */
export type Role = Extract<
  TextRelationType,
  'SHIPPER_OF' | 'CONSIGNEE_OF' | 'CARRIER_OF' | 'BILL_TO_OF' | 'SHIPS_FROM' | 'SHIPS_TO'
>;

/** A label such as `Shipper:` and the text that may hold its value. */
export interface LabelledValue {
  readonly role: Role;
  readonly labelStart: number;
  readonly valueStart: number;
  /** End of the value: the next label, a blank line, the end of its cell, or `MAX_VALUE_LENGTH`; after `From:` and `To:`, which mails use too, the line. */
  readonly valueEnd: number;
}

const ROLES: Readonly<Record<string, Role>> = {
  shipper: 'SHIPPER_OF',
  consignor: 'SHIPPER_OF',
  absender: 'SHIPPER_OF',
  consignee: 'CONSIGNEE_OF',
  receiver: 'CONSIGNEE_OF',
  empfänger: 'CONSIGNEE_OF',
  carrier: 'CARRIER_OF',
  frachtführer: 'CARRIER_OF',
  'bill to': 'BILL_TO_OF',
  'bill-to': 'BILL_TO_OF',
  rechnungsempfänger: 'BILL_TO_OF',
  'ship from': 'SHIPS_FROM',
  origin: 'SHIPS_FROM',
  pickup: 'SHIPS_FROM',
  'pick up': 'SHIPS_FROM',
  from: 'SHIPS_FROM',
  'ship to': 'SHIPS_TO',
  destination: 'SHIPS_TO',
  delivery: 'SHIPS_TO',
  'deliver to': 'SHIPS_TO',
  to: 'SHIPS_TO',
};

/** A label ends in a colon, in a table also in the bar before the next cell. */
const LABEL =
  /\b(shipper|consignor|absender|consignee|receiver|empfänger|carrier|frachtführer|bill[ -]to|rechnungsempfänger|ship from|origin|pickup|pick up|from|ship to|destination|delivery|deliver to|to)(?: (?:name|address|location|city))?(?:: ?\| ?|:[ \t]{0,4}\n?[ \t]{0,4}| \| )/gi;

/** A label that speaks of the past states nothing about the present. */
const PAST = /(?:previous|former|original|old|prior) $/i;
const PAST_LENGTH = 10;

const MAX_VALUE_LENGTH = 200;

/** Labels of parties and places in their order, each with where its value may stand. */
export function findLabelledValues(text: string): LabelledValue[] {
  const values: LabelledValue[] = [];
  if (!/: ?|\|/.test(text)) return values;
  const matches = [...text.matchAll(LABEL)];
  for (const [index, match] of matches.entries()) {
    if (PAST.test(text.slice(Math.max(0, match.index - PAST_LENGTH), match.index))) continue;
    const valueStart = match.index + match[0].length;
    const nextLabel = matches[index + 1]?.index ?? text.length;
    const value = text.slice(valueStart, Math.min(nextLabel, valueStart + MAX_VALUE_LENGTH));
    const word = match[1]!.toLowerCase();
    const isBare = word === 'from' || word === 'to';
    const length = value.search(isBare ? /\n| \| / : /\n[ \t]?\n| \| |\n[^\n:]{2,30}:/);
    values.push({
      role: ROLES[word]!,
      labelStart: match.index,
      valueStart,
      valueEnd: valueStart + (length === -1 ? value.length : length),
    });
  }
  return values;
}
