import type { Chunk, Extraction, ParsedDocument } from '../../lib/contracts/document.ts';
import type { Observation, ThingRef } from '../../lib/contracts/feed.ts';
import { digestOf } from '../../lib/contracts/identity.ts';
import type { SeriesAddition } from '../../lib/contracts/series.ts';
import type { FactRead, RecordsStore } from '../../lib/contracts/store.ts';
import { chunk } from '../pipeline/chunk.ts';
import type { StepContext } from '../pipeline/context.ts';
import { extractQuoted } from '../pipeline/extract.ts';
import { thingDocumentId } from '../pipeline/identity.ts';
import type { Parts } from '../pipeline/parts.ts';
import { cardOf } from './card.ts';
import {
  type Affected,
  affectedBy,
  bearersAfter,
  type NameChange,
  nameChange,
  readsOf,
  readsOfGone,
  withDerived,
  withoutDerived,
} from './derive.ts';
import { absorbedObservation, foldObservation, type HeldFact, heldFacts, withRenamedObject } from './fold.ts';
import { asEntity, type KnownThing, type KnownThings } from './known.ts';
import { isLinking, referencesIn } from './links.ts';
import { metReadings, seriesAddition } from './meet.ts';
import { type Resolution, resolveThings } from './resolve.ts';
import { compareFacts, STATE_FORMAT, spelledState, stateDigest, type ThingState } from './state.ts';
import { withStays } from './stays.ts';
import { Turns } from './turns.ts';

/** A thing as a batch leaves it, before anything is written. */
export interface PreparedThing {
  readonly documentId: string;
  readonly known: KnownThing | null;
  readonly state: ThingState;
  /** What a version of it is made of; null: what is known of it has not changed. */
  readonly content: ThingContent | null;
  /** A record of the batch speaks of it; else something in the batch changed what is known of it. */
  readonly isNamed: boolean;
  /** Readings that its series do not have yet; null: none. */
  readonly addition: SeriesAddition | null;
}

/** A thing that its source has no more. */
export interface GoneThing {
  readonly documentId: string;
  readonly key: string;
  /** The version that was current when that was found out. */
  readonly baseVersion: number;
}

/** What a version of a thing is made of. */
export interface ThingContent {
  readonly facts: readonly HeldFact[];
  readonly card: ParsedDocument;
  readonly chunks: readonly Chunk[];
  readonly extraction: Extraction;
  /** The state as canonical JSON, and its digest. */
  readonly stateText: string;
  readonly contentDigest: string;
  /** What others state, as far as it was made from that. */
  readonly reads: readonly FactRead[];
}

/** What a batch of observations comes to. */
export interface PreparedThings {
  readonly things: readonly PreparedThing[];
  /** Known things that turn out to be others of the batch. */
  readonly absorbed: readonly { readonly known: KnownThing; readonly into: string }[];
  /** Those of the gone ones that are as they were. */
  readonly gone: readonly GoneThing[];
  /** What others state, as far as it decides that a thing goes. */
  readonly reads: readonly FactRead[];
  /** Documents of which neither is changed without the other. */
  readonly together: readonly (readonly [string, string])[];
}

interface PrepareParts {
  readonly parts: Pick<Parts, 'chunker' | 'extractor'> & {
    readonly stores: { readonly records: Pick<RecordsStore, 'seriesWindows'> };
  };
  readonly known: KnownThings;
  readonly context: Pick<StepContext, 'signal' | 'surroundings'>;
  readonly settingsDigest: string;
  readonly storesDigest: string;
  /** When the records were read, ISO 8601: from when facts hold of which no time is known. */
  readonly readAt: string;
  /** What goes with this. Absent: nothing. */
  readonly gone?: readonly GoneThing[];
}

/** Digest of all that shapes what the same state becomes. */
export function thingsSettingsDigest(parts: Pick<Parts, 'chunker' | 'extractor' | 'embedder'>): string {
  const { chunker, extractor, embedder } = parts;
  return digestOf('things', STATE_FORMAT, chunker.version, extractor.model, embedder.model, embedder.dimensions);
}

/**
 * Folds observations into what is known, and finds out what is to be written: what is said of things first, then what follows from the
 * names that they and others bear. Nothing is changed yet.
 */
