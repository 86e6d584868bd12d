import type { FoundItem } from '../contracts/feed.ts';
import { redactedText } from '../support/redaction.ts';
import { findEnvelope, mayBeEnvelope, mayHoldEnvelope } from './envelope.ts';
import type { FeedLimits, FeedReader } from './index.ts';
import { JsonSplitter } from './json-splitter.ts';
import { findTrouble, type Trouble } from './json-trouble.ts';
import type { Piece } from './piece.ts';
import { isJson, readRecord } from './record.ts';
import { placeAfter, type TextPlace } from './text-cursor.ts';

/** How large an API's answer may be, which is held as a whole until its records are found. */
export const MAX_ENVELOPE_BYTES = 16 * 1024 * 1024;

/**
 * Records out of JSON: an array, one object, one value per line (NDJSON), values one behind the other, or answers of an API with
 * records in them. What is no object or no JSON is rejected, and reading goes on behind it.
 */
export function openJsonFeed(limits: FeedLimits): FeedReader {
  const splitter = new JsonSplitter({
    maxValueBytes: Math.max(limits.maxRecordBytes, MAX_ENVELOPE_BYTES),
    maxElementBytes: limits.maxRecordBytes,
    prefix: '',
    start: { line: 1, column: 1 },
  });
  return {
    isOver: false,
    push: (chunk) => splitter.push(chunk),
    *items(isEnd) {
      for (let piece = splitter.next(isEnd); piece !== null; piece = splitter.next(isEnd)) {
        const item = itemAt(piece, null, limits);
        if (item === null) yield* itemsInside(piece, limits);
        else yield item;
      }
    },
  };
}

/** What is known of the text that a piece lies in, when that is no longer the input itself. */
interface Inside {
  readonly stream: string | null;
}

/** What a piece gives by itself; null when records lie inside it, or may. */
function itemAt(piece: Piece, inside: Inside | null, { maxRecordBytes }: FeedLimits): FoundItem | null {
  const { place, text } = piece;
  if (piece.kind === 'tooLarge') return rejected(piece, '', sizeReason(piece.maxBytes, piece.isElement));
  if (piece.kind === 'wrong') return rejected(piece, '', `${piece.reason} at ${shownPlace(piece.wrongAt)}`);
  const read = readRecord(text, piece.facts);
  if ('trouble' in read) {
    const isList = read.trouble.kind === 'shape' && text.startsWith('[') && !piece.isElement;
    if (inside === null && (isList || (text.startsWith('{') && mayHoldEnvelope(text)))) return null;
    return rejected(piece, read.trouble.path, troubleReason(piece, read.trouble));
  }
  if (inside === null && mayBeEnvelope(read.value)) return null;
  // A unit of UTF-16 has three bytes at most: most texts need not be measured.
  if (text.length * 3 > maxRecordBytes && Buffer.byteLength(text) > maxRecordBytes)
    return rejected(piece, '', sizeReason(maxRecordBytes, piece.isElement));
  return { kind: 'record', record: { value: read.value, place, stream: inside?.stream ?? null } };
}

/** The records of an answer, or of a list that is a line; of any other piece what it gives by itself. */
function* itemsInside(piece: Piece, limits: FeedLimits): Generator<FoundItem> {
  const { place, at, text } = piece;
  const bytes = Buffer.from(text);
  const found = text.startsWith('[') ? { ...WHOLE, end: bytes.length } : findEnvelope(bytes);
  if (found === null) {
    yield itemAt(piece, { stream: null }, limits)!;
    return;
  }
  if ('failure' in found) {
    yield rejected(piece, '', found.failure);
    return;
  }
  const before = bytes.toString('utf8', 0, found.start);
  const splitter = new JsonSplitter({
    maxValueBytes: limits.maxRecordBytes,
    maxElementBytes: limits.maxRecordBytes,
    prefix: prefixOf(piece, found.place),
    start: placeAfter(at, before),
  });
  splitter.push(bytes.subarray(found.start, found.end));
  for (let inner = splitter.next(true); inner !== null; inner = splitter.next(true))
    yield itemAt(inner, found, limits)!;
  if (piece.kind === 'value' && isJson(text, piece.facts)) return;
  const trouble = findTrouble(text);
  const end = text.length - bytes.toString('utf8', found.end).length;
  // What is wrong inside has been told with its record. Around them something may be missing.
  if (trouble !== null && (trouble.offset < before.length || trouble.offset > end))
    yield rejected({ place, text }, trouble.path, troubleReason(piece, trouble));
}

/** A list that is all of its text. */
const WHOLE = { place: '', stream: null, start: 0 };

function prefixOf({ place, at }: Piece, inner: string): string {
  if (at.line === 1 && at.column === 1 && inner !== '') return inner;
  return place.endsWith(']') || inner === '' ? [place, inner].filter(Boolean).join('.') : `${place}: ${inner}`;
}

function rejected({ place, text }: Pick<Piece, 'place' | 'text'>, path: string, reason: string): FoundItem {
  return { kind: 'rejected', rejected: { place, path, reason, raw: redactedText(text) } };
}

function sizeReason(maxBytes: number, isElement: boolean): string {
  const reason = `it has more than ${maxBytes} bytes`;
  return isElement ? reason : `${reason}: if it holds many records, give them as lines (NDJSON) or as one array`;
}

function troubleReason({ at, text }: Piece, { kind, offset, reason }: Trouble): string {
  if (kind === 'shape') return reason;
  const before = text.slice(0, offset);
  const inRecord = placeAfter({ line: 1, column: 1 }, before);
  return `${reason} at ${shownPlace(placeAfter(at, before))} (${shownPlace(inRecord)} of the record)`;
}

function shownPlace({ line, column }: TextPlace): string {
  return `line ${line}, column ${column}`;
}
