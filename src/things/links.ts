import type { EntityType, Extraction } from '../../lib/contracts/document.ts';
import type { EntityRef, Observation, ObservedFact, ThingRef } from '../../lib/contracts/feed.ts';
import { entityIdOf } from '../pipeline/identity.ts';
import type { KnownThings } from './known.ts';
import { sourceOf } from './resolve.ts';
import { isProvisional } from './state.ts';

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

/** What ties things of different sources that bear the same name, said of the one whose key comes first. */
export async function linkObservations(
  observations: readonly Observation[],
  known: KnownThings,
): Promise<Observation[]> {
  const bearers = new Map<string, { readonly type: EntityType; readonly things: Map<string, ThingRef> }>();
  const named = observations.flatMap(({ thing, names }) => names.map((name) => ({ thing, name })));
  const telling = named.filter(({ name, thing }) => CONFIDENCE[name.type] !== undefined && !isProvisional(thing.key));
  const others = await known.bearersOf(telling.map(({ name }) => name));
  for (const { thing, name } of telling) {
    const id = entityIdOf(known.group, name);
    const bearer = bearers.get(id) ?? {
      type: name.type,
      things: new Map((others.get(id) ?? []).map((one) => [one.key, one])),
    };
    bearer.things.set(thing.key, thing);
    bearers.set(id, bearer);
  }
  return [...bearers.values()].flatMap(({ type, things }) =>
    things.size > MAX_BEARERS
      ? []
      : pairsOf([...things.values()]).map(([first, second]) => linked(first, second, type)),
  );
}

/** Each two that are of different sources, in order of key. */
function pairsOf(things: readonly ThingRef[]): [ThingRef, ThingRef][] {
  const inOrder = things.filter(({ key }) => !isProvisional(key)).sort((a, b) => (a.key < b.key ? -1 : 1));
  return inOrder.flatMap((first, index) =>
    inOrder
      .slice(index + 1)
      .filter((second) => sourceOf(first.key) !== sourceOf(second.key))
      .map((second): [ThingRef, ThingRef] => [first, second]),
  );
}

function linked(first: ThingRef, second: ThingRef, by: EntityType): Observation {
  return said(first, [{ type: 'LINKED_TO', object: second, ...TIMELESS, confidence: CONFIDENCE[by]!, detail: { by } }]);
}

const TIMELESS = { validFrom: null, validTo: null, basis: 'source_update' } as const;

/** Something that is known of a thing without a record having said it. */
export function said(thing: ThingRef, facts: readonly ObservedFact[]): Observation {
  return {
    ...{ thing, isWhole: false, observedAt: null, attributes: {}, names: [], facts },
    ...{ singleValued: [], readings: [], text: '', raw: null },
  };
}

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
  return [...new Map(found.map(({ type, key, name }) => [`${type}\0${key}`, { type, key, name }])).values()];
}

/** Is it a number by which texts name things? */
export function isReference({ type }: EntityRef): boolean {
  return REFERENCES.has(type);
}

/** Known by number and kind: 0.95. By the look of the number alone: 0.6. */
const KNOWN_CONFIDENCE = 0.95;
const PATTERN_CONFIDENCE = 0.6;

/** That a thing's text names these numbers, and the things that are known under them. */
export function mentionFacts(
  references: readonly EntityRef[],
  bearers: ReadonlyMap<string, readonly ThingRef[]>,
  own: ThingRef & { readonly group: string },
): ObservedFact[] {
  const detail = { isOfText: true };
  return references.flatMap((reference) => [
    { type: 'MENTIONS' as const, object: reference, ...TIMELESS, confidence: PATTERN_CONFIDENCE, detail },
    ...(bearers.get(entityIdOf(own.group, reference)) ?? [])
      .filter(({ key }) => key !== own.key)
      .map((thing) => ({
        type: 'MENTIONS' as const,
        object: thing,
        ...TIMELESS,
        confidence: KNOWN_CONFIDENCE,
        detail,
      })),
  ]);
}