export async function prepareThings(observed: readonly Observation[], options: PrepareParts): Promise<PreparedThings> {
  const { known, gone: asked = [] } = options;
  await known.load([...new Set([...observed.map(({ thing }) => thing.key), ...asked.map(({ key }) => key)])]);
  const { observations: resolved, absorbed, lookedFor } = await resolveThings(observed, known);
  const observations = await withoutGone(resolved, known);
  const going = await goingThings(asked, known);
  const leaving = new Set([...absorbed.map(({ provisional }) => provisional), ...going].map(({ key }) => key));
  const referrers = await known.referrersOf(absorbed.map(({ provisional }) => provisional));
  const all = [
    ...observations,
    ...absorbed.map(({ provisional, into }) => absorbedObservation(provisional, into)),
    ...referrers.map(nothingOf),
  ].filter(({ thing }) => !leaving.has(thing.key));
  const folded = await foldThings(
    Map.groupBy(all, ({ thing }) => thing.key),
    absorbed,
    options,
  );
  const affected = await withAffected(folded, { going, leaving, known });
  const lookedAt = new Set(affected.map(({ key }) => key));
  const contents = await contentsOf(folded, { ...options, leaving, lookedFor, lookedAt });
  const named = new Set(observations.map(({ thing }) => thing.key));
  const things = [...folded].map(([key, { documentId, known: before, state, addition }]) => {
    const { content, state: whole } = contents.get(key) ?? { content: null, state };
    return { documentId, known: before, state: whole, content, isNamed: named.has(key), addition };
  });
  const documentIdOf = ({ key }: Pick<ThingRef, 'key'>) => thingDocumentId(known.group, key);
  const changed = new Set(things.flatMap(({ state: { key }, content }) => (content === null ? [] : [key])));
  return {
    things,
    absorbed: await Promise.all(
      absorbed.map(async ({ provisional, into }) => ({ known: (await known.thing(provisional.key))!, into: into.key })),
    ),
    gone: going,
    reads: [
      ...absorbed.flatMap(({ provisional }) => known.reads(documentIdOf(provisional), [asEntity(provisional)], null)),
      ...going.flatMap((thing) => readsOfGone(thing, known)),
    ],
    together: affected
      .filter(({ key }) => changed.has(key))
      .map(({ key, because }): [string, string] => [documentIdOf({ key: because }), documentIdOf({ key })]),
  };
}

/** What its source has no more comes back with a record of its own, and not because others still speak of it. */
async function withoutGone(observations: readonly Observation[], known: KnownThings): Promise<readonly Observation[]> {
  await known.load(observations.map(({ thing }) => thing.key));
  const told = new Set(observations.filter(({ isWhole }) => isWhole).map(({ thing }) => thing.key));
  const left: Observation[] = [];
  for (const observation of observations) {
    const { key } = observation.thing;
    if (told.has(key) || !(await known.isGone(key))) left.push(observation);
  }
  return left;
}

/** Those that are what they were when it was found out that their source has them no more. */
async function goingThings(asked: readonly GoneThing[], known: KnownThings): Promise<(GoneThing & NameChange)[]> {
  const same: (GoneThing & NameChange)[] = [];
  for (const thing of asked) {
    const found = await known.thing(thing.key);
    if (found?.document.version !== thing.baseVersion) continue;
    const { kind, key, name, names } = found.state;
    same.push({ ...thing, kind, key, name, names, isGone: true });
  }
  return same;
}

/** Known things that are others, with the others. */
type Absorbed = readonly { readonly provisional: ThingState; readonly into: ThingRef }[];

/** A thing with all that is said of it. */
interface FoldedThing {
  readonly documentId: string;
  readonly known: KnownThing | null;
  /** What follows from others is as it was before. */
  readonly state: ThingState;
  readonly addition: SeriesAddition | null;
  readonly observations: readonly Observation[];
}

/** By key. */
async function foldThings(
  byKey: ReadonlyMap<string, readonly Observation[]>,
  absorbed: Absorbed,
  { known, parts, context, readAt }: PrepareParts,
): Promise<Map<string, FoldedThing>> {
  const { group } = known;
  await known.load([...byKey.keys()]);
  const met = await metReadings(byKey, { records: parts.stores.records, group, signal: context.signal });
  const folded = new Map<string, FoldedThing>();
  const turns = new Turns();
  for (const [key, observations] of byKey) {
    await turns.pass();
    const before = await known.thing(key);
    const documentId = thingDocumentId(group, key);
    const own = met.get(key) ?? [];
    let state = observations.reduce<ThingState | null>(
      (told, observation) => foldObservation(told, observation, readAt),
      before?.state ?? null,
    )!;
    for (const { provisional, into } of absorbed) state = withRenamedObject(state, provisional.key, into);
    const position = own.find(({ series }) => series === 'position');
    if (position !== undefined) {
      const facts = withStays(state.facts, position.fresh, position.window);
      if (facts !== state.facts) state = { ...state, facts: facts.toSorted(compareFacts) };
    }
    const addition = seriesAddition(documentId, own, before);
    folded.set(key, { documentId, known: before, state, addition, observations });
  }
  return folded;
}

