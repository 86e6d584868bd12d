import type { EntityType, Json, RelationType } from './document.ts';

// Structured data: what a source of records gives, and what a record says. A *feed* is the records of one stream of one source, or
// of one recorded file. Records are mapped by rules; no model is asked.

/** The sources of records. */
export const FEED_SOURCES = ['samsara', 'turvo', 'frontapp'] as const;
export type FeedSourceName = (typeof FEED_SOURCES)[number];

/** A JSON object. Keys are data: `__proto__` may be among them. */
export type JsonObject = { readonly [key: string]: Json };

/** One record as its source gave it. */
export interface FeedRecord {
  /** Integers beyond ±(2^53 − 1) are strings of their digits; U+0000 and lone surrogates are U+FFFD. */
  readonly value: JsonObject;
  /** Where it stands in what was given, for people: `line 3`, `[12]`, `data[4]`. */
  readonly place: string;
  /** The stream it belongs to, where its request or envelope tells; null: its shape tells. */
  readonly stream: string | null;
}

/** A record that could not be taken, with all that is needed to look at it and to try it again. */
export interface RejectedRecord {
  readonly place: string;
  /** Of the value that is wrong, within the record: `gps[0].time`; empty when it is the record itself. */
  readonly path: string;
  /** One sentence: what is wrong and with which value, shortened. */
  readonly reason: string;
  /** The record's text, secrets redacted; cut to `MAX_KEPT_RAW` characters. */
  readonly raw: string;
}

/** How much of a rejected record's text is kept, in UTF-16 units. */
export const MAX_KEPT_RAW = 65_536;

/**
 * What reading a feed gives, in order. Items are numbered from 0, records and rejected ones alike. The same input, read with the same
 * limits, gives the same items with the same numbers however it comes in chunks: a run that is resumed passes over those it has done.
 */
export type FeedItem = { readonly ordinal: number } & FoundItem;

/** An item by itself. */
export type FoundItem =
  | { readonly kind: 'record'; readonly record: FeedRecord }
  | { readonly kind: 'rejected'; readonly rejected: RejectedRecord };

/** The kinds of things that records describe. Each is also an entity type and so a graph label. */
export const THING_KINDS = [
  'Vehicle',
  'Driver',
  'Location',
  'Shipment',
  'Stop',
  'Customer',
  'Carrier',
  'Conversation',
  'Message',
  'Comment',
  'Contact',
  'Account',
  'Teammate',
  'Inbox',
  'Tag',
] as const satisfies readonly EntityType[];
export type ThingKind = (typeof THING_KINDS)[number];

/**
 * A thing by its key: `samsara:vehicle:281474981110001`, `turvo:shipment:1000324868`, `front:msg_1q15qmtq`. A *provisional* one is
 * named by what a record tells instead of an id (`samsara:vehicle:name:TRUCK-6520`), and becomes the real one when that is known.
 */
export interface ThingRef {
  readonly kind: ThingKind;
  readonly key: string;
  /** The form a person reads. Never empty. */
  readonly name: string;
}

/** A reference number, an address of mail or anything else that may name a thing in any source: an entity that texts mention, too. */
export interface EntityRef {
  readonly type: EntityType;
  /** As `EntityMention.key`: upper-case id, E.164 phone, lower-case e-mail address. */
  readonly key: string;
  readonly name: string;
}

/** What a thing's time of validity rests on; `ingest`: the record tells no time, and it is when apex read it. */
export type TimeBasis = 'source_event' | 'source_update' | 'ingest';

/** A statement of a record: the thing it is about, a type, and another thing or a value. */
export interface ObservedFact {
  readonly type: RelationType;
  readonly object: ThingRef | EntityRef;
  /** ISO 8601 in UTC, or null when the record does not tell. */
  readonly validFrom: string | null;
  /** Null: it holds still, as far as the record tells. */
  readonly validTo: string | null;
  readonly basis: TimeBasis;
  /** How sure the statement is, from 0 to 1. 1: the source says so by id. */
  readonly confidence: number;
  /** What else it says (`sequence`, `isPlanned`, `role`); part of what the fact is. */
  readonly detail: { readonly [name: string]: string | number | boolean };
}

/** The value of a series at a time: a position, a fuel level. Never a fact: only the latest reaches the graph. */
export interface Reading {
  readonly series: SeriesName;
  /** ISO 8601 in UTC, milliseconds. */
  readonly at: string;
  readonly value: { readonly [name: string]: string | number | boolean };
  /** Where the value is in a known place (a geofence), else null: stays there are derived from it. Only of `position`. */
  readonly place: ThingRef | null;
}

/** The series there are. */
export const SERIES = ['position', 'engine', 'fuel'] as const;
export type SeriesName = (typeof SERIES)[number];

/** What one record says of one thing. */
export interface Observation {
  readonly thing: ThingRef;
  /**
   * Whether the record describes the thing (`attributes`, `facts`, `names` and `text` are all there is to say), or only names it
   * beside another: then what it says is added where nothing better is known.
   */
  readonly isWhole: boolean;
  /** The source's own time of what it says (`updatedAtTime`, `updated`), ISO 8601 in UTC, or null: an older one never replaces a newer. */
  readonly observedAt: string | null;
  /** Values under plain names (`make`, `licensePlate`), without what became facts, names, readings or text. */
  readonly attributes: JsonObject;
  /** What else names the thing: `IDENTIFIED_BY` facts, by which records of other sources and texts find it. */
  readonly names: readonly EntityRef[];
  readonly facts: readonly ObservedFact[];
  /** Types of which the thing has one at a time: a newer fact of such a type ends the one before. */
  readonly singleValued: readonly RelationType[];
  readonly readings: readonly Reading[];
  /** Free text worth searching (a message's own words, notes); empty when there is none. */
  readonly text: string;
  /** The record, secrets redacted, for the thing it describes; null for one that is only named. */
  readonly raw: JsonObject | null;
}

/** A field of a record that is wrong: the record is rejected, its neighbours are not. */
export interface FieldProblem {
  readonly path: string;
  readonly reason: string;
}

/** What a mapper made of a record. `ignored`: nothing is to be remembered of it (a `Ping`), and why. */
export type Mapped =
  | { readonly kind: 'observations'; readonly observations: readonly Observation[] }
  | { readonly kind: 'ignored'; readonly reason: string }
  | { readonly kind: 'problem'; readonly problem: FieldProblem };

/** Records of one source to what they say. Pure, and never throws on input. */
export interface RecordMapper {
  readonly source: FeedSourceName;
  /** Changes whenever the same record may give another result. */
  readonly version: string;
  /** The shapes that are told apart, in order of trial, for messages: `stats feed`, `vehicle`, `webhook 2.0`, `seed`. */
  readonly shapes: readonly string[];
  /** The shape of a record, or null when it has none of this source's. */
  shapeOf(value: JsonObject, stream: string | null): string | null;
  map(value: JsonObject, shape: string): Mapped;
}

/** Where a field of a record goes: a row of the generated table, checked against the stores. */
export interface FieldRow {
  /** The shape and the path in it, array places as `[]`: `gps[].latitude`. */
  readonly shape: string;
  readonly path: string;
  readonly goesTo:
    | { readonly attribute: string }
    | { readonly key: true }
    | { readonly name: EntityType }
    | { readonly fact: RelationType }
    | { readonly reading: SeriesName }
    | { readonly text: true }
    /** Kept in the raw record only, and why. */
    | { readonly raw: string }
    /** Kept nowhere, and why. */
    | { readonly dropped: string };
}
