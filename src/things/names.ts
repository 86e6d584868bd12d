import type { EntityRef } from '../../lib/contracts/feed.ts';
import type { StateName, ThingState } from './state.ts';

/** Which record tells names: the one that describes the thing best, an older one of those, or one that only names the thing. */
export type NamedBy = 'description' | 'older description' | 'other record';

/**
 * The names of a thing once another record has told some. Its own are those of what describes it; what it has given up is not its name
 * any more, whoever still says so. Pure: the same records, again or in another order, give the same names.
 */
export function foldNames(
  before: Pick<ThingState, 'names' | 'formerNames'>,
  told: readonly EntityRef[],
  by: NamedBy,
): Pick<ThingState, 'names' | 'formerNames'> {
  const ownBefore = before.names.filter(({ isOwn }) => isOwn);
  const own = byName(by === 'description' ? told.map((name) => ({ ...name, isOwn: true })) : ownBefore);
  const givenUp = by === 'description' ? ownBefore : by === 'older description' ? told : [];
  const former = without(byName([...before.formerNames, ...givenUp.map(({ type, key }) => ({ type, key }))]), own);
  const toldByOthers = by === 'other record' ? told.map((name) => ({ ...name, isOwn: false })) : [];
  const others = byName([...toldByOthers, ...before.names.filter(({ isOwn }) => !isOwn)]);
  const names: StateName[] = [...own.values(), ...without(without(others, own), former).values()];
  return { names: ordered(names), formerNames: ordered([...former.values()]) };
}

/** What tells a name from others, and an entity's id is made of. */
export type Name = Pick<EntityRef, 'type' | 'key'>;

export function spelled({ type, key }: Name): string {
  return `${type}\0${key}`;
}

/** Each once; the last of the list counts. */
export function byName<One extends Name>(names: readonly One[]): Map<string, One> {
  return new Map(names.map((name) => [spelled(name), name]));
}

function without<One extends Name>(names: ReadonlyMap<string, One>, others: ReadonlyMap<string, Name>) {
  return new Map([...names].filter(([name]) => !others.has(name)));
}

function ordered<One extends Name>(names: readonly One[]): One[] {
  return names.toSorted((a, b) => (spelled(a) < spelled(b) ? -1 : 1));
}
