import type { EntityRef, Observation, ThingRef } from '../../lib/contracts/feed.ts';
import type { FactRead } from '../../lib/contracts/store.ts';
import { thingDocumentId } from '../pipeline/identity.ts';
import { asEntity, type KnownThings } from './known.ts';
import { type BearersOf, isDerived, isLinking, isReference, linkFacts, MAX_BEARERS, mentionFacts } from './links.ts';
import { byName, type Name, spelled } from './names.ts';
import { type Resolution, sourceOf } from './resolve.ts';
import { compareFacts, isProvisional, type ThingState } from './state.ts';

// What a thing's text mentions and what it is tied to follow from the names that other things bear now. Whenever a thing takes or
// gives up a name, those of which something else follows then are looked at again, and become visible together with it.

/** A thing whose names are others than before, or that is gone. */
export interface NameChange extends ThingRef {
  /** Taken or given up; all of them when the thing goes, or is named otherwise. */
  readonly names: readonly Name[];
  readonly isGone: boolean;
}

/** What a thing's names were, and are; null: nothing changes for others. */
export function nameChange(before: ThingState | null, state: ThingState): NameChange | null {
  if (before === state) return null;
  const { kind, key, name } = state;
  const [old, current] = [byName(before?.names ?? []), byName(state.names)];
  const isRenamed = before !== null && before.name !== name;
  const all = [...new Map([...old, ...current])];
  const names = all.flatMap(([name, one]) => (isRenamed || old.has(name) !== current.has(name) ? [one] : []));
  return names.length === 0 ? null : { kind, key, name, names, isGone: false };
}

/** A thing of which something else may follow, and the key of the one that changes it. */
export interface Affected {
  readonly key: string;
  readonly because: string;
}

/** Known things of which something else may follow after these changes. */
export async function affectedBy(changes: readonly NameChange[], known: KnownThings): Promise<Affected[]> {
  const ties = ({ key, names }: NameChange) => (isProvisional(key) ? [] : names.filter(isLinking));
  const mentioned = ({ isGone, names, ...thing }: NameChange): Name[] =>
    isGone ? [asEntity(thing)] : names.filter(isReference);
  const bearers = await known.bearersOf(changes.flatMap(ties));
  const mentioners = await known.mentionersOf(changes.flatMap(mentioned));
  return changes.flatMap((change) => {
    const because = change.key;
    const tied = ties(change).flatMap((name) => {
      const all = (bearers.get(known.idOf(name)) ?? []).filter(({ key }) => key !== because);
      // Far beyond the bound nothing is tied, before and after.
      if (all.length > MAX_BEARERS + 1) return [];
      return all.filter(({ key }) => sourceOf(key) !== sourceOf(because) || all.length >= MAX_BEARERS);
    });
    const naming = mentioned(change).flatMap((name) => mentioners.get(known.idOf(name)) ?? []);
    const keys = new Set([...tied, ...naming].map(({ key }) => key));
    return [...keys].filter((key) => key !== because).map((key) => ({ key, because }));
  });
}

/** What bears a name once a batch is written: what the memory knows, but for the things of the batch, which bear what they do then. */
export function bearersAfter(
  states: ReadonlyMap<string, ThingState>,
  leaving: ReadonlySet<string>,
  { stored, known }: { readonly stored: ReadonlyMap<string, readonly ThingRef[]>; readonly known: KnownThings },
): BearersOf {
  const staying = [...states.values()].filter(({ key }) => !leaving.has(key));
  const borne = staying.flatMap(({ kind, key, name, names }) =>
    names.map((one) => ({ borne: spelled(one), bearer: { kind, key, name } })),
  );
  const own = Map.groupBy(borne, (one) => one.borne);
  return (name) => [
    ...(stored.get(known.idOf(name)) ?? []).filter(({ key }) => !states.has(key) && !leaving.has(key)),
    ...(own.get(spelled(name)) ?? []).map(({ bearer }) => bearer),
  ];
}

/** The state without what follows from others. */
export function withoutDerived(state: ThingState): ThingState {
  const facts = state.facts.filter((fact) => !isDerived(fact));
  return facts.length === state.facts.length ? state : { ...state, facts };
}

/** The state with what follows from others now. @param references what its text names. */
export function withDerived(state: ThingState, references: readonly EntityRef[], bearersOf: BearersOf): ThingState {
  const derived = [...mentionFacts(references, state, bearersOf), ...linkFacts(state, bearersOf)];
  const facts = [...withoutDerived(state).facts, ...derived.map((fact) => ({ ...fact, isOwn: false }))];
  return { ...state, facts: facts.sort(compareFacts) };
}

interface MadeFrom {
  readonly state: ThingState;
  readonly change: NameChange | null;
  readonly observations: readonly Observation[];
  /** What its text names. */
  readonly references: readonly EntityRef[];
  readonly lookedFor: Resolution['lookedFor'];
}

/**
 * What others state that a version of a thing is made from: who bears its names, those that its text names, and those by which its
 * records speak of others; and whose texts name what it takes or gives up.
 */
export function readsOf(
  { state, change, observations, references, lookedFor }: MadeFrom,
  known: KnownThings,
): FactRead[] {
  const documentId = thingDocumentId(known.group, state.key);
  const objects = observations.flatMap(({ facts }) =>
    facts.flatMap(({ object }) => ('kind' in object ? (lookedFor.get(object.key) ?? []) : [])),
  );
  const borne = known.reads(documentId, [...state.names, ...(change?.names ?? []), ...objects], 'IDENTIFIED_BY');
  const all = [
    ...borne.filter(isDeciding),
    ...known.reads(documentId, references, 'IDENTIFIED_BY'),
    ...known.reads(documentId, change?.names ?? [], 'MENTIONS'),
  ];
  return [...new Map(all.map((read) => [`${read.type}\0${read.objectId}`, read])).values()];
}

/** What others state, as far as it was looked for before a thing went. */
export function readsOfGone({ names, ...thing }: NameChange, known: KnownThings): FactRead[] {
  const documentId = thingDocumentId(known.group, thing.key);
  return [
    ...known.reads(documentId, [asEntity(thing)], 'MENTIONS'),
    ...known.reads(documentId, names, 'IDENTIFIED_BY').filter(isDeciding),
  ];
}

/** From more bearers nothing follows, and one more changes nothing. */
function isDeciding({ subjectIds }: FactRead): boolean {
  return subjectIds.length <= MAX_BEARERS + 1;
}
