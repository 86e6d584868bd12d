import type { EntityType, Extraction } from '../../lib/contracts/document.ts';
import type { EntityRef, ObservedFact, ThingRef } from '../../lib/contracts/feed.ts';
import { byName, spelled } from './names.ts';
import { sourceOf } from './resolve.ts';
import { isProvisional, type ThingState } from './state.ts';

/** How sure it is that things of different sources which bear the same name are tied. Names of people and firms tie nothing. */
const CONFIDENCE: { readonly [type in EntityType]?: number } = {
  ExternalId: 1,
  Vin: 0.9,
  LicensePlate: 0.9,
  Phone: 0.9,
  Email: 0.9,
  Unit: 0.8,
  Domain: 0.7,
};

/** A name that more things bear is nobody's: a switchboard, a domain that anyone may have an address of. */
export const MAX_BEARERS = 10;

/** Is it a name that ties things of different sources which bear it? */
export function isLinking({ type }: Pick<EntityRef, 'type'>): boolean {
  return CONFIDENCE[type] !== undefined;
}

/** What bears a name. */
export type BearersOf = (name: Pick<EntityRef, 'type' | 'key'>) => readonly ThingRef[];

/** What ties a thing to those of other sources that bear a name of its own: said of the one whose key comes first. */
export function linkFacts({ key, names }: Pick<ThingState, 'key' | 'names'>, bearersOf: BearersOf): ObservedFact[] {
  if (isProvisional(key)) return [];
  return names.filter(isLinking).flatMap((name) => {
    const bearers = bearersOf(name).filter((bearer) => !isProvisional(bearer.key));
    if (bearers.length > MAX_BEARERS) return [];
    return bearers
      .filter((bearer) => bearer.key > key && sourceOf(bearer.key) !== sourceOf(key))
      .map((bearer) => linked(bearer, name.type));
  });
}

function linked(object: ThingRef, by: EntityType): ObservedFact {
  return { type: 'LINKED_TO', object, ...TIMELESS, confidence: CONFIDENCE[by]!, detail: { by } };
}

const TIMELESS = { validFrom: null, validTo: null, basis: 'source_update' } as const;

/** What a text names that may be something a record describes. */
const REFERENCES: ReadonlySet<EntityType> = new Set([
  'Shipment',
  'Load',
  'BillOfLading',
  'ProNumber',
  'PurchaseOrder',
  'Container',
]);

/** The reference numbers that a thing's text names. */
export function referencesIn({ mentions }: Extraction): EntityRef[] {
  const found = mentions.filter(({ type }) => REFERENCES.has(type));
  return [...byName(found.map(({ type, key, name }) => ({ type, key, name }))).values()];
}

/** Is it a number by which texts name things? */
export function isReference({ type }: Pick<EntityRef, 'type'>): boolean {
  return REFERENCES.has(type);
}

/** Known by number and kind: 0.95. By the look of the number alone: 0.6. */
const KNOWN_CONFIDENCE = 0.95;
const PATTERN_CONFIDENCE = 0.6;

/** That a thing's text names these numbers, and the things that are known under them. */
export function mentionFacts(
  references: readonly EntityRef[],
  { key: own, names }: Pick<ThingState, 'key' | 'names'>,
  bearersOf: BearersOf,
): ObservedFact[] {
  const ownNames = new Set(names.map(spelled));
  const detail = { isOfText: true };
  return references
    .filter((reference) => !ownNames.has(spelled(reference)))
    .flatMap((reference) => [
      { type: 'MENTIONS' as const, object: reference, ...TIMELESS, confidence: PATTERN_CONFIDENCE, detail },
      ...bearersOf(reference)
        .filter(({ key }) => key !== own)
        .map((thing) => ({
          ...{ type: 'MENTIONS' as const, object: thing, ...TIMELESS, confidence: KNOWN_CONFIDENCE, detail },
        })),
    ]);
}

/** Does it follow from what other things bear, and is not what a record says? */
export function isDerived({ type, detail }: Pick<ObservedFact, 'type' | 'detail'>): boolean {
  return type === 'MENTIONS' ? detail['isOfText'] === true : type === 'LINKED_TO' && detail['by'] !== undefined;
}
