import { type Found, foldName, foundAt } from './found.ts';
import { findLabelledValues } from './labels.ts';

/** Legal forms that end a name. Two-letter ones that are also places or words (`CO`, `NV`, `SA`) need their dots. */
const LEGAL_FORM =
  / (?:GmbH & Co\. ?(?:KGaA|KG|OHG)|S\.A\. de C\.V\.|S\. de R\.L\.|Pty\.? Ltd|Sp\. z o\.o|s\.r\.o|e\.K|e\.V|Incorporated|INCORPORATED|Inc|INC|L\.L\.C|LLC|LLP|L\.P|LP|Limited|LIMITED|Ltd|LTD|PLC|Plc|plc|Corporation|CORPORATION|Corp|CORP|Company|COMPANY|Co\.|GmbH|GMBH|KGaA|KG|OHG|UG|AG|S\.A\.S|SAS|SARL|S\.à r\.l|S\.A\.R\.L|S\.r\.l|SRL|S\.p\.A|SpA|S\.A|SDN\.? BHD|Sdn\.? Bhd|B\.V|BV|N\.V|Oyj|Oy|ApS|A\/S|AB|Pty)(?![\p{L}\p{N}&])\.?/gu;

/** Words and characters looked at in front of a legal form. */
const MAX_NAME_WORDS = 7;
const MAX_NAME_LENGTH = 90;

/** Lower-case words that may stand inside a name, never at its start. */
const CONNECTORS = new Set([
  '&',
  '+',
  '-',
  '–',
  'and',
  'of',
  'the',
  'for',
  'de',
  'del',
  'la',
  'und',
  'y',
  'et',
  'van',
  'von',
]);

/** Capitalised words that introduce a name rather than begin it. */
const INTRODUCTIONS = new Set(
  'the a an and or for with by from to between dear shipper consignor consignee receiver carrier broker customer vendor bill ship attn'.split(
    ' ',
  ),
);

/** Organisations: by their legal form, and by a label that says what they are (`Shipper: Acme Foods`). */
export function findOrganizations(text: string): Found[] {
  return [...findByLegalForm(text), ...findByLabel(text)];
}

function findByLegalForm(text: string): Found[] {
  const found: Found[] = [];
  let previous = { start: null as number | null, end: 0 };
  for (const match of text.matchAll(LEGAL_FORM)) {
    const end = match.index + match[0].length;
    // Forms in a row (`Aldo Co. Ltd`) share one name; walking back over them again would take quadratic time.
    const start = match.index === previous.end ? previous.start : startOfName(text, previous.end, match.index);
    if (start !== null && end - start <= MAX_NAME_LENGTH) found.push(organization(text, start, end));
    previous = { start, end };
  }
  return found;
}

/** Walks back over the words between `from` and `end`, nearest first; null when they are no name. */
function startOfName(text: string, from: number, end: number): number | null {
  const floor = Math.max(from, end - MAX_NAME_LENGTH);
  let start: number | null = null;
  let wordEnd = end;
  for (let words = 0; words < MAX_NAME_WORDS && wordEnd > floor; words += 1) {
    let wordStart = wordEnd;
    while (wordStart > floor && !isBreak(text.charCodeAt(wordStart - 1))) wordStart -= 1;
    const word = text.slice(wordStart, wordEnd);
    const isLast = words === 0;
    if (!isNameWord(isLast ? word.replace(/,$/, '') : word)) break;
    if (/^\p{Lu}|^\d+\p{Lu}/u.test(word) && !INTRODUCTIONS.has(word.toLowerCase())) start = wordStart;
    if (text[wordStart - 1] !== ' ') break;
    wordEnd = wordStart - 1;
  }
  return start;
}

/** Space, tab, newline, no-break space, opening parenthesis, quotation mark. */
function isBreak(code: number): boolean {
  return code === 32 || code === 9 || code === 10 || code === 13 || code === 160 || code === 40 || code === 34;
}

function isNameWord(word: string): boolean {
  if (CONNECTORS.has(word)) return true;
  return (
    /^(?:\p{Lu}|\d+[\p{L}-])[\p{L}\p{N}&'’./+-]*$/u.test(word) &&
    (!word.endsWith('.') || word.length <= 4 || /\..*\./.test(word))
  );
}

const LABELLED_NAME = /^[ \t]*(\p{Lu}[^\n|:;,(\t]{1,78}?)(?=\s*$|\n|\||;|,|\(|\t| {2})/u;
const PARTY_ROLES: ReadonlySet<string> = new Set(['SHIPPER_OF', 'CONSIGNEE_OF', 'CARRIER_OF', 'BILL_TO_OF']);

function findByLabel(text: string): Found[] {
  const found: Found[] = [];
  for (const { role, valueStart, valueEnd } of findLabelledValues(text)) {
    if (!PARTY_ROLES.has(role)) continue;
    const match = LABELLED_NAME.exec(text.slice(valueStart, valueEnd));
    if (match === null) continue;
    const start = valueStart + match[0].length - match[1]!.length;
    const name = match[1]!.trimEnd().replace(/(?<=\p{Ll}{3})\.$/u, '');
    if (/\p{L}{2}/u.test(name)) found.push(organization(text, start, start + name.length));
  }
  return found;
}

/** Spellings of one legal form, as `foldName` leaves them. */
const SAME_FORM: Readonly<Record<string, string>> = {
  incorporated: 'inc',
  limited: 'ltd',
  corporation: 'corp',
  company: 'co',
};

function organization(text: string, start: number, end: number): Found {
  const words = foldName(text.slice(start, end)).split(' ');
  const last = words.pop()!;
  return foundAt(text, 'Organization', [...words, SAME_FORM[last] ?? last].join(' '), { start, end });
}
