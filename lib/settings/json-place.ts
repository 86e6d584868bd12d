/** A token; a string or number that is written wrongly is none. */
const TOKEN =
  /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[Ee][+-]?\d+)?|true|false|null|[[\]{},:]/y;

const SPACE = /[ \t\r\n]*/y;

type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end' | 'nothing';

/** Where a text that is not JSON goes wrong: line and column of the first token that does not fit, from 1, in UTF-16 units. */
export function jsonErrorPlace(text: string): { readonly line: number; readonly column: number } {
  const before = text.slice(0, errorOffset(text)).split('\n');
  return { line: before.length, column: before[before.length - 1]!.length + 1 };
}

/** V8 gives the offset only in some of its messages. */
function errorOffset(text: string): number {
  /** The closing bracket of everything that is open. */
  const open: string[] = [];
  let expected: Expected | null = 'value';
  for (let offset = 0; ; ) {
    SPACE.lastIndex = offset;
    offset += SPACE.exec(text)![0].length;
    TOKEN.lastIndex = offset;
    const token = TOKEN.exec(text)?.[0];
    if (token === undefined) return offset;
    expected = next(expected, token, open);
    if (expected === null) return offset;
    offset += token.length;
  }
}

/** What may follow a token, or null when the token itself does not fit. */
function next(expected: Expected, token: string, open: string[]): Expected | null {
  const close = (): Expected => {
    open.pop();
    return afterValue(open);
  };
  if (expected === ':') return token === ':' ? 'value' : null;
  if (expected === ', or end') {
    if (token === ',') return open.at(-1) === '}' ? 'key' : 'value';
    return token === open.at(-1) ? close() : null;
  }
  if (expected === 'key' || expected === 'key or }') {
    if (token.startsWith('"')) return ':';
    return token === '}' && expected === 'key or }' ? close() : null;
  }
  if (expected === 'nothing') return null;
  if (token === ']' && expected === 'value or ]') return close();
  if (token === '{' || token === '[') {
    open.push(token === '{' ? '}' : ']');
    return token === '{' ? 'key or }' : 'value or ]';
  }
  return /^[\]},:]/.test(token) ? null : afterValue(open);
}

function afterValue(open: readonly string[]): Expected {
  return open.length === 0 ? 'nothing' : ', or end';
}
