import type { Json } from '../contracts/document.ts';

/**
 * The value of a JSON text, such that nothing of it is lost later: integers beyond what a double holds exactly are strings of their
 * digits, and U+0000 and lone surrogates, which stores refuse, are U+FFFD. Of members of one name the last counts.
 *
 * @throws Error when the text is no JSON. Its message may hold content: it is not for people.
 */
export function parseJsonText(text: string): Json {
  return JSON.parse(quoteLongIntegers(replaceUnstorable(text))) as Json;
}

/** Enough digits for an integer to be inexact. Positions have as many behind their point, so it tells only where to look closer. */
const MANY_DIGITS = /\d{16}/;

/** A string as a whole, or a number as a whole: what stands inside a string is no number. */
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/gs;

function quoteLongIntegers(text: string): string {
  if (!MANY_DIGITS.test(text)) return text;
  return text.replace(STRING_OR_NUMBER, (token) =>
    /^-?[1-9]\d{15,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token,
  );
}

const UNSTORABLE_ESCAPE = /\\u(?:0000|d[89a-f])/i;

/** A backslash with what it escapes: pairs of surrogates first, so that only lone ones are met alone. */
const ESCAPE = /\\(?:u(?:(d[89ab][\da-f]{2}\\ud[c-f][\da-f]{2})|(0000|d[89a-f][\da-f]{2}))|.)/gis;

function replaceUnstorable(text: string): string {
  if (!UNSTORABLE_ESCAPE.test(text)) return text;
  return text.replace(ESCAPE, (whole, _pair, unstorable) => (unstorable === undefined ? whole : '\\ufffd'));
}
