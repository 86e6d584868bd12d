import type { RelationType } from '../../lib/contracts/document.ts';
import type { ThingRef } from '../../lib/contracts/feed.ts';
import type { CurrentDocument, Fact, FactRead, RecordsStore } from '../../lib/contracts/store.ts';
import { pagesOf } from '../pipeline/bounded.ts';
import { entityIdOf, thingDocumentId } from '../pipeline/identity.ts';
import { type Name, spelled } from './names.ts';
import { stateOf, type ThingState } from './state.ts';

/** How many ids one question to the store names. */
const PAGE = 500;

/** A thing as the memory has it. */
export interface KnownThing {
  readonly state: ThingState;
  readonly document: CurrentDocument;
}

/** A thing as an entity. */
export function asEntity({ kind, key }: ThingRef): Name {
  return { type: kind, key };
}

function readKey(type: RelationType | null, objectId: string): string {
  return `${type ?? ''}\0${objectId}`;
}

/** What is asked of the records store. */
type KnowingRecords = Pick<RecordsStore, 'current' | 'described' | 'factsOn'>;

/** How many states a run remembers: those of a fleet, which every batch speaks of. */
const MAX_REMEMBERED = 256;

/** States of versions that a run has met, the latest used ones: reading one takes longer than asking whether it is still current. */
export class RememberedStates {
  readonly #states = new Map<string, { readonly version: number; readonly state: ThingState }>();

  /** Null: that is not remembered. */
  get(documentId: string, version: number): ThingState | null {
    const found = this.#states.get(documentId);
    if (found?.version !== version) return null;
    this.set(documentId, version, found.state);
    return found.state;
  }

  set(documentId: string, version: number, state: ThingState): void {
    this.#states.delete(documentId);
    this.#states.set(documentId, { version, state });
    const [oldest] = this.#states.keys();
    if (this.#states.size > MAX_REMEMBERED) this.#states.delete(oldest!);
  }
}

/** What the memory knows of things, asked for once in a batch. */
export class KnownThings {
  readonly group: string;
  readonly #records: KnowingRecords;
  readonly #signal: AbortSignal;
  readonly #remembered: RememberedStates;
  readonly #things = new Map<string, KnownThing | null>();
  readonly #gone = new Set<string>();
  readonly #ids = new Map<string, string>();
  /** By type of facts and the entity they are about: the documents that stated them when it was asked first. */
  readonly #read = new Map<string, ReadonlySet<string>>();

  /** @param remembered states that need not be read again. */
  constructor(records: KnowingRecords, group: string, signal: AbortSignal, remembered = new RememberedStates()) {
    this.#records = records;
    this.group = group;
    this.#signal = signal;
    this.#remembered = remembered;
  }

  /** Asks for these together. */
  async load(keys: readonly string[]): Promise<void> {
    const wanted = new Map(
      keys.filter((key) => !this.#things.has(key)).map((key) => [thingDocumentId(this.group, key), key] as const),
    );
    for (const ids of pagesOf([...wanted.keys()], PAGE)) {
      // The number first: a version that comes in between is another one than was folded into, and the pivot notices.
      const current = await this.#records.current(ids, this.#signal);
      const states = await this.#statesOf([...current.values()]);
      for (const id of ids) {
        const key = wanted.get(id)!;
        const document = current.get(id);
        const state = states.get(id);
        if (document?.isGone === true) this.#gone.add(key);
        this.#things.set(key, document === undefined || state === undefined ? null : { state, document });
      }
    }
  }

  /** Of those that are things, the states of just these versions. */
  async #statesOf(documents: readonly CurrentDocument[]): Promise<Map<string, ThingState>> {
    const states = new Map<string, ThingState>();
    const unknown = new Map<string, number>();
    for (const { documentId, version } of documents) {
      if (version === null) continue;
      const state = this.#remembered.get(documentId, version);
      if (state === null) unknown.set(documentId, version);
      else states.set(documentId, state);
    }
    if (unknown.size === 0) return states;
    for (const [documentId, { version, metadata }] of await this.#records.described(
      [...unknown.keys()],
      this.#signal,
    )) {
      const state = version === unknown.get(documentId) ? stateOf(metadata) : null;
      if (state === null) continue;
      states.set(documentId, state);
      this.#remembered.set(documentId, version, state);
    }
    return states;
  }

