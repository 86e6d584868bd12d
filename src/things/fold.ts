import type { Observation, ObservedFact, SeriesName, ThingRef } from '../../lib/contracts/feed.ts';
import { SERIES } from '../../lib/contracts/feed.ts';
import { canonicalJson } from '../../lib/contracts/identity.ts';
import { foldNames, type NamedBy } from './names.ts';
import { compareFacts, emptyState, factKey, objectKey, type StateFact, type ThingState } from './state.ts';

/**
 * What is known of a thing once another record has spoken of it. Pure. The same records give the same state in whatever order they
 * come, as far as their times tell it.
 *
 * @param readAt when the record was read: the beginning of facts for which it tells no time.
 */
export function foldObservation(state: ThingState | null, observation: Observation, readAt: string): ThingState {
  if (state !== null && isKnown(state, observation)) return state;
  const before = state ?? emptyState(observation.thing);
  const isNews = observation.isWhole && !isOlder(observation, before);
  const described = isNews ? describedBy(before, observation) : besides(before, observation);
  const singleValued = [...new Set([...before.singleValued, ...observation.singleValued])].sort();
  const facts = [
    ...before.facts,
    ...observation.facts.map((fact) => dated({ ...fact, isOwn: observation.isWhole }, readAt)),
  ];
  return {
    ...described,
    ...foldNames(before, observation.names, namedBy(observation, isNews)),
    facts: mergedFacts(isNews ? endedBy(facts, observation, readAt) : facts, singleValued),
    singleValued,
    series: SERIES.filter(
      (name): name is SeriesName =>
        before.series.includes(name) || observation.readings.some(({ series }) => series === name),
    ),
  };
}

/** Does an observation that only names the thing say nothing that is not known? So do nearly all readings. */
function isKnown(state: ThingState, { isWhole, facts, singleValued, ...told }: Observation): boolean {
  if (isWhole || facts.length + singleValued.length > 0) return false;
  const names = [...state.names, ...state.formerNames];
  return (
    told.names.every(({ type, key }) => names.some((name) => name.type === type && name.key === key)) &&
    told.readings.every(({ series }) => state.series.includes(series)) &&
    (state.isWhole ||
      (told.thing.name === state.name &&
        Object.keys(told.attributes).every((name) => Object.hasOwn(state.attributes, name)) &&
        (told.text === '' || state.text !== '')))
  );
}

/** Is it of an earlier time than what is known? A record without a time is as good as now. */
function isOlder({ observedAt }: Observation, { isWhole, observedAt: known }: ThingState): boolean {
  return isWhole && observedAt !== null && known !== null && observedAt < known;
}

function describedBy(before: ThingState, observation: Observation): ThingState {
  const { thing, attributes, text, observedAt, raw } = observation;
  return {
    ...before,
    name: thing.name,
    isWhole: true,
    observedAt: observedAt ?? before.observedAt,
    attributes,
    text,
    raw,
  };
}

/** What a record says of a thing that it only names is taken where nothing better is known. */
function besides(before: ThingState, { attributes, text, thing }: Observation): ThingState {
  if (before.isWhole) return before;
  const known = before.attributes;
  return {
    ...before,
    name: thing.name,
    attributes: { ...attributes, ...known },
    text: before.text === '' ? text : before.text,
  };
}

function namedBy({ isWhole }: Observation, isNews: boolean): NamedBy {
  if (isNews) return 'description';
  return isWhole ? 'older description' : 'other record';
}

/** A fact that no time is known of begins when it was read. */
function dated(fact: StateFact, readAt: string): StateFact {
  return fact.validFrom === null && fact.basis === 'ingest' ? { ...fact, validFrom: readAt } : fact;
}

/** A newer description that no longer states what an older one did ends it, unless the statement had a time of its own. */
function endedBy(facts: readonly StateFact[], observation: Observation, readAt: string): StateFact[] {
  const stated = new Set(observation.facts.map(({ type, object }) => `${type}\0${objectKey(object)}`));
  const endedAt = observation.observedAt ?? readAt;
  return facts.flatMap((fact) => {
    const isGone =
      fact.isOwn &&
      fact.basis !== 'source_event' &&
      fact.validTo === null &&
      !stated.has(`${fact.type}\0${objectKey(fact.object)}`) &&
      (fact.validFrom ?? '') < endedAt;
    if (!isGone) return [fact];
    const { saidAt, ...first } = fact;
    if (saidAt === undefined || saidAt <= endedAt) return [{ ...fact, validTo: endedAt }];
    // Another record said it after this description.
    return [
      { ...first, validTo: endedAt },
      { ...first, validFrom: saidAt, isOwn: false },
    ];
  });
}

/** Equal ones are one: as long as any of them says, from the first on. An end that a later record states takes the place of an open one. */
function mergedFacts(facts: readonly StateFact[], singleValued: readonly string[]): StateFact[] {
  const merged = new Map<string, StateFact[]>();
  for (const fact of facts) {
    const key = factKey(fact);
    const equal = merged.get(key) ?? [];
    const index = equal.findLastIndex((known) => !isSeparate(known, fact));
    const isSingle = singleValued.includes(fact.type);
    merged.set(key, index < 0 ? [...equal, fact] : equal.with(index, joined(equal[index]!, fact, isSingle)));
  }
  return [...merged.values()].flat().sort(compareFacts);
}

/** One that ended before the other begins is another one: it was true twice. */
function isSeparate(known: StateFact, fact: StateFact): boolean {
  return (
    known.validTo !== null &&
    fact.validFrom !== null &&
    fact.validFrom >= known.validTo &&
    fact.validTo !== known.validTo
  );
}

