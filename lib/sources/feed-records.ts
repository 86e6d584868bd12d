import type { Json } from '../contracts/document.ts';
import { type FeedRecord, type JsonObject, MAX_KEPT_RAW, type RejectedRecord } from '../contracts/feed.ts';

/** Deeper ones cannot be handled without trouble everywhere after; no source nests a tenth of it. */
const MAX_DEPTH = 200;

/** Records and what could not be one, in order. */
export interface Gathered {
  readonly records: FeedRecord[];
  readonly rejected: RejectedRecord[];
}

/** The value as an object, or null. */
export function asObject(value: Json | undefined): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

/** A member of an object's own, or undefined: `__proto__` and `constructor` are names like any other. */
export function own(value: Json | undefined, name: string): Json | undefined {
  const object = asObject(value);
  return object !== null && Object.hasOwn(object, name) ? object[name] : undefined;
}

/** The `id` of a record as text, or null when it has none that could be sent back. */
export function idOf(value: Json): string | null {
  const id = own(value, 'id');
  if (typeof id === 'string' && id !== '') return id;
  return typeof id === 'number' && Number.isSafeInteger(id) ? String(id) : null;
}

/** Takes a row as a record; a row that is none is rejected. @returns whether it was taken. */
export function gather({ records, rejected }: Gathered, value: Json, stream: string, place: string): boolean {
  const object = asObject(value);
  const reason = object === null ? `an object was expected, not ${kindOf(value)}` : depthProblem(value);
  if (object !== null && reason === null) {
    records.push({ value: object, place, stream });
    return true;
  }
  rejected.push({ place, path: '', reason: reason ?? '', raw: rawOf(value) });
  return false;
}

function kindOf(value: Json): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}

function depthProblem(value: Json): string | null {
  return isWithin(value, MAX_DEPTH) ? null : `it is nested deeper than ${MAX_DEPTH} levels`;
}

function isWithin(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((member) => isWithin(member, levels - 1));
}

/** The text that is kept; of a value so deep that it cannot be written, none. */
function rawOf(value: Json): string {
  try {
    return JSON.stringify(value).slice(0, MAX_KEPT_RAW);
  } catch {
    return '';
  }
}
