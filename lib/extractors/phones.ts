import { type Found, foundAt } from './found.ts';

/** Turns a written number into E.164 (`+13125550142`), or null when no such number can exist. */
export type PhoneParser = (written: string) => string | null;

/** A number written for people: with its country code, in the North American shape, or after a label. */
const CANDIDATE =
  /(?<![\w+./-])(?:\+\d[\d ()./-]{6,20}\d|(?:1[ .-])?\(?[2-9]\d\d\)?[ .-]{1,2}\d{3}[ .-]\d{4})(?![\w]|[./-]\d)|(?<=(?:tel|phone|fax|mobile|cell|telefon)\.?:? )\+?\(?\d[\d ()./-]{5,18}\d(?![\w-])/gi;

/** Loads the number plan. The region of numbers without a country code is the United States. */
export async function loadPhoneParser(): Promise<PhoneParser> {
  const { parsePhoneNumberFromString } = await import('libphonenumber-js/max');
  return (written) => {
    const number = parsePhoneNumberFromString(written, 'US');
    return number?.isValid() ? number.number : null;
  };
}

/** Spans that look like a phone number; cheap, so that the number plan is loaded only for texts that have one. */
export function findPhoneCandidates(text: string): { start: number; end: number }[] {
  return Array.from(text.matchAll(CANDIDATE), ({ 0: quote, index }) => ({ start: index, end: index + quote.length }));
}

/** The candidates that are phone numbers; the key is E.164. */
export function phonesAmong(
  text: string,
  candidates: readonly { start: number; end: number }[],
  parse: PhoneParser,
): Found[] {
  return candidates.flatMap((span) => {
    const key = parse(text.slice(span.start, span.end));
    return key === null ? [] : [foundAt(text, 'Phone', key, span)];
  });
}