/** Adds the known things of which something else follows now. @returns which these are, of all, and why. */
async function withAffected(
  folded: Map<string, FoldedThing>,
  {
    going,
    leaving,
    known,
  }: { readonly going: readonly NameChange[]; readonly leaving: ReadonlySet<string>; readonly known: KnownThings },
): Promise<readonly Affected[]> {
  const changes = [...folded.values()].flatMap(
    ({ known: before, state }) => nameChange(before?.state ?? null, state) ?? [],
  );
  const affected = await affectedBy([...changes, ...going], known);
  const found = affected.filter(({ key }) => !leaving.has(key));
  await known.load(found.map(({ key }) => key));
  const there: Affected[] = [];
  for (const one of found) {
    const { key } = one;
    const thing = await known.thing(key);
    if (thing !== null && !folded.has(key)) {
      const documentId = thingDocumentId(known.group, key);
      folded.set(key, { documentId, known: thing, state: thing.state, addition: null, observations: [] });
    }
    if (folded.has(key)) there.push(one);
  }
  return there;
}

interface ContentOptions extends PrepareParts {
  /** The keys of things that are no more after this. */
  readonly leaving: ReadonlySet<string>;
  readonly lookedFor: Resolution['lookedFor'];
  /** The keys of things of which something else may follow, though nothing is said of them. */
  readonly lookedAt: ReadonlySet<string>;
}

/** By key, of things that may have changed: their state with what follows from others, and what their version is made of, or null. */
async function contentsOf(folded: ReadonlyMap<string, FoldedThing>, options: ContentOptions) {
  const { known, parts, context, leaving, lookedFor, lookedAt } = options;
  const turns = new Turns();
  const drafts = [];
  for (const [key, thing] of folded) {
    await turns.pass();
    if (thing.known === null || lookedAt.has(key) || !isUnchanged(thing.known, stateDigest(thing.state), options))
      drafts.push({ key, thing, ...(await cardParts(withoutDerived(thing.state), parts, context)) });
  }
  const stored = await known.bearersOf(
    drafts.flatMap(({ thing, references }) => [...references, ...thing.state.names.filter(isLinking)]),
  );
  const states = new Map([...folded].map(([key, { state }]) => [key, state]));
  const bearersOf = bearersAfter(states, leaving, { stored, known });
  const contents = new Map<string, { readonly state: ThingState; readonly content: ThingContent | null }>();
  for (const { key, thing, references, ...made } of drafts) {
    await turns.pass();
    const state = withDerived(thing.state, references, bearersOf);
    const { text: stateText, digest: contentDigest } = spelledState(state);
    const change = nameChange(thing.known?.state ?? null, state);
    const reads = readsOf({ state, change, observations: thing.observations, references, lookedFor }, known);
    const content = { facts: heldFacts(state), ...made, stateText, contentDigest, reads };
    contents.set(key, { state, content: isUnchanged(thing.known, contentDigest, options) ? null : content });
  }
  return contents;
}

function isUnchanged(before: KnownThing | null, contentDigest: string, { settingsDigest, storesDigest }: PrepareParts) {
  if (before === null) return false;
  const { document } = before;
  return (
    document.contentDigest === contentDigest &&
    document.settingsDigest === settingsDigest &&
    document.storesDigest === storesDigest
  );
}

/** The card of a thing, which tells what its own records say, and the reference numbers that its text names. */
async function cardParts(state: ThingState, parts: PrepareParts['parts'], context: PrepareParts['context']) {
  const card = cardOf(state, heldFacts(state));
  const chunks = chunk(card, parts.chunker);
  const extraction = await extractQuoted({ document: card, chunks }, parts.extractor, context);
  return { card, chunks, extraction, references: state.text === '' ? [] : referencesIn(extraction) };
}

/** Of a thing of which a record says nothing itself. */
function nothingOf(thing: ThingRef): Observation {
  return {
    ...{ thing, isWhole: false, observedAt: null, attributes: {}, names: [], facts: [] },
    ...{ singleValued: [], readings: [], text: '', raw: null },
  };
}
