import type { Json } from '../../lib/contracts/document.ts';
import {
  type EntityRef,
  type JsonObject,
  type ObservedFact,
  type SeriesName,
  THING_KINDS,
  type ThingKind,
  type ThingRef,
} from '../../lib/contracts/feed.ts';
import { canonicalJson, digestOf } from '../../lib/contracts/identity.ts';

// A thing is a document whose content is what its records have said of it so far. Its state is kept as the metadata of its current
// version, and a record is folded into it: that is what makes late, repeated and partial records harmless.

/** Changes whenever what is made of the same state may be another version: part of a thing's settings digest. */
export const STATE_FORMAT = 2;

/** A name of a thing, and whether a record that describes the thing gave it. */
export interface StateName extends EntityRef {
  readonly isOwn: boolean;
}

/** A fact as a thing remembers it: `validTo` only as a record said it. */
export interface StateFact extends ObservedFact {
  /** A record that describes the thing stated it, so one that no longer does ends it. */
  readonly isOwn: boolean;
  /**
   * When it was said last, if not only at `validFrom`: of a type of which the thing has one at a time, and known by the time of updates.
   * Where another came between, it holds again from here on.
   */
  readonly saidAt?: string;
}

/** What is known of a thing. */
export interface ThingState {
  readonly kind: ThingKind;
  readonly key: string;
  readonly name: string;
  /** Whether a record has described it; else others have only named it. */
  readonly isWhole: boolean;
  /** The source's time of the description, or null. */
  readonly observedAt: string | null;
  readonly attributes: JsonObject;
  readonly text: string;
  /** In order of type and key. */
  readonly names: readonly StateName[];
  /** Names that records which describe the thing gave once, and no longer do, in the same order. */
  readonly formerNames: readonly Pick<EntityRef, 'type' | 'key'>[];
  /** In the order of `compareFacts`. */
  readonly facts: readonly StateFact[];
  /** The types of which it has one at a time, in order. */
  readonly singleValued: readonly string[];
  /** The series it has readings of, in order. */
  readonly series: readonly SeriesName[];
  readonly raw: JsonObject | null;
}

/** A thing of which nothing is known but its name. */
export function emptyState({ kind, key, name }: ThingRef): ThingState {
  return {
    ...{ kind, key, name, isWhole: false, observedAt: null, attributes: {}, text: '', names: [] },
    ...{ formerNames: [], facts: [], singleValued: [], series: [], raw: null },
  };
}

/** Is it a key that was made of a name, because no record has told the thing's id yet? */
export function isProvisional(key: string): boolean {
  return /^[a-z]+:[a-z]+:(?:name|custom):/.test(key);
}

const digests = new WeakMap<ThingState, string>();

/** Tells states apart: equal ones have the same. A state is never changed, so it is digested once. */
export function stateDigest(state: ThingState): string {
  return digests.get(state) ?? spelledState(state).digest;
}

/** A state as canonical JSON, with its digest. The text is as large as the state, and not kept. */
export function spelledState(state: ThingState): { readonly text: string; readonly digest: string } {
  const text = canonicalJson(state);
  const digest = digestOf(text);
  digests.set(state, digest);
  return { text, digest };
}

/** The state as metadata of a version. */
export function stateMetadata(state: ThingState): { readonly [key: string]: Json } {
  return { thing: state as unknown as Json };
}

/** The state that a version's metadata holds, or null when it is no thing's. */
export function stateOf(metadata: { readonly [key: string]: Json }): ThingState | null {
  const { thing } = metadata as { readonly thing?: ThingState };
  if (typeof thing !== 'object' || thing === null || !(THING_KINDS as readonly string[]).includes(thing.kind))
    return null;
  return typeof thing.key === 'string' && Array.isArray(thing.facts) && Array.isArray(thing.names) ? thing : null;
}

/** What makes a fact the same as another, apart from when it ends. */
export function factKey({ type, object, validFrom, basis, detail }: ObservedFact): string {
  // Facts that carry no time of their own are one as long as they say the same.
  const from = basis === 'source_event' ? validFrom : null;
  return JSON.stringify([type, objectKey(object), from, canonicalJson(detail)]);
}

/** What a fact says of its subject. */
export function objectKey(object: ObservedFact['object']): string {
  return JSON.stringify(['kind' in object ? object.kind : object.type, object.key]);
}

/** By type, then by time (unknown first), then by what it says: the same order whatever the order of arrival. */
export function compareFacts(a: ObservedFact, b: ObservedFact): number {
  return (
    compareTexts(a.type, b.type) ||
    compareTexts(a.validFrom ?? '', b.validFrom ?? '') ||
    compareTexts(objectKey(a.object), objectKey(b.object)) ||
    compareTexts(canonicalJson(a.detail), canonicalJson(b.detail))
  );
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
