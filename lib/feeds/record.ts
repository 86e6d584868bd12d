import type { Json } from '../contracts/document.ts';
import type { JsonObject } from '../contracts/feed.ts';
import { findTrouble, MAX_DEPTH, type Trouble } from './json-trouble.ts';
import type { TextFacts } from './value-scanner.ts';

/** What became of a record's text. */
export type ReadRecord = { readonly value: JsonObject } | { readonly trouble: Trouble };

/** An escape of U+0000 or of half a surrogate pair; pairs and other escapes are taken as they come, so that none is cut in two. */
const ESCAPES =
  /\\u[Dd][89ABab][\dA-Fa-f]{2}\\u[Dd][C-Fc-f][\dA-Fa-f]{2}|(\\u(?:0000|[Dd][89A-Fa-f][\dA-Fa-f]{2}))|\\[\s\S]/g;

/**
 * The object that a text holds. Integers beyond ±(2^53 − 1) are strings of their digits; U+0000 and lone surrogates are U+FFFD, in
 * names too. Refused with the first trouble: what is not JSON, not an object, too deep, a number that a double cannot hold, or a
 * name that stands twice in one object. Never throws.
 */
export function readRecord(given: string, facts: TextFacts): ReadRecord {
  const text = given.includes('\\') ? withCharacters(given) : given;
  if (!text.startsWith('{')) return { trouble: isJson(text, facts) ? notAnObject(text) : findTrouble(text)! };
  if (facts.deepest > MAX_DEPTH) return { trouble: findTrouble(text)! };
  const value = parsedOrNull(text);
  if (value === null) return { trouble: findTrouble(text)! };
  const survey = { pairs: 0, hasLargeNumber: false };
  lookThrough(value, survey);
  const isSuspect = survey.hasLargeNumber || survey.pairs !== facts.pairs;
  const trouble = isSuspect ? findTrouble(text) : null;
  if (trouble !== null) return { trouble };
  return { value: survey.hasLargeNumber ? parseExactly(text) : value };
}

/** Of the same length, so that places in it are places in what was given. */
function withCharacters(text: string): string {
  if (!/\\u(?:0000|[Dd][89A-Fa-f])/.test(text)) return text;
  return text.replace(ESCAPES, (escaped, wrong?: string) => (wrong === undefined ? escaped : '\\ufffd'));
}

/** Slower than a plain parse, but for the source text of numbers. */
function parseExactly(text: string): JsonObject {
  const exact = (_name: string, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== 'number' || !isLarge(value)) return value;
    const source = context?.source ?? '';
    return /^-?\d+$/.test(source) ? source : value;
  };
  return JSON.parse(text, exact) as JsonObject;
}

function isLarge(number: number): boolean {
  return number > Number.MAX_SAFE_INTEGER || number < -Number.MAX_SAFE_INTEGER;
}

interface Survey {
  /** Names in all objects; one that stands twice in an object's text is one in the object. */
  pairs: number;
  hasLargeNumber: boolean;
}

function lookThrough(value: JsonObject | readonly Json[], survey: Survey): void {
  if (Array.isArray(value)) {
    for (const item of value) lookAt(item, survey);
    return;
  }
  const object = value as JsonObject;
  for (const name in object) {
    survey.pairs += 1;
    lookAt(object[name]!, survey);
  }
}

function lookAt(item: Json, survey: Survey): void {
  if (typeof item === 'number') survey.hasLargeNumber ||= isLarge(item);
  else if (typeof item === 'object' && item !== null) lookThrough(item, survey);
}

/** Whether a text is JSON, of a nesting that a record may have. Parsed, deeper ones take many times the memory of their text. */
export function isJson(text: string, { deepest }: Pick<TextFacts, 'deepest'>): boolean {
  if (deepest > MAX_DEPTH) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The object that a text holds, which begins as one; null when it is no JSON. */
function parsedOrNull(text: string): JsonObject | null {
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return null;
  }
}

function notAnObject(text: string): Trouble {
  return { path: '', offset: 0, before: 0, kind: 'shape', reason: `expected an object, found ${kindOf(text)}` };
}

function kindOf(text: string): string {
  if (text.startsWith('[')) return 'an array';
  if (text.startsWith('"')) return 'a string';
  return /^[-\d]/.test(text) ? 'a number' : text.trim();
}
