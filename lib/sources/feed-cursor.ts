import type { Json } from '../contracts/document.ts';

/** A walk over a listing that has not ended. Times in Unix milliseconds. */
export interface OpenWalk {
  /** Null: everything is listed. */
  readonly from: number | null;
  readonly to: number;
  /** Whether the stream is up to date at `to` once the walk has ended. */
  readonly isMoving: boolean;
  /** Which of the stream's variants it is in. */
  readonly variant: number;
  /** Of its next page; null: of the first. */
  readonly position: string | null;
}

/** How far a stream has been fetched: what a cursor holds. */
export interface StreamState {
  /** Until when all is known, in Unix milliseconds; null: nothing has been fetched to its end. */
  readonly high: number | null;
  /** The position that the source gave, of a stream with one. */
  readonly position: string | null;
  /** Ids and times of events that may come again, because the next listing begins before them. */
  readonly seen: readonly (readonly [id: string, at: number])[];
  readonly walk: OpenWalk | null;
}

/** Of a stream that was never fetched. */
export const NO_STATE: StreamState = { high: null, position: null, seen: [], walk: null };

/** Of the text; one of another version is no cursor any more. */
const VERSION = 1;

/** A state as the text that is kept. */
export function encodeCursor(state: StreamState): string {
  return JSON.stringify({ v: VERSION, ...state });
}

/** The state of a kept text, or null when it is not one of `encodeCursor`. */
export function decodeCursor(text: string): StreamState | null {
  const value = parsed(text);
  if (!isObject(value) || value['v'] !== VERSION) return null;
  const { high, position, seen, walk } = value;
  const isState =
    isTimeOrNull(high) && isTextOrNull(position) && Array.isArray(seen) && seen.every(isSeen) && isWalkOrNull(walk);
  return isState ? ({ high, position, seen, walk } as unknown as StreamState) : null;
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTimeOrNull(value: Json | undefined): boolean {
  return value === null || Number.isSafeInteger(value);
}

function isTextOrNull(value: Json | undefined): boolean {
  return value === null || typeof value === 'string';
}

function isSeen(value: Json): boolean {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && Number.isSafeInteger(value[1]);
}

function isWalkOrNull(value: Json | undefined): boolean {
  if (value === null) return true;
  return (
    isObject(value) &&
    isTimeOrNull(value['from']) &&
    Number.isSafeInteger(value['to']) &&
    typeof value['isMoving'] === 'boolean' &&
    Number.isSafeInteger(value['variant']) &&
    (value['variant'] as number) >= 0 &&
    isTextOrNull(value['position'])
  );
}
