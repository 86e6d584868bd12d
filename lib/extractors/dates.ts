import { type Found, foundAt } from './found.ts';

const NUMERIC = /(?<![\w./-])(\d{1,4})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?![\d/]|[.-]\d)/g;

/** Months by their first letters, German where it differs; `may` and `mai`, `oct` and `okt`, `dec` and `dez`. */
const MONTHS: readonly RegExp[] = [
  /^jan|^jän/,
  /^feb/,
  /^mar|^mär/,
  /^apr/,
  /^ma[yi]/,
  /^jun/,
  /^jul/,
  /^aug/,
  /^sep/,
  /^o[ck]t/,
  /^nov/,
  /^de[cz]/,
];

const MONTH =
  /(?<!\p{L})(?:Jan(?:uar(?:y)?)?|Jän(?:ner)?|Feb(?:ruar(?:y)?)?|Mar(?:ch)?|März|Apr(?:il)?|Ma[yi]|June?|Juni|July?|Juli|Aug(?:ust)?|Sept?(?:ember)?|O[ck]t(?:ober)?|Nov(?:ember)?|De[cz](?:ember)?)(?!\p{L})/giu;
const DAY_BEFORE = /(?<!\d)(\d{1,2})(?:st|nd|rd|th|\.)?[\s-]{0,2}(?:of\s)?$/i;
const YEAR_AFTER = /\.?,?[\s-](\d{4})(?!\d)/y;
const DAY_AND_YEAR_AFTER = /\.?\s(\d{1,2})(?:st|nd|rd|th)?,?\s{1,2}(\d{4})(?!\d)/y;
/** The longest text of `DAY_BEFORE`: `31st of `. */
const DAY_BEFORE_LENGTH = 10;

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
  for (const { 0: name, index } of text.matchAll(MONTH)) {
    const month = MONTHS.findIndex((pattern) => pattern.test(name.toLowerCase())) + 1;
    const end = index + name.length;
    const before = DAY_BEFORE.exec(text.slice(Math.max(0, index - DAY_BEFORE_LENGTH), index));
    YEAR_AFTER.lastIndex = end;
    DAY_AND_YEAR_AFTER.lastIndex = end;
    const year = before && YEAR_AFTER.exec(text);
    const dayAndYear = year ? null : DAY_AND_YEAR_AFTER.exec(text);
    if (before && year) {
      const key = isoDate(Number(year[1]), month, Number(before[1]));
      if (key) found.push(foundAt(text, 'Date', key, { start: index - before[0].length, end: YEAR_AFTER.lastIndex }));
    } else if (dayAndYear) {
      const key = isoDate(Number(dayAndYear[2]), month, Number(dayAndYear[1]));
      if (key) found.push(foundAt(text, 'Date', key, { start: index, end: DAY_AND_YEAR_AFTER.lastIndex }));
    }
  }
  return found;
}

function isoDate(year: number, month: number, day: number): string | null {
  if (year < 1800 || year > 2199 || month < 1 || month > 12 || day < 1) return null;
  const lastDay = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (day > lastDay) return null;
  return `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
}
