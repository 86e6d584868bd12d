import type { Json } from '../contracts/document.ts';
import type { FieldProblem, JsonObject, Mapped } from '../contracts/feed.ts';
import { isOpenEnd, isoInstant, isoOfMilliseconds, isoOfSeconds } from './times.ts';

/** Longest id that is taken: it becomes part of keys, which databases index. */
const MAX_ID_LENGTH = 200;

/** How much of a wrong value a message shows. */
const MAX_SHOWN_LENGTH = 40;

/** Ends the mapping of a record at its first wrong field. Thrown in this room and caught in `mapped`. */
class WrongField extends Error {
  readonly problem: FieldProblem;

  constructor(problem: FieldProblem) {
    super(problem.reason);
    this.problem = problem;
  }
}

/** What `map` makes of a record; a wrong field is its problem, and anything else that is thrown is a bug of the mapper. */
export function mapped(map: () => Mapped): Mapped {
  try {
    return map();
  } catch (error) {
    if (error instanceof WrongField) return { kind: 'problem', problem: error.problem };
    throw error;
  }
}

/**
 * The fields of one object of a record, by type. A field that is absent, null or an empty text is null; one of another type than
 * asked for ends the mapping with its path. Only own keys are read. Numbers and booleans may be written as texts, as rows of CSV
 * and some answers of Turvo have them.
 */
export class Fields {
  readonly value: JsonObject;
  readonly path: string;

  constructor(value: JsonObject, path = '') {
    this.value = value;
    this.path = path;
  }

  /** The path of one of its fields within the record. */
  pathOf(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  has(name: string): boolean {
    return this.any(name) !== null;
  }

  /** The value as it is. */
  any(name: string): Json {
    const value = Object.hasOwn(this.value, name) ? this.value[name]! : null;
    return value === '' ? null : value;
  }

  text(name: string): string | null {
    const value = this.any(name);
    if (value === null) return null;
    if (typeof value !== 'string') throw this.wrong(name, 'a text');
    const trimmed = value.trim();
    return trimmed === '' ? null : trimmed;
  }

  /** A text, or a number that some answers have in its place (a year, a postal code, a key of a table). */
  word(name: string): string | null {
    const value = this.any(name);
    return typeof value === 'number' && Number.isFinite(value) ? String(value) : this.text(name);
  }

  /** A word that becomes part of a key: a status, a code of a table. */
  code(name: string): string | null {
    const word = this.word(name);
    if (word !== null && word.length > MAX_ID_LENGTH) throw this.wrong(name, `at most ${MAX_ID_LENGTH} characters`);
    return word;
  }

  number(name: string): number | null {
    const value = this.any(name);
    if (value === null) return null;
    const number = typeof value === 'string' && /^\s*[+-]?[\d.]/.test(value) ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isFinite(number)) throw this.wrong(name, 'a number');
    return number;
  }

  /** A number within bounds: degrees of a latitude. */
  degrees(name: string, most: number): number | null {
    const value = this.number(name);
    if (value !== null && Math.abs(value) > most) throw this.wrong(name, `degrees from -${most} to ${most}`);
    return value;
  }

  boolean(name: string): boolean | null {
    const value = this.any(name);
    if (value === null || typeof value === 'boolean') return value;
    if (value === 'true' || value === 'false') return value === 'true';
    throw this.wrong(name, 'true or false');
  }

  /** An id, which some answers have as a text and others as a number. */
  id(name: string): string | null {
    const value = this.any(name);
    if (value === null) return null;
    return idOf(value) ?? this.missing(name, ID);
  }

  /** A list of ids. */
  ids(name: string): string[] {
    return this.list(name).map((value, index) => {
      const id = idOf(value);
      if (id === null) throw wrongAt(`${this.pathOf(name)}[${index}]`, ID, value);
      return id;
    });
  }

  requiredId(name: string): string {
    return this.id(name) ?? this.missing(name, ID);
  }

  /** A time in UTC. */
  time(name: string): string | null {
    const value = this.text(name);
    if (value === null) return null;
    const instant = isoInstant(value);
    if (instant === null) throw this.wrong(name, 'a time (ISO 8601) of the years 1 to 9999');
    return instant;
  }

  /** A time given in seconds since 1970, with fractions, or written out. */
  epochSeconds(name: string): string | null {
    return this.epoch(name, 'a time in seconds since 1970, of the years 1 to 9999', isoOfSeconds);
  }