  /** The thing, or null when the memory has none under this key. */
  async thing(key: string): Promise<KnownThing | null> {
    await this.load([key]);
    return this.#things.get(key) ?? null;
  }

  /** Was it deleted because its source has it no more? */
  async isGone(key: string): Promise<boolean> {
    await this.load([key]);
    return this.#gone.has(key);
  }

  async stateOf(key: string): Promise<ThingState | null> {
    return (await this.thing(key))?.state ?? null;
  }

  /** By the id of each name's entity: the known things that it names. */
  async bearersOf(names: readonly Name[]): Promise<Map<string, ThingRef[]>> {
    return this.#subjectsOf(await this.#factsOn(this.#idsOf(names), 'IDENTIFIED_BY'));
  }

  /** By the id of each entity: the known things whose text names it. */
  async mentionersOf(entities: readonly Name[]): Promise<Map<string, ThingRef[]>> {
    return this.#subjectsOf(await this.#factsOn(this.#idsOf(entities), 'MENTIONS'));
  }

  /** The known things that say something of one of these. */
  async referrersOf(things: readonly ThingRef[]): Promise<ThingRef[]> {
    const subjects = await this.#subjectsOf(await this.#factsOn(this.#idsOf(things.map(asEntity)), null));
    return [...new Map([...subjects.values()].flat().map((thing) => [thing.key, thing])).values()];
  }

  /** What was found when it was asked who states facts of this type about these, for a document that was made from that. */
  reads(documentId: string, entities: readonly Name[], type: RelationType | null): FactRead[] {
    return this.#idsOf(entities).flatMap((objectId) => {
      const subjects = this.#read.get(readKey(type, objectId));
      return subjects === undefined ? [] : [{ documentId, objectId, type, subjectIds: [...subjects].sort() }];
    });
  }

  /** The id of an entity of the group: it takes long to compute, and is asked for several times. */
  idOf(entity: Name): string {
    const name = spelled(entity);
    const id = this.#ids.get(name) ?? entityIdOf(this.group, entity);
    this.#ids.set(name, id);
    return id;
  }

  #idsOf(entities: readonly Name[]): string[] {
    return [...new Set(entities.map((entity) => this.idOf(entity)))];
  }

  async #factsOn(objectIds: readonly string[], type: RelationType | null): Promise<Fact[]> {
    const facts: Fact[] = [];
    for (const ids of pagesOf(objectIds, PAGE))
      facts.push(...(await this.#records.factsOn(ids, type === null ? null : [type], this.#signal)));
    const byObject = Map.groupBy(facts, ({ objectId }) => objectId);
    for (const objectId of objectIds.filter((id) => !this.#read.has(readKey(type, id)))) {
      const subjects = (byObject.get(objectId) ?? []).map(({ documentId }) => documentId);
      this.#read.set(readKey(type, objectId), new Set(subjects));
    }
    return facts;
  }

  async #subjectsOf(facts: readonly Fact[]): Promise<Map<string, ThingRef[]>> {
    const described = new Map<string, ThingRef>();
    for (const ids of pagesOf([...new Set(facts.map(({ documentId }) => documentId))], PAGE))
      for (const [documentId, { metadata }] of await this.#records.described(ids, this.#signal)) {
        const state = stateOf(metadata);
        if (state !== null) described.set(documentId, { kind: state.kind, key: state.key, name: state.name });
      }
    const subjects = new Map<string, ThingRef[]>();
    for (const { objectId, documentId } of facts) {
      const thing = described.get(documentId);
      if (thing !== undefined) subjects.set(objectId, [...(subjects.get(objectId) ?? []), thing]);
    }
    return subjects;
  }
}
