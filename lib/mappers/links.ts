import type { Observation, ObservedFact, ThingKind, ThingRef } from '../contracts/feed.ts';
import { numberNames } from './names.ts';
import { fact, named, type Since, thing } from './observations.ts';

/** The things of Turvo that other sources name by their ids. */
const KINDS: Readonly<Record<string, { readonly kind: ThingKind; readonly key: string }>> = {
  shipment: { kind: 'Shipment', key: 'shipment' },
  load: { kind: 'Shipment', key: 'shipment' },
  carrier: { kind: 'Carrier', key: 'carrier' },
  customer: { kind: 'Customer', key: 'customer' },
  location: { kind: 'Location', key: 'location' },
  driver: { kind: 'Driver', key: 'contact' },
  contact: { kind: 'Contact', key: 'contact' },
};

/** `Turvo carrier id`, `turvoShipment` in words, and the bare `Load` of an operator's own field. */
const TURVO_FIELD = /^turvo (shipment|load|carrier|customer|location|driver|contact)(?: (?:id|number|no|key))?$/;
const LOAD_FIELD = /^(?:load|shipment|custom)(?: (?:id|number|no|ref|reference))?$/;
/** How much of an address is looked at. */
const MAX_URL_LENGTH = 2_000;
const PAGE = /\/(shipment|carrier|customer|location)s\/(\d{1,19})(?![\w.-])/;
const CUSTOM_ID = /^(?=[^\d]*\d[^\d]*\d)[a-z0-9][a-z0-9/_-]{1,39}$/i;

/** The shipment that people call so, until its id is known: `turvo:shipment:custom:SHIP-2025-10-19-002`. */
export function shipmentByCustomId(customId: string): ThingRef {
  return thing('Shipment', `turvo:shipment:custom:${customId.toUpperCase()}`, customId);
}

/** What a field of another source names by its id, or null: an id that says of what it is one, or a load by what people call it. */
export function thingOfField(field: string, value: string): ThingRef | null {
  const words = field
    .slice(0, 60)
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/[^a-z]+/g, ' ')
    .trim();
  const kind = KINDS[TURVO_FIELD.exec(words)?.[1] ?? ''];
  const written = value.trim();
  if (kind !== undefined && /^\d{1,19}$/.test(written)) return turvoThing(kind, written, null);
  const isLoad = kind?.kind === 'Shipment' || LOAD_FIELD.test(words);
  return isLoad && CUSTOM_ID.test(written) ? shipmentByCustomId(written) : null;
}

/** What the address of a page names by its id: `https://app.turvo.com/#/acme/shipments/1000324868/details`. */
export function thingOfUrl(url: string, name: string | null): ThingRef | null {
  const match = PAGE.exec(url.slice(0, MAX_URL_LENGTH));
  return match === null ? null : turvoThing(KINDS[match[1]!]!, match[2]!, name);
}

function turvoThing({ kind, key }: { kind: ThingKind; key: string }, id: string, name: string | null): ThingRef {
  return thing(kind, `turvo:${key}:${id}`, name);
}

/** The statement that one thing is tied to another by its id, and what is told of the other. */
export interface Links {
  readonly facts: readonly ObservedFact[];
  readonly observations: readonly Observation[];
}

/** Ties by id: as sure as a source can say it. */
export function linksTo(things: readonly (ThingRef | null)[], since: Since, to: string | null = null): Links {
  const byKey = new Map(things.flatMap((linked) => (linked === null ? [] : [[linked.key, linked] as const])));
  const linked = [...byKey.values()];
  return {
    facts: linked.map((object) => fact('LINKED_TO', object, since, { to })),
    observations: linked.flatMap((object) => named(object, { names: customIdNames(object) })),
  };
}

function customIdNames({ kind, key, name }: ThingRef) {
  return kind === 'Shipment' && key.startsWith('turvo:shipment:custom:') ? numberNames('Shipment', name) : [];
}
