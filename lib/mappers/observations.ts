import type { EntityType, Json, RelationType } from '../contracts/document.ts';
import type {
  EntityRef,
  JsonObject,
  Observation,
  ObservedFact,
  ThingKind,
  ThingRef,
  TimeBasis,
} from '../contracts/feed.ts';
import { redactedValue } from '../support/redaction.ts';
import type { Fields } from './fields.ts';

/** Longest name of a thing; the rest is in its attributes or text. */
const MAX_NAME_LENGTH = 120;

/** A thing by its key. One without a name of its own is called by its key, so that a name can be told from its absence. */
export function thing(kind: ThingKind, key: string, name: string | null): ThingRef {
  return { kind, key, name: shortened(name ?? '') || key };
}

/** White space made single, and cut where a name is too long to be read as one. */
export function shortened(name: string): string {
  const characters = name
    .slice(0, MAX_NAME_LENGTH * 4)
    .replace(/\s+/g, ' ')
    .trim();
  if (characters.length <= MAX_NAME_LENGTH) return characters;
  return `${characters
    .slice(0, MAX_NAME_LENGTH - 1)
    .toWellFormed()
    .replace(/\uFFFD$/, '')}…`;
}

/** What a record says of a thing; what is left out is empty. */
export function observation(of: ThingRef, says: Partial<Omit<Observation, 'thing'>>): Observation {
  return {
    thing: of,
    isWhole: false,
    observedAt: null,
    attributes: {},
    names: [],
    facts: [],
    singleValued: [],
    readings: [],
    text: '',
    raw: null,
    ...says,
  };
}

/** A thing that a record names beside another, or nothing when its key and name are all that is told. */
export function named(
  of: ThingRef,
  says: Partial<Pick<Observation, 'names' | 'attributes' | 'facts' | 'singleValued'>>,
): Observation[] {
  const { names = [], attributes = {}, facts = [] } = says;
  if (names.length === 0 && facts.length === 0 && Object.keys(attributes).length === 0) return [];
  return [observation(of, says)];
}

/** Attributes without those that have no value. */
export function attributes(values: { readonly [name: string]: Json }): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => !isEmpty(value)));
}

/** A user's own fields by their names, secrets redacted; null when there are none. */
export function customFields(fields: Fields, name: string): JsonObject | null {
  const values = fields.object(name);
  return values === null ? null : attributes(redactedValue(values.value));
}

function isEmpty(value: Json): boolean {
  if (value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/** From when a statement holds, and what that rests on. */
export interface Since {
  readonly at: string | null;
  readonly basis: Exclude<TimeBasis, 'ingest'>;
}

/**
 * A statement, by default sure. Without any time it rests on when it was read; one that is told to have ended before it began held
 * for no time.
 */
export function fact(
  type: RelationType,
  object: ThingRef | EntityRef,
  since: Since,
  more: { readonly to?: string | null; readonly confidence?: number; readonly detail?: ObservedFact['detail'] } = {},
): ObservedFact {
  const { confidence = 1, detail = {} } = more;
  const end = more.to ?? null;
  const to = end !== null && since.at !== null && end < since.at ? since.at : end;
  const basis = since.at === null && to === null ? 'ingest' : since.basis;
  return { type, object, validFrom: since.at, validTo: to, basis, confidence, detail };
}

/** A value that a record states: a status. */
export function state(key: string, name: string): EntityRef {
  return entity('State', key, name);
}

/** An entity; one without a readable name is called by its key. */
export function entity(type: EntityType, key: string, name: string): EntityRef {
  return { type, key, name: shortened(name) || key };
}

/** The paragraphs of what is worth searching. */
export function paragraphs(...texts: readonly (string | null)[]): string {
  return texts.filter((text) => text !== null && text.trim() !== '').join('\n\n');
}

/** The record as it is kept. */
export function rawOf(fields: Fields): JsonObject {
  return redactedValue(fields.value);
}