function joined(known: StateFact, fact: StateFact, isSingle: boolean): StateFact {
  const { saidAt: _, ...first } = known;
  const validFrom = [known.validFrom, fact.validFrom].filter((time) => time !== null).sort()[0] ?? null;
  const saidAt = isSingle ? lastSaid(known, fact) : null;
  return {
    ...first,
    object: named(known.object, fact.object),
    validFrom,
    validTo: fact.validTo ?? known.validTo,
    confidence: Math.max(known.confidence, fact.confidence),
    isOwn: known.isOwn || fact.isOwn,
    ...(saidAt !== null && saidAt !== validFrom && { saidAt }),
  };
}

/** When one of these was said last, or null where one of them is not known by the time of an update. */
function lastSaid(...facts: readonly StateFact[]): string | null {
  if (facts.some(({ basis }) => basis !== 'source_update')) return null;
  const times = facts.map(({ saidAt, validFrom }) => saidAt ?? validFrom).filter((time) => time !== null);
  return times.sort().at(-1) ?? null;
}

/** The state with every fact about one thing made one about another, because both are the same. */
export function withRenamedObject(state: ThingState, from: string, to: ThingRef): ThingState {
  const facts = state.facts.map((fact) =>
    'kind' in fact.object && fact.object.key === from ? { ...fact, object: to } : fact,
  );
  return { ...state, facts: mergedFacts(facts, state.singleValued) };
}

/** What a thing that turns out to be another has gathered, as something said of that one. */
export function absorbedObservation(provisional: ThingState, into: ThingRef): Observation {
  const { attributes, names, text } = provisional;
  return {
    thing: into,
    isWhole: false,
    observedAt: null,
    attributes,
    names: names.map(({ isOwn: _, ...name }) => name),
    facts: provisional.facts.map(({ isOwn: _, ...fact }) => fact),
    singleValued: provisional.singleValued as Observation['singleValued'],
    readings: [],
    text,
    raw: null,
  };
}

/** A fact with when it holds: a thing has one at a time of some types, and a newer one ends the one before. */
export interface HeldFact extends StateFact {
  /** As a record said, or when the next of its type began. */
  readonly until: string | null;
}

/**
 * All facts of a thing with their validity. Of a type of which it has one at a time, equal ones that follow each other are one, and one
 * that no time is known of counts only where nothing better is known. Of any other, equal ones that overlap are one.
 */
export function heldFacts({ facts, singleValued }: Pick<ThingState, 'facts' | 'singleValued'>): HeldFact[] {
  const byType = Map.groupBy(facts, ({ type }) => type);
  return [...byType].flatMap(([type, all]) => (singleValued.includes(type) ? successive(all) : united(all)));
}

function successive(facts: readonly StateFact[]): HeldFact[] {
  const dated = facts.filter(({ basis }) => basis !== 'ingest');
  const held: HeldFact[] = [];
  for (const fact of (dated.length > 0 ? dated : facts).flatMap(sayings).sort(compareFacts)) {
    const last = held.at(-1);
    const isSame = last !== undefined && objectKey(last.object) === objectKey(fact.object) && last.until === null;
    if (isSame) held[held.length - 1] = { ...last, ...both(last, fact), validTo: fact.validTo, until: fact.validTo };
    else {
      if (last !== undefined && fact.validFrom !== null && (last.until === null || last.until > fact.validFrom))
        held[held.length - 1] = { ...last, until: fact.validFrom };
      held.push({ ...fact, until: fact.validTo });
    }
  }
  return held;
}

/** A fact, and again from when it was said last. */
function sayings({ saidAt, ...fact }: StateFact): StateFact[] {
  return saidAt === undefined
    ? [fact]
    : [
        { ...fact, validTo: null },
        { ...fact, validFrom: saidAt },
      ];
}

function united(facts: readonly StateFact[]): HeldFact[] {
  const same = Map.groupBy(facts, ({ object, detail }) => JSON.stringify([objectKey(object), canonicalJson(detail)]));
  const held: HeldFact[] = [];
  for (const equal of same.values()) {
    const spans: HeldFact[] = [];
    for (const fact of equal.toSorted(compareFacts)) {
      const last = spans.at(-1);
      const isApart = last === undefined || (last.until !== null && (fact.validFrom ?? '') > last.until);
      if (isApart) spans.push({ ...fact, until: fact.validTo });
      else spans[spans.length - 1] = overlapping(last, fact);
    }
    held.push(...spans);
  }
  return held.sort(compareFacts);
}

/** An end that somebody states counts more than that another does not know of it. */
function overlapping(open: HeldFact, fact: StateFact): HeldFact {
  const ends = [open.until, fact.validTo].filter((end) => end !== null).sort();
  const until = ends.at(-1) ?? null;
  return { ...open, ...both(open, fact), validTo: until, until };
}

/** How well times are known, best first. */
const BASES: readonly ObservedFact['basis'][] = ['source_event', 'source_update', 'ingest'];

/** What is best known of either. */
function both(a: StateFact, b: StateFact): Pick<StateFact, 'object' | 'basis' | 'confidence' | 'isOwn'> {
  return {
    object: named(a.object, b.object),
    basis: BASES.find((basis) => a.basis === basis || b.basis === basis)!,
    confidence: Math.max(a.confidence, b.confidence),
    isOwn: a.isOwn || b.isOwn,
  };
}

/** The one that has a name besides its key. */
function named(a: ObservedFact['object'], b: ObservedFact['object']): ObservedFact['object'] {
  return b.name === b.key ? a : b;
}
