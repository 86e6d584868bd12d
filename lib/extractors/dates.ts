import { type Found, foundAt } from './found.ts';

const NUMERIC = /(?<![\w./-])(\d{1,4})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?![\d/]|[.-]\d)/g;

/** Months as English and German write them, in lower case, January first. */
const MONTHS: readonly RegExp[] = [
  /^j[aä]n(?:uary?|ner)?$/,
  /^feb(?:ruary?)?$/,
  /^(?:mar(?:ch)?|märz)$/,
  /^apr(?:il)?$/,
  /^ma[yi]$/,
  /^jun[ei]?$/,
  /^jul[yi]?$/,
  /^aug(?:ust)?$/,
  /^sept?(?:ember)?$/,
  /^o[ck]t(?:ober)?$/,
  /^nov(?:ember)?$/,
  /^de[cz](?:ember)?$/,
];

/** Written dates are found from their year and read backwards, so that words cost nothing. */
const YEAR = /(?<=[\s-])\d{4}(?!\d)/g;
const DAY_AND_MONTH =
  /(?<![\p{L}\d])(?:(\d{1,2})(?:st|nd|rd|th|\.)?[ -]?(?:of )?([a-zä]{3,9})\.?,?|([a-zä]{3,9})\.?\s(\d{1,2})(?:st|nd|rd|th)?,?)[\s-]$/iu;
/** The longest text of `DAY_AND_MONTH`: `30th of September, `. */
const DAY_AND_MONTH_LENGTH = 20;

/** Two-digit years up to this one are of the 21st century. */
const LAST_SHORT_YEAR = 69;

/**
 * Calendar dates; the key is `YYYY-MM-DD`.
 *
 * `11/03/2026` is read month first, as in the United States, unless the first number can only be a day (`25/11/2026`);
 * `03.11.2026` is read day first. Dates that do not exist, and years outside 1800 to 2199, are not dates.
 */
export function findDates(text: string): Found[] {
  return [...findNumericDates(text), ...findWrittenDates(text)];
}

function findNumericDates(text: string): Found[] {
  const found: Found[] = [];
  for (const match of text.matchAll(NUMERIC)) {
    const [quote, first, separator, second, third] = match as unknown as [string, string, string, string, string];
    const key = isoOfNumbers(first, separator, second, third);
    if (key !== null) found.push(foundAt(text, 'Date', key, { start: match.index, end: match.index + quote.length }));
  }
  return found;
}

function isoOfNumbers(first: string, separator: string, second: string, third: string): string | null {
  if (first.length === 4) return third.length === 2 ? isoDate(Number(first), Number(second), Number(third)) : null;
  if (first.length === 3 || (separator === '-' && third.length === 2)) return null;
  const year = third.length === 4 ? Number(third) : Number(third) + (Number(third) <= LAST_SHORT_YEAR ? 2000 : 1900);
  const isDayFirst = separator === '.' || Number(first) > 12;
  return isDayFirst ? isoDate(year, Number(second), Number(first)) : isoDate(year, Number(first), Number(second));
}

function findWrittenDates(text: string): Found[] {
  const found: Found[] = [];
  for (const { 0: year, index } of text.matchAll(YEAR)) {
    const before = DAY_AND_MONTH.exec(text.slice(Math.max(0, index - DAY_AND_MONTH_LENGTH), index));
    if (before === null) continue;
    const [quote, dayFirst, monthSecond, monthFirst, daySecond] = before;
    const name = (monthSecond ?? monthFirst)!.toLowerCase();
    const month = MONTHS.findIndex((pattern) => pattern.test(name)) + 1;
    const key = isoDate(Number(year), month, Number(dayFirst ?? daySecond));
    if (key !== null) found.push(foundAt(text, 'Date', key, { start: index - quote.length, end: index + year.length }));
  }
  return found;
}

function isoDate(year: number, month: number, day: number): string | null {
  if (year < 1800 || year > 2199 || month < 1 || month > 12 || day < 1) return null;
  const lastDay = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (day > lastDay) return null;
  return `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
}
