import type { Chunk, Extraction, ParsedDocument } from '../../lib/contracts/document.ts';
import type { EntityRef, Observation, Reading, ThingRef } from '../../lib/contracts/feed.ts';
import { canonicalJson, digestOf } from '../../lib/contracts/identity.ts';
import type { SeriesAddition, SeriesWindow } from '../../lib/contracts/series.ts';
import type { FactRead, RecordsStore } from '../../lib/contracts/store.ts';
import { chunk } from '../pipeline/chunk.ts';
import type { StepContext } from '../pipeline/context.ts';
import { extractQuoted } from '../pipeline/extract.ts';
import { entityIdOf, thingDocumentId } from '../pipeline/identity.ts';
import type { Parts } from '../pipeline/parts.ts';
import { cardOf } from './card.ts';
import { absorbedObservation, foldObservation, type HeldFact, heldFacts, withRenamedObject } from './fold.ts';
import { asEntity, type KnownThing, type KnownThings } from './known.ts';
import { isReference, linkObservations, MAX_BEARERS, mentionFacts, referencesIn, said } from './links.ts';
import { type Resolution, resolveThings, spokenBearers } from './resolve.ts';
import { compareFacts, STATE_FORMAT, stateDigest, type ThingState } from './state.ts';
import { withStays } from './stays.ts';

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

