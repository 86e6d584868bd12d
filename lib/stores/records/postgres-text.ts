// PostgreSQL's text holds neither U+0000 nor half a surrogate pair, and its jsonb refuses both. Documents have them, and digests are
// compared: such characters are written as U+001A with four hexadecimal digits, and so is U+001A itself. Any other text is itself.

const ESCAPE = '\u001a';
const UNHOLDABLE = /[\0\u001a]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const ESCAPED = /\u001a([\da-f]{4})/g;

/** A text as PostgreSQL can hold it; different texts stay different. */
export function toHeld(text: string): string {
  if (text.isWellFormed() && !text.includes('\0') && !text.includes(ESCAPE)) return text;
  return text.replace(UNHOLDABLE, (unit) => ESCAPE + unit.charCodeAt(0).toString(16).padStart(4, '0'));
}

/** The text that `toHeld` was given. */
export function fromHeld(text: string): string {
  if (!text.includes(ESCAPE)) return text;
  return text.replace(ESCAPED, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/** A value as JSON text that `jsonb` can hold. */
export function toHeldJson(value: unknown): string {
  return JSON.stringify(mapTexts(value, toHeld));
}

/** The value that `toHeldJson` was given. */
export function fromHeldJson(text: string): unknown {
  const value = JSON.parse(text) as unknown;
  return text.includes('\\u001a') ? mapTexts(value, fromHeld) : value;
}

/** The value with every text in it, names too, put through `change`. */
function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [change(name), mapTexts(item, change)]));
}
