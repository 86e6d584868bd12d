import type { EntityType } from '../../lib/contracts/document.ts';
import type { EntityRef, Observation, ThingRef } from '../../lib/contracts/feed.ts';
import { entityIdOf } from '../pipeline/identity.ts';
import type { KnownThings } from './known.ts';
import { spelled } from './names.ts';
import { isProvisional, type ThingState } from './state.ts';

/** What becomes of the things that a batch speaks of: which key each has, and which known ones turn out to be another. */
export interface Resolution {
  readonly observations: readonly Observation[];
  /** Known things under provisional keys, and the real ones that they are. */
  readonly absorbed: readonly { readonly provisional: ThingState; readonly into: ThingRef }[];
  /** By the key that a provisional thing has been given, which may be its own: the names it was looked for by. */
  readonly lookedFor: ReadonlyMap<string, readonly EntityRef[]>;
}

/** The names by which a provisional thing is found in its own source: within one, they are the things' own. */
const FINDING: ReadonlySet<EntityType> = new Set(['Unit', 'Shipment', 'Organization']);

/**
 * Gives provisional things the keys of the real ones that are known, or that the batch itself speaks of, and finds known provisional
 * ones that the batch makes real. Only a name that means exactly one thing of the kind and source decides.
 */
export async function resolveThings(observations: readonly Observation[], known: KnownThings): Promise<Resolution> {
  const names = namesByKey(observations);
  const bearers = await known.bearersOf([...names.values()].flat().filter(({ type }) => FINDING.has(type)));
  const spoken = spokenBearers(observations, known.group);
  const candidates = (thing: ThingRef, isWanted: (key: string) => boolean) => {
    const found = new Map<string, ThingRef>();
    for (const name of (names.get(thing.key) ?? []).filter(({ type }) => FINDING.has(type))) {
      const id = entityIdOf(known.group, name);
      for (const bearer of [...(bearers.get(id) ?? []), ...(spoken.get(id) ?? [])])
        if (bearer.kind === thing.kind && sourceOf(bearer.key) === sourceOf(thing.key) && isWanted(bearer.key))
          found.set(bearer.key, bearer);
    }
    return [...found.values()];
  };
  const things = new Map(observations.map(({ thing }) => [thing.key, thing]));
  const real = new Map<string, ThingRef>();
  for (const thing of things.values()) {
    const [only, ...others] = isProvisional(thing.key) ? candidates(thing, (key) => !isProvisional(key)) : [];
    if (only !== undefined && others.length === 0) real.set(thing.key, only);
  }
  const absorbed = new Map<string, { provisional: ThingState; into: ThingRef }>();
  for (const thing of things.values()) {
    if (isProvisional(thing.key)) continue;
    for (const { key } of candidates(thing, isProvisional)) {
      const provisional = await known.stateOf(key);
      if (provisional !== null) absorbed.set(key, { provisional, into: thing });
    }
  }
  const lookedFor = new Map(
    [...things.keys()]
      .filter(isProvisional)
      .map((key) => [real.get(key)?.key ?? key, (names.get(key) ?? []).filter(({ type }) => FINDING.has(type))]),
  );
  return { observations: observations.map((one) => withKeys(one, real)), absorbed: [...absorbed.values()], lookedFor };
}

function namesByKey(observations: readonly Observation[]): Map<string, EntityRef[]> {
  const names = new Map<string, EntityRef[]>();
  for (const { thing, names: said } of observations) names.set(thing.key, [...(names.get(thing.key) ?? []), ...said]);
  return names;
}

/** By the id of a name's entity: the things of the batch that bear it. */
export function spokenBearers(observations: readonly Observation[], group: string): Map<string, ThingRef[]> {
  const named = observations.flatMap(({ thing, names }) => names.map((name) => ({ thing, name })));
  // Records of the same thing say the same names, and an id takes long to compute.
  const byName = Map.groupBy(named, ({ name }) => spelled(name));
  return new Map(
    [...byName.values()].map((all) => {
      const things = new Map(all.map(({ thing }) => [thing.key, thing]));
      return [entityIdOf(group, all[0]!.name), [...things.values()]];
    }),
  );
}

/** `samsara` of `samsara:vehicle:1`. */
export function sourceOf(key: string): string {
  return key.slice(0, key.indexOf(':'));
}

function withKeys(observation: Observation, real: ReadonlyMap<string, ThingRef>): Observation {
  const keyed = (thing: ThingRef): ThingRef => {
    const found = real.get(thing.key);
    return found === undefined ? thing : { ...thing, key: found.key };
  };
  return {
    ...observation,
    thing: keyed(observation.thing),
    // What a provisional record tells is one word among others about the real thing.
    isWhole: observation.isWhole && !real.has(observation.thing.key),
    facts: observation.facts.map((fact) => ('kind' in fact.object ? { ...fact, object: keyed(fact.object) } : fact)),
  };
}
