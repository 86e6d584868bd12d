import type { Json } from '../contracts/document.ts';
import { type JsonObject, MAX_KEPT_RAW } from '../contracts/feed.ts';

/** Stands where a secret stood. */
export const REDACTED = '[redacted]';

/**
 * Names whose values are secrets, in the answers of Samsara, Turvo and Front and in recorded requests; letter case, `-` and `_` in
 * them do not matter.
 */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  'authorization',
  'xapikey',
  'apikey',
  'clientsecret',
  'password',
  'accesstoken',
  'refreshtoken',
  'secretkey',
  'licensenumber',
  'taxid',
]);

/** Names whose values are left out: bank details are nobody's business here, not even that they are known. */
const DROPPED_NAMES: ReadonlySet<string> = new Set(['paymentmethod', 'paymentmethods']);

/** The same names in a text, quoted or not, up to where the value begins. */
const SECRET_IN_TEXT =
  /(?:authorization|(?:x[-_]?)?api[-_]?key|client[-_]?secret|password|access[-_]?token|refresh[-_]?token|secret[-_]?key|license[-_]?number|tax[-_]?id|payment[-_]?methods?)\\?["']?[ \t\r\n]*[:=][ \t\r\n]*/gi;

/** A URL with a query, in plain text or inside a JSON text, where `/` and `&` may be escaped. */
const URL_WITH_QUERY = /(https?:\\?\/\\?\/[^\s"'<>?#]{1,2048})\?[^\s"'<>]*/gi;

/** Parameters by which a URL gives access to whoever has it: of S3, Google's and Azure's storage, CloudFront, and bare tokens. */
const SIGNED =
  /(?:\?|&|\\u0026)(?:x-(?:amz|goog)-(?:signature|credential|security-token)|awsaccesskeyid|signature|sig|policy|key|token|access_token)=/i;

/** Levels of a value that are kept: what is nested deeper says nothing to people, and writing it as JSON would use up the stack. */
const MAX_DEPTH = 100;
const TOO_DEEP = '[nested too deeply]';

/**
 * The value with `REDACTED` in place of each secret, and of the query of each pre-signed URL; means of payment are left out, and what is
 * nested beyond 100 levels is cut. Keys are data: `__proto__` stays an ordinary one.
 */
export function redactedValue<Value extends Json | JsonObject>(value: Value): Value {
  return redactedAt(value, 0) as Value;
}

function redactedAt(value: Json, depth: number): Json {
  if (typeof value === 'string') return withoutSignatures(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DEPTH) return TOO_DEEP;
  if (Array.isArray(value)) return value.map((item) => redactedAt(item, depth + 1));
  const pairs: [string, Json][] = [];
  for (const [name, item] of Object.entries(value)) {
    const folded = foldedName(name);
    if (DROPPED_NAMES.has(folded)) continue;
    pairs.push([name, SECRET_NAMES.has(folded) && item !== null ? REDACTED : redactedAt(item, depth + 1)]);
  }
  // Unlike an assignment, this makes an own member of `__proto__`, too.
  return Object.fromEntries(pairs);
}

/** Whether what stands under the name is a secret. */
export function isSecretName(name: string): boolean {
  const folded = foldedName(name);
  return SECRET_NAMES.has(folded) || DROPPED_NAMES.has(folded);
}

/** Longest name that can be one of those, with `-` and `_`. */
const MAX_NAME_LENGTH = 24;

function foldedName(name: string): string {
  return name.length > MAX_NAME_LENGTH ? name : name.toLowerCase().replace(/[-_]/g, '');
}

/**
 * A rejected record's text as it is kept: secrets redacted, cut to `MAX_KEPT_RAW`, U+0000 and halves of pairs replaced.
 *
 * The text may be no JSON at all, so that secrets are found by their names as they are written. What a name is written with escapes
 * hides.
 */
export function redactedText(text: string): string {
  // What is behind the cut cannot come before it: redacting makes a text longer by a few characters at the most.
  const head = text.slice(0, MAX_KEPT_RAW);
  const parts: string[] = [];
  let done = 0;
  for (const match of head.matchAll(SECRET_IN_TEXT)) {
    if (match.index < done) continue;
    const start = match.index + match[0].length;
    const end = valueEnd(head, start);
    if (head.startsWith('null', start)) continue;
    parts.push(head.slice(done, start), `"${REDACTED}"`);
    done = end;
  }
  parts.push(head.slice(done));
  return withoutSignatures(parts.join('')).slice(0, MAX_KEPT_RAW).replaceAll('\0', '\ufffd').toWellFormed();
}

function withoutSignatures(text: string): string {
  if (!text.includes('?')) return text;
  return text.replace(URL_WITH_QUERY, (url, place: string) => (SIGNED.test(url) ? `${place}?${REDACTED}` : url));
}

/** Behind the value that begins at `start`: a string, an object or a list with all in it, or what goes up to a space, comma or bracket. */
function valueEnd(text: string, start: number): number {
  const quote = /\\?["']/y;
  quote.lastIndex = start;
  const opening = quote.exec(text)?.[0];
  if (opening !== undefined) return stringEnd(text, start + opening.length, opening);
  if (text[start] === '{' || text[start] === '[') return bracketEnd(text, start);
  const plain = /(?:(?:Bearer|Basic)[ \t]+)?[^\s,}\]"']*/iy;
  plain.lastIndex = start;
  return start + plain.exec(text)![0].length;
}

function stringEnd(text: string, start: number, quote: string): number {
  for (let at = start; at < text.length; at += 1) {
    if (text.startsWith(quote, at)) return at + quote.length;
    if (text[at] === '\\') at += 1;
  }
  return text.length;
}

function bracketEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const character = text[at]!;
    if (character === '"') at = stringEnd(text, at + 1, '"') - 1;
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
    if (depth === 0) return at + 1;
  }
  return text.length;
}