  /** A time given in milliseconds since 1970. The largest integers of other languages stand for no end: null. */
  epochMilliseconds(name: string): string | null {
    const value = this.number(name);
    if (value !== null && isOpenEnd(value)) return null;
    return this.epoch(name, 'a time in milliseconds since 1970, of the years 1 to 9999', isoOfMilliseconds);
  }

  object(name: string): Fields | null {
    const value = this.any(name);
    if (value === null) return null;
    if (!isObject(value)) throw this.wrong(name, 'an object');
    return new Fields(value, this.pathOf(name));
  }

  /** Its values as they are, empty when it is absent. */
  list(name: string): readonly Json[] {
    const value = this.any(name);
    if (value === null) return [];
    if (!Array.isArray(value)) throw this.wrong(name, 'an array');
    return value;
  }

  /** Its objects; nulls among them are passed over. */
  objects(name: string): Fields[] {
    return this.list(name).flatMap((value, index) => this.element(name, value, index));
  }

  /** The object at a place of it, if there is one. */
  objectsAt(name: string, index: number): Fields[] {
    return this.element(name, this.list(name)[index] ?? null, index);
  }

  /** Its objects, whether it is an array or one alone. */
  oneOrMany(name: string): Fields[] {
    const value = this.any(name);
    return isObject(value) ? [new Fields(value, this.pathOf(name))] : this.objects(name);
  }

  texts(name: string): string[] {
    return this.list(name).flatMap((value, index) => {
      if (value === null || value === '') return [];
      if (typeof value === 'number' && Number.isFinite(value)) return [String(value)];
      if (typeof value !== 'string') throw wrongAt(`${this.pathOf(name)}[${index}]`, 'a text', value);
      return [value.trim()];
    });
  }

  /** The texts of an object that maps names to them, in order; empty ones are passed over. */
  entries(name: string): [name: string, value: string][] {
    const map = this.object(name);
    if (map === null) return [];
    return Object.keys(map.value).flatMap((key): [string, string][] => {
      const value = map.any(key);
      if (value === null) return [];
      if (typeof value === 'object') throw map.wrong(key, 'a text');
      return [[key, String(value)]];
    });
  }

  /** Ends the mapping: a field that must be there is not. */
  missing(name: string, expected: string): never {
    throw wrongAt(this.pathOf(name), expected, Object.hasOwn(this.value, name) ? this.value[name] : undefined);
  }

  /** Ends the mapping for another reason than a field's type. An empty name is the object itself. */
  fail(name: string, reason: string): never {
    throw new WrongField({ path: name === '' ? this.path : this.pathOf(name), reason });
  }

  /** What to throw about a field that is there and wrong. */
  wrong(name: string, expected: string): WrongField {
    return wrongAt(this.pathOf(name), expected, this.value[name]);
  }

  private epoch(name: string, expected: string, read: (value: number) => string | null): string | null {
    const value = this.any(name);
    if (value === null) return null;
    const number = typeof value === 'string' && /^\d{1,17}(?:\.\d{1,9})?$/.test(value) ? Number(value) : value;
    const instant = typeof number === 'number' ? read(number) : typeof number === 'string' ? isoInstant(number) : null;
    if (instant === null) throw this.wrong(name, expected);
    return instant;
  }

  private element(name: string, value: Json, index: number): Fields[] {
    const path = `${this.pathOf(name)}[${index}]`;
    if (value === null) return [];
    if (!isObject(value)) throw wrongAt(path, 'an object', value);
    return [new Fields(value, path)];
  }
}

/** Whether a value is an object with names, not an array. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const ID = `an id (a whole number, or a text of at most ${MAX_ID_LENGTH} characters)`;

function idOf(value: Json): string | null {
  const id = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof id !== 'string' || id.length > MAX_ID_LENGTH) return null;
  return id.trim() === '' ? null : id.trim();
}

function wrongAt(path: string, expected: string, value: Json | undefined): WrongField {
  return new WrongField({ path, reason: `Expected ${expected}, found ${shown(value)}.` });
}

function shown(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') {
    return `the text ${JSON.stringify(value.length > MAX_SHOWN_LENGTH ? `${value.slice(0, MAX_SHOWN_LENGTH)}…` : value)}`;
  }
  if (typeof value === 'number') return `the number ${value}`;
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