/** Folds observations into what is known, and finds out what is to be written. Nothing is changed yet. */
export async function prepareThings(observed: readonly Observation[], options: PrepareParts): Promise<PreparedThings> {
  const { known, gone: asked = [] } = options;
  await known.load([...new Set([...observed.map(({ thing }) => thing.key), ...asked.map(({ key }) => key)])]);
  const { observations: resolved, absorbed, lookedFor } = await resolveThings(observed, known);
  const observations = await withoutGone(resolved, known);
  const going = await goingThings(asked, known);
  const leaving = new Set([...absorbed.map(({ provisional }) => provisional), ...going].map(({ key }) => key));
  const mentioners = [...(await newlyMentioned(observations, known)), ...going.flatMap((one) => one.mentioners)];
  const lookedAt = new Map(mentioners.filter(({ key }) => !leaving.has(key)).map((thing) => [thing.key, thing]));
  const referrers = await known.referrersOf(absorbed.map(({ provisional }) => provisional));
  const all = [
    ...observations,
    ...absorbed.map(({ provisional, into }) => absorbedObservation(provisional, into)),
    ...(await linkObservations(observations, known)),
    ...[...lookedAt.values(), ...referrers].map((thing) => said(thing, [])),
  ];
  const named = new Set(observations.map(({ thing }) => thing.key));
  const spoken = spokenBearers(observations, known.group);
  const byKey = Map.groupBy(all, ({ thing }) => thing.key);
  const documentIdOf = ({ key }: Pick<ThingRef, 'key'>) => thingDocumentId(known.group, key);
  await known.load([...byKey.keys()]);
  const met = await metReadings(byKey, options);
  const things: PreparedThing[] = [];
  for (const [key, own] of byKey) {
    if (leaving.has(key)) continue;
    const thing = await prepareThing(own, {
      ...{ absorbed, leaving, spoken, lookedFor, met: met.get(key) ?? [], ...options },
      isLookedAt: lookedAt.has(key),
    });
    things.push({ ...thing, isNamed: named.has(key) });
  }
  return {
    things,
    absorbed: await Promise.all(
      absorbed.map(async ({ provisional, into }) => ({ known: (await known.thing(provisional.key))!, into: into.key })),
    ),
    gone: going,
    reads: [
      ...absorbed.flatMap(({ provisional }) => known.reads(documentIdOf(provisional), [asEntity(provisional)], null)),
      ...going.flatMap((thing) => known.reads(thing.documentId, [asEntity(thing)], 'MENTIONS')),
    ],
    together: going.flatMap(({ documentId, mentioners }) =>
      mentioners.map((thing): [string, string] => [documentId, documentIdOf(thing)]),
    ),
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

/** Things whose text names what the batch gives a number to: they are looked at again. */
async function newlyMentioned(observations: readonly Observation[], known: KnownThings): Promise<ThingRef[]> {
  const mentioners = await known.mentionersOf(observations.flatMap(({ names }) => names.filter(isReference)));
  return [...mentioners.values()].flat();
}

/** A thing that goes, with those whose text names it: they are looked at again. */
type GoingThing = GoneThing & ThingRef & { readonly mentioners: readonly ThingRef[] };

/** Those that are what they were when it was found out that their source has them no more. */
async function goingThings(asked: readonly GoneThing[], known: KnownThings): Promise<GoingThing[]> {
  const same: (GoneThing & ThingRef)[] = [];
  for (const thing of asked) {
    const found = await known.thing(thing.key);
    if (found?.document.version !== thing.baseVersion) continue;
    const { kind, key, name } = found.state;
    same.push({ ...thing, kind, key, name });
  }
  const mentioners = await known.mentionersOf(same.map(asEntity));
  return same.map((thing) => ({
    ...thing,
    mentioners: mentioners.get(entityIdOf(known.group, asEntity(thing))) ?? [],
  }));
}

/** Known things that are others, with the others. */
type Absorbed = readonly { readonly provisional: ThingState; readonly into: ThingRef }[];

interface ThingOptions extends PrepareParts {
  readonly absorbed: Absorbed;
  /** The keys of things that are no more after this. */
  readonly leaving: ReadonlySet<string>;
  readonly lookedFor: Resolution['lookedFor'];
  /** By the id of a name's entity: the things of the batch that bear it. */
  readonly spoken: ReadonlyMap<string, readonly ThingRef[]>;
  readonly met: readonly Met[];
  /** Something that its text may name is known only now. */
  readonly isLookedAt: boolean;
}

async function prepareThing(
  observations: readonly Observation[],
  options: ThingOptions,
): Promise<Omit<PreparedThing, 'isNamed'>> {
  const { known, parts, context, readAt, absorbed, met } = options;
  const { thing } = observations[0]!;
  const before = await known.thing(thing.key);
  const documentId = thingDocumentId(known.group, thing.key);
  let state = observations.reduce<ThingState | null>(
    (folded, observation) => foldObservation(folded, observation, readAt),
    before?.state ?? null,
  )!;
  for (const { provisional, into } of absorbed) state = withRenamedObject(state, provisional.key, into);
  const addition = seriesAddition(documentId, met, before);
  const position = met.find(({ series }) => series === 'position');
  if (position !== undefined) {
    const facts = withStays(state.facts, position.fresh, position.window);
    state = { ...state, facts: facts.sort(compareFacts) };
  }
  // What its text names may be known by now, though nothing is said of the thing itself.
  const isSame = before !== null && !options.isLookedAt && isUnchanged(before, stateDigest(state), options);
  if (isSame) return { documentId, known: before, state, content: null, addition };
  const { chunks, card, extraction } = await cardParts(state, parts, context);
  const references = state.text === '' ? [] : referencesIn(extraction);
  state = await withMentions(state, references, options);
  const contentDigest = stateDigest(state);
  const reads = readsOf(documentId, { observations, references }, options);
  const content = { facts: heldFacts(state), card, chunks, extraction, contentDigest, reads };
  const isChanged = !isUnchanged(before, contentDigest, options);
  return { documentId, known: before, state, content: isChanged ? content : null, addition };
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

async function cardParts(state: ThingState, parts: PrepareParts['parts'], context: PrepareParts['context']) {
  const card = cardOf(state, heldFacts(state));
  const chunks = chunk(card, parts.chunker);
  return { card, chunks, extraction: await extractQuoted({ document: card, chunks }, parts.extractor, context) };
}

interface MadeFrom {
  readonly observations: readonly Observation[];
  /** What its text names. */
  readonly references: readonly EntityRef[];
}

/**
 * What others state about what a thing is named by, what its text names, and what its records speak of by name alone: who bears
 * these names, and whose text has them.
 */
function readsOf(
  documentId: string,
  { observations, references }: MadeFrom,
  { known, lookedFor }: Pick<ThingOptions, 'known' | 'lookedFor'>,
): FactRead[] {
  const names = observations.flatMap((observation) => observation.names);
  const objects = observations.flatMap(({ facts }) =>
    facts.flatMap(({ object }) => ('kind' in object ? (lookedFor.get(object.key) ?? []) : [])),
  );
  // From so many bearers on nothing follows, and more change nothing.
  const borne = known.reads(documentId, [...names, ...objects], 'IDENTIFIED_BY');
  const deciding = borne.filter(({ subjectIds }) => subjectIds.length <= MAX_BEARERS);
  const all = [
    ...deciding,
    ...known.reads(documentId, references, 'IDENTIFIED_BY'),
    ...known.reads(documentId, names, 'MENTIONS'),
  ];
  return [...new Map(all.map((read) => [`${read.type}\0${read.objectId}`, read])).values()];
}

/** What the text of a thing names, told anew: text may have changed, and what it names may be known by now. */
async function withMentions(
  state: ThingState,
  named: readonly EntityRef[],
  { known, absorbed, leaving, spoken }: ThingOptions,
): Promise<ThingState> {
  const others = state.facts.filter(({ type, detail }) => type !== 'MENTIONS' || detail['isOfText'] !== true);
  if (state.text === '') return others.length === state.facts.length ? state : { ...state, facts: others };
  const own = new Set(state.names.map(({ type, key }) => `${type}\0${key}`));
  const references = named.filter(({ type, key }) => !own.has(`${type}\0${key}`));
  const thing = { kind: state.kind, key: state.key, name: state.name, group: known.group };
  const bearers = await known.bearersOf(references);
  const real = new Map(absorbed.map(({ provisional, into }) => [provisional.key, into]));
  const all = references.map((reference): [string, ThingRef[]] => {
    const id = entityIdOf(known.group, reference);
    const found = [...(bearers.get(id) ?? []), ...(spoken.get(id) ?? [])].map((one) => real.get(one.key) ?? one);
    return [id, [...new Map(found.filter(({ key }) => !leaving.has(key)).map((one) => [one.key, one])).values()]];
  });
  const facts = mentionFacts(references, new Map(all), thing);
  return { ...state, facts: [...others, ...facts.map((fact) => ({ ...fact, isOwn: false }))].sort(compareFacts) };
}

/** Readings of one series of one thing that are not there yet, and what they meet there. */
interface Met {
  readonly series: string;
  readonly fresh: readonly Reading[];
  readonly window: SeriesWindow;
}

/** By key of their thing: what its readings meet. One question for all. */
async function metReadings(
  byKey: ReadonlyMap<string, readonly Observation[]>,
  { known, parts, context }: PrepareParts,
): Promise<ReadonlyMap<string, readonly Met[]>> {
  const asked = [...byKey].flatMap(([key, observations]) => {
    const readings = observations.flatMap((observation) => observation.readings);
    return [...Map.groupBy(readings, ({ series }) => series)].map(([series, all]) => ({
      ...{ key, series, readings: new Map(all.map((reading) => [spelled(rowOf(reading)), reading])) },
    }));
  });
  if (asked.length === 0) return new Map();
  const windows = await parts.stores.records.seriesWindows(
    asked.map(({ key, series, readings }) => ({
      ...{ documentId: thingDocumentId(known.group, key), series, readings: [...readings.values()].map(rowOf) },
    })),
    context.signal,
  );
  const met = asked.map(({ key, series, readings }, index) => {
    const window = windows[index]!;
    return { key, series, window, fresh: window.fresh.map((row) => readings.get(spelled(row))!) };
  });
  return Map.groupBy(
    met.filter(({ fresh }) => fresh.length > 0),
    ({ key }) => key,
  );
}

/** What is to be added to the series of a thing. */
function seriesAddition(documentId: string, met: readonly Met[], known: KnownThing | null): SeriesAddition | null {
  if (met.length === 0) return null;
  return {
    documentId,
    baseVersion: known?.document.version ?? null,
    baseCounts: Object.fromEntries(met.map(({ series, window }) => [series, window.count])),
    readings: met.flatMap(({ series, window }) => window.fresh.map((row) => ({ series, ...row }))),
  };
}

type ReadingRow = SeriesWindow['fresh'][number];

function rowOf({ at, value, place }: Reading): ReadingRow {
  return { at, value, placeKey: place?.key ?? null };
}

function spelled({ at, value, placeKey }: ReadingRow): string {
  return canonicalJson([at, value, placeKey]);
}
