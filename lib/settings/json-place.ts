/** A token; a string or number that is written wrongly is none. */
const TOKEN =
  /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[Ee][+-]?\d+)?|true|false|null|[[\]{},:]/y;

const SPACE = /[ \t\r\n]*/y;

type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end' | 'nothing';

/** A place in a text: line and column from 1, in UTF-16 units. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Where a text that is not JSON goes wrong: the first token that does not fit. */
export function jsonErrorPlace(text: string): Place {
  return placeOf(text, errorOffset(text));
}

/** Line and column of an offset. */
function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: before[before.length - 1]!.length + 1 };
}

/** The members of the object that a JSON text holds, in order, with where each name and each value begins; one name may come twice. */
export function jsonMembers(text: string): { readonly name: string; readonly at: Place; readonly valueAt: Place }[] {
  const members: { name: string; at: Place; valueAt: Place }[] = [];
  let depth = 0;
  let isName = false;
  let named: { name: string; at: Place } | null = null;
  for (const { token, offset } of tokensOf(text)) {
    if (named !== null && depth === 1 && token !== ':') {
      members.push({ ...named, valueAt: placeOf(text, offset) });
      named = null;
    }
    if (isName && token.startsWith('"')) named = { name: JSON.parse(token) as string, at: placeOf(text, offset) };
    if (/^[[{]/.test(token)) depth += 1;
    if (/^[\]}]/.test(token)) depth -= 1;
    isName = depth === 1 && (token === '{' || token === ',');
  }
  return members;
}

/** The tokens of a text that is JSON. */
function* tokensOf(text: string): Generator<{ token: string; offset: number }> {
  for (let offset = 0; ; ) {
    SPACE.lastIndex = offset;
    offset += SPACE.exec(text)![0].length;
    TOKEN.lastIndex = offset;
    const token = TOKEN.exec(text)?.[0];
    if (token === undefined) return;
    yield { token, offset };
    offset += token.length;
  }
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
