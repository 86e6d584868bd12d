import type { Json } from '../contracts/document.ts';
import type { JsonObject } from '../contracts/feed.ts';
import { shown } from './json-trouble.ts';

/** How the columns of a table become the members of a record. */
export interface TableHeader {
  /** A column without a name has an empty one. */
  readonly names: readonly string[];
  /** The record of a row with as many cells as there are names. */
  record(cells: readonly string[]): JsonObject;
}

/** A member of the record: a column's value, or an object of members. */
type Branch = Map<string, Branch | number>;

const MAX_LEVELS = 20;

/**
 * Reads the first row of a table. `gps.latitude` is `latitude` in an object `gps`; empty cells, and objects of nothing else, are left
 * out. Gives one sentence instead when names stand twice, or one is both a value and an object.
 */
export function readHeader(cells: readonly string[]): TableHeader | string {
  const names = cells.map((cell) => cell.trim());
  const root: Branch = new Map();
  for (const [column, name] of names.entries()) {
    if (name === '') continue;
    const problem = plant(root, name, column);
    if (problem !== null) return problem;
  }
  if (root.size === 0) return 'no column has a name';
  return { names, record: (row) => objectOf(root, row) };
}

function plant(root: Branch, name: string, column: number): string | null {
  const parts = name.split('.');
  // A point that separates nothing is a part of the name.
  const path = parts.includes('') || parts.length > MAX_LEVELS ? [name] : parts;
  let branch = root;
  for (const part of path.slice(0, -1)) {
    const next = branch.get(part) ?? new Map();
    if (typeof next === 'number') return `the column ${shown(name)} lies inside another column`;
    branch.set(part, next);
    branch = next;
  }
  const last = path.at(-1)!;
  const there = branch.get(last);
  if (typeof there === 'number') return `the column ${shown(name)} stands twice in the header`;
  if (there !== undefined) return `another column lies inside the column ${shown(name)}`;
  branch.set(last, column);
  return null;
}

function objectOf(branch: Branch, row: readonly string[]): JsonObject {
  const pairs: [string, Json][] = [];
  for (const [name, member] of branch) {
    if (typeof member === 'number') {
      if (row[member] !== '') pairs.push([name, cellValue(row[member]!)]);
      continue;
    }
    const inner = objectOf(member, row);
    if (Object.keys(inner).length > 0) pairs.push([name, inner]);
  }
  // Unlike an assignment, this makes an own member of `__proto__`, too.
  return Object.fromEntries(pairs);
}

/**
 * A cell is text, for a table has no types: `007` and `+1` would lose what they say, `12E4` is a serial number, and `true` is written
 * in a dozen ways. Only a number as JSON writes it, without exponent and held by a double, is a number: positions, speeds and counts
 * are told apart by that.
 */
function cellValue(cell: string): Json {
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(cell)) return cell;
  const number = Number(cell);
  const isHeld = cell.includes('.') ? Number.isFinite(number) : Number.isSafeInteger(number);
  return isHeld ? number : cell;
}
