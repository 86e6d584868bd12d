import type { EntityFact, EntityReport } from '../../lib/contracts/apex.ts';
import { ENTITY_TYPES, type EntityType } from '../../lib/contracts/document.ts';
import type { RecordsStore } from '../../lib/contracts/store.ts';
import { pagesOf } from '../pipeline/bounded.ts';
import { entityIdOf, thingDocumentId } from '../pipeline/identity.ts';
import { type HeldFact, heldFacts } from './fold.ts';
import { KnownThings } from './known.ts';
import { stateOf, type ThingState } from './state.ts';
import { isStay, MAX_STAYS, stayAt } from './stays.ts';

/** How many documents one question names. */
const PAGE = 500;

interface ShowOptions {
  readonly group: string;
  /** ISO 8601 in UTC, or null for now. */
  readonly at: string | null;
}

/**
 * What the memory knows of an entity: by the key of a thing, or by a number or address that names one or more things. Null when it
 * knows none.
 */
export async function showEntity(
  key: string,
  { group, at }: ShowOptions,
  records: RecordsStore,
  signal: AbortSignal,
): Promise<EntityReport | null> {
  const known = new KnownThings(records, group, signal);
  const thing = await known.thing(key);
  if (thing !== null) return reportOf(thing.state, { key, group, at }, records, signal);
  const names = ENTITY_TYPES.map((type) => ({ type, key, name: key }));
  const bearers = [...(await known.bearersOf(names)).values()].flat();
  const [only, ...others] = [...new Map(bearers.map((bearer) => [bearer.key, bearer])).values()];
  if (only === undefined) return reportOfName(key, { group, at }, records, signal);
  if (others.length === 0) {
    const { state } = (await known.thing(only.key))!;
    return reportOf(state, { key: only.key, group, at }, records, signal);
  }
  return { ...NOTHING, key, kind: null, name: key, candidates: [only, ...others].map((one) => one.key).sort() };
}

const NOTHING = { attributes: {}, names: [], facts: [], said: [], latest: [], candidates: [] } as const;

async function reportOf(
  state: ThingState,
  { key, group, at }: ShowOptions & { readonly key: string },
  records: RecordsStore,
  signal: AbortSignal,
): Promise<EntityReport> {
  const documentId = thingDocumentId(group, key);
  const latest = await records.latestReadings([documentId], signal);
  return {
    ...{ key, kind: state.kind, name: state.name, attributes: state.attributes, candidates: [] },
    names: state.names.map(({ type, key: name }) => ({ type, key: name })),
    facts: [
      ...heldFacts(state).flatMap((fact) => entityFact(fact, documentId, at)),
      ...(at === null ? [] : await earlierStay(state, { documentId, group, at }, records, signal)),
    ],
    said: await saidOf([{ type: state.kind, key }], { group, at }, records, signal),
    latest: latest.map(({ series, at: time, value }) => ({ series, at: time, value })),
  };
}

/** Where a thing was before the first of the stays that it keeps, as its readings tell; since when is not looked for. */
async function earlierStay(
  state: ThingState,
  { documentId, group, at }: { readonly documentId: string; readonly group: string; readonly at: string },
  records: RecordsStore,
  signal: AbortSignal,
): Promise<EntityFact[]> {
  const stays = state.facts.filter(isStay);
  if (stays.length < MAX_STAYS || at >= (stays[0]!.validFrom ?? '')) return [];
  // As if something were read then: it meets the last reading before, and the moves from then on.
  const asked = { documentId, series: 'position', readings: [{ at, value: {}, placeKey: null }] };
  const [window] = await records.seriesWindows([asked], signal);
  const found = stayAt(at, window!);
  if (found === null) return [];
  const { stay, until } = found;
  const place = await new KnownThings(records, group, signal).thing(stay.object.key);
  const object = { ...stay.object, ...(place !== null && { name: place.state.name }) };
  return entityFact({ ...stay, object, until }, documentId, at);
}

/** Of something that no record describes: what others say of it. */
async function reportOfName(
  key: string,
  options: ShowOptions,
  records: RecordsStore,
  signal: AbortSignal,
): Promise<EntityReport | null> {
  const said = await saidOf(
    ENTITY_TYPES.map((type) => ({ type, key })),
    options,
    records,
    signal,
  );
  return said.length === 0 ? null : { ...NOTHING, key, kind: null, name: key, said };
}

/** What things say of one of these entities. */
async function saidOf(
  entities: readonly { readonly type: EntityType; readonly key: string }[],
  { group, at }: ShowOptions,
  records: RecordsStore,
  signal: AbortSignal,
): Promise<EntityFact[]> {
  const ids = entities.map((entity) => entityIdOf(group, entity));
  const facts = await records.factsOn(ids, null, signal);
  const documentIds = [...new Set(facts.map(({ documentId }) => documentId))];
  const said: EntityFact[] = [];
  for (const page of pagesOf(documentIds, PAGE)) {
    for (const [documentId, { metadata }] of await records.described(page, signal)) {
      const state = stateOf(metadata);
      if (state === null) continue;
      const subject = { key: state.key, name: state.name };
      const own = heldFacts(state).filter(({ object }) =>
        entities.some(({ type, key }) => object.key === key && ('kind' in object ? object.kind : object.type) === type),
      );
      said.push(...own.flatMap((fact) => entityFact(fact, documentId, at).map((one) => ({ ...one, ...subject }))));
    }
  }
  return said.sort((a, b) => (`${a.type}\0${a.key}\0${a.from}` < `${b.type}\0${b.key}\0${b.from}` ? -1 : 1));
}

/** The fact as it is told, unless it held not yet, or no longer, at the time that is asked for. */
function entityFact(fact: HeldFact, documentId: string, at: string | null): EntityFact[] {
  const { type, object, validFrom: from, until, basis, confidence, detail } = fact;
  if (at !== null && ((from !== null && from > at) || (until !== null && until <= at))) return [];
  return [{ type, key: object.key, name: object.name, from, until, basis, confidence, detail, documentId }];
}
