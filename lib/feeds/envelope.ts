import type { JsonObject } from '../contracts/feed.ts';
import { shown } from './json-trouble.ts';
import { ValueScanner } from './value-scanner.ts';

/** What lies in an API's answer: records, or one. */
export interface Envelope {
  /** Where in the answer: `data`, `details.shipments`. */
  readonly place: string;
  /** The stream that the answer names, else null. */
  readonly stream: string | null;
  /** Its bytes in those of the answer. */
  readonly start: number;
  readonly end: number;
}

/** A member of an object, in the bytes of its text. */
interface Member {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly kind: 'object' | 'list' | 'plain';
}

/** Whether an object may be an answer rather than a record, at a glance. */
export function mayBeEnvelope(value: JsonObject): boolean {
  return Object.hasOwn(value, 'data') || Object.hasOwn(value, '_results') || Object.hasOwn(value, 'details');
}

/** The same of a text that is no JSON. */
export function mayHoldEnvelope(text: string): boolean {
  return /"(?:data|_results|details)"/.test(text);
}

/**
 * The records inside an API's answer, or null for an object that is none:
 * Samsara's `data`, alone or beside `pagination`; Front's `_results`; the rows or the one record in Turvo's `details`, beside `Status`.
 * A webhook's envelope is a record. The text need not be JSON throughout.
 */
export function findEnvelope(bytes: Buffer): Envelope | { readonly failure: string } | null {
  const members = membersOf(bytes, 0, bytes.length);
  const named = new Map(members.map((member) => [member.name, member]));
  if (named.size < members.length) return null;
  const results = named.get('_results');
  if (results?.kind === 'list') return { place: '_results', stream: null, start: results.start, end: results.end };
  const data = named.get('data');
  const isAnswer = named.size === 1 || (data?.kind === 'list' && named.has('pagination'));
  if (data !== undefined && data.kind !== 'plain' && isAnswer)
    return { place: 'data', stream: null, start: data.start, end: data.end };
  const details = named.get('details');
  const status = named.get('Status');
  if (details?.kind !== 'object' || status === undefined) return null;
  if (bytes.toString('utf8', status.start, status.end).trim() === '"ERROR"')
    return { failure: failureIn(bytes.toString('utf8', details.start, details.end)) };
  return inDetails(bytes, details);
}

function inDetails(bytes: Buffer, details: Member): Envelope {
  const { start, end } = details;
  const [rows, other] = membersOf(bytes, start, end).filter(({ name }) => name !== 'pagination');
  if (rows?.kind !== 'list' || other !== undefined) return { place: 'details', stream: null, start, end };
  return { place: `details.${rows.name}`, stream: rows.name.toLowerCase(), start: rows.start, end: rows.end };
}

function failureIn(text: string): string {
  const said = /"errorMessage"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(text)?.[1];
  const code = /"errorCode"\s*:\s*"?([\w-]{1,40})/.exec(text)?.[1];
  return `it is an error of the API${code === undefined ? '' : ` (${code})`}: ${said === undefined ? 'without a message' : shown(unquoted(said))}`;
}

/** The members of the object that lies in `bytes` between `start` and `end`, up to the first that is no member. */
function membersOf(bytes: Buffer, start: number, end: number): Member[] {
  const scanner = new ValueScanner();
  const members: Member[] = [];
  for (let at = start + 1; ; at += 1) {
    const nameStart = behindSpace(bytes, at, end);
    if (bytes[nameStart] !== 0x22) return members;
    const nameEnd = stringEnd(bytes, nameStart, end);
    const colon = behindSpace(bytes, nameEnd, end);
    const valueStart = behindSpace(bytes, colon + 1, end);
    if (bytes[colon] !== 0x3a || valueStart >= end) return members;
    const first = bytes[valueStart];
    const kind = first === 0x7b ? 'object' : first === 0x5b ? 'list' : 'plain';
    scanner.begin({ isScalar: kind === 'plain', isCutByLines: false, isAmongLines: false });
    scanner.run(bytes, valueStart, end);
    const name = unquoted(bytes.toString('utf8', nameStart, nameEnd));
    members.push({ name, start: valueStart, end: scanner.at, kind });
    at = behindSpace(bytes, scanner.at, end);
    if (bytes[at] !== 0x2c) return members;
  }
}

function behindSpace(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09)) at += 1;
  return at;
}

function stringEnd(bytes: Buffer, start: number, end: number): number {
  for (let at = start + 1; at < end; at += 1) {
    if (bytes[at] === 0x22) return at + 1;
    if (bytes[at] === 0x5c) at += 1;
  }
  return end;
}

/** What a JSON string says; one that is none says itself. */
function unquoted(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}
