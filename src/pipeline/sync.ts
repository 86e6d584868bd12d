import type { RunPlan } from '../../lib/contracts/journal.ts';
import type { Source, SourceItem, SourceProblem, SourceRoot } from '../../lib/contracts/source.ts';
import type { AfterDocument, DocumentPlace, RecordsStore, SelectedDocument } from '../../lib/contracts/store.ts';
import type { RunReplay } from '../journal/replay.ts';
import { type Deletion, deletedBefore, deleteTogether, forgetStaged, withAttachments } from './delete.ts';
import { documentIdOf } from './identity.ts';
import { tellPassedOver } from './passed-over.ts';
import type { Quarantine } from './quarantine.ts';
import type { RunSession } from './session.ts';

/** What is compared with a listing, and who is told of it: a run, or a plan of one. */
export interface SyncSession extends Pick<RunSession, 'signal'> {
  readonly plan: Pick<RunPlan, 'group' | 'sync'>;
  readonly parts: {
    readonly stores: { readonly records: Pick<RecordsStore, 'select' | 'children' | 'placesOf' | 'placesUnder'> };
  };
  readonly onEvent: (event: { readonly kind: 'warning'; readonly code: string; readonly message: string }) => void;
  look(source: Source): Promise<{ readonly quarantine: Quarantine }>;
}

/** A document whose file is gone; one that is in quarantine only has no version. */
interface Gone extends Pick<SelectedDocument, 'documentId' | 'sourceUri' | 'contentDigest'> {
  readonly version: number | null;
}

/** A document that was met in several places. */
interface PlacedGone extends Gone {
  readonly dead: readonly DocumentPlace[];
  /** How many of its places are not gone. */
  readonly left: number;
}

/** How many documents of the memory are compared with the listing together. */
const PAGE_DOCUMENTS = 1_000;

/**
 * Deletes the documents of a run's source and group whose files are gone from its targets.
 *
 * Nothing is deleted under a target that could not be listed whole, or that holds nothing any more unless that is allowed, and
 * nothing at all when listing fails. Documents are compared by where they came from, not by their ids. What was listed is held in
 * memory, and of what is gone ids, locations and digests.
 */
export class Sync {
  readonly #session: SyncSession;
  readonly #source: Source;
  readonly #targets: readonly string[];
  readonly #roots: SourceRoot[] = [];
  /** What was listed: its id in the source, by location. */
  readonly #listed = new Map<string, string>();
  #listedIds: ReadonlySet<string> | null = null;
  /** What is gone and may have been moved, by content. */
  #movable: Map<string, Gone[]> | null = null;
  readonly #moved = new Set<string>();

  constructor(session: SyncSession, source: Source, targets: readonly string[]) {
    this.#session = session;
    this.#source = source;
    this.#targets = targets;
  }

  /** The entries of all targets once the last is listed, with a problem for each that is suddenly empty. */
  async *list(): AsyncGenerator<SourceItem | SourceProblem> {
    const { signal } = this.#session;
    const entries: (SourceItem | SourceProblem)[] = [];
    const onRoot = (root: SourceRoot) => {
      this.#roots.push(root);
      tellPassedOver(root, this.#session.onEvent);
    };
    for await (const entry of this.#source.list(this.#targets, signal, onRoot)) {
      entries.push(entry);
      if (!('code' in entry)) this.#listed.set(entry.uri, entry.id);
    }
    const told = new Set<string>();
    for (const root of this.#roots) {
      const { state, target } = root;
      if (state === 'whole') continue;
      const hasGone = await this.#hasGone(root);
      if (state === 'empty' && this.#allowsEmpty) told.add(target);
      else if (state === 'empty' && hasGone) {
        told.add(target);
        yield suddenlyEmpty(root);
      } else if (hasGone) this.#warnOf(root);
    }
    for (const entry of entries)
      if (!('code' in entry) || entry.code !== 'NO_MATCH' || !told.has(entry.uri)) yield entry;
  }

  /** What was moved to where documents of these contents are now, with what came in it: each is given once. */
  async movedTo(contentDigests: readonly string[]): Promise<Deletion[]> {
    this.#movable ??= await this.#byContent();
    const moved: Gone[] = [];
    // What was not read is like nothing.
    for (const contentDigest of contentDigests.filter((digest) => digest !== '')) {
      const document = this.#movable.get(contentDigest)?.pop();
      if (document !== undefined) moved.push(document);
    }
    for (const { documentId } of moved) this.#moved.add(documentId);
    return this.#deletionsOf(moved);
  }

  /** Deletes what is gone by now, but for what was moved. What another run has changed meanwhile is looked at again, once. */
  async deleteGone(session: RunSession, replay: RunReplay): Promise<void> {
    const { batchSize } = session.parts.limits;
    await this.#forgetDead(session);
    const deleted = new Set(deletedBefore(replay));
    for (const isLastTry of [false, true]) {
      const lost: string[] = [];
      for await (const batch of this.gone(batchSize, isLastTry)) {
        lost.push(...(await deleteTogether(batch, session, isLastTry)));
        for (const { documentId } of batch) deleted.add(documentId);
      }
      for (const documentId of lost) deleted.delete(documentId);
      if (lost.length === 0) break;
    }
    // Also what an earlier process of this run deleted and did not come to forget.
    await forgetStaged([...deleted, ...this.#moved], session);
  }

  get #allowsEmpty(): boolean {
    return this.#session.plan.sync?.allowsEmpty === true;
  }

  /** What is gone, but for what was moved, with what came in it: so many documents together that they make a batch. */
  async *gone(batchSize: number, isLastTry = false): AsyncGenerator<Deletion[]> {
    let waiting: Gone[] = [];
    for await (const document of this.#gone()) {
      // What is in quarantine only, and has lost, is a document by now: it is found by its location when it is gone.
      if (document.version === null && (isLastTry || this.#moved.has(document.documentId))) continue;
      waiting.push(document);
      if (waiting.length < batchSize) continue;
      yield await this.#deletionsOf(waiting);
      waiting = [];
    }
    yield await this.#deletionsOf(waiting);
  }

  async #deletionsOf(documents: readonly Gone[]): Promise<Deletion[]> {
    const deletions = documents.map(({ documentId, version, sourceUri }) => ({
      ...{ documentId, sourceUri, source: this.#source.name },
      baseVersion: version,
    }));
    const documentIds = documents.map(({ documentId }) => documentId);
    return withAttachments(deletions, { documentIds, quarantine: await this.#quarantine() }, this.#session);
  }

  async #byContent(): Promise<Map<string, Gone[]>> {
    const byContent = new Map<string, Gone[]>();
    for await (const document of this.#gone())
      byContent.set(document.contentDigest, [...(byContent.get(document.contentDigest) ?? []), document]);
    return byContent;
  }

  /** Every document that may be deleted, once. */
  async *#gone(): AsyncGenerator<Gone> {
    const open = this.#roots.filter((root) => this.#isOpen(root));
    const closed = this.#roots.filter((root) => !this.#isOpen(root));
    const seen = new Set<string>();
    for (const root of open) {
      for await (const page of this.#goneFrom(root)) {
        const kept = await this.#belongingTo(closed, page);
        for (const document of page) {
          if (kept.has(document.sourceUri) || seen.has(document.documentId)) continue;
          seen.add(document.documentId);
          yield document;
        }
      }
    }
  }

  #isOpen({ state }: SourceRoot): boolean {
    return state === 'whole' || (state === 'empty' && this.#allowsEmpty);
  }

  async #belongingTo(roots: readonly SourceRoot[], documents: readonly Gone[]): Promise<ReadonlySet<string>> {
    const uris = documents.map(({ sourceUri }) => sourceUri);
    const found = new Set<string>();
    for (const root of roots)
      for (const uri of await this.#source.gone(root, uris, this.#session.signal)) found.add(uri);
    return found;
  }

  async #hasGone(root: SourceRoot): Promise<boolean> {
    for await (const page of this.#goneFrom(root)) if (page.length > 0) return true;
    return false;
  }

  /**
   * What is gone from a root, page by page. The version is read before the file is looked for: one that comes back later is
   * ingested as another version.
   */
  async *#goneFrom(root: SourceRoot): AsyncGenerator<Gone[]> {
    for await (const page of this.#documentsUnder(root)) {
      const unlisted = page.filter(({ sourceUri }) => !this.#listed.has(sourceUri));
      if (unlisted.length === 0) continue;
      const uris = unlisted.map(({ sourceUri }) => sourceUri);
      const gone = new Set(await this.#source.gone(root, uris, this.#session.signal));
      const found = unlisted.filter(
        ({ documentId, sourceUri }) => gone.has(sourceUri) && !this.#isListedId(documentId),
      );
      const several = new Set((await this.#placesOf(found)).map(({ documentId }) => documentId));
      yield found.filter(({ documentId }) => !several.has(documentId));
    }
    for await (const page of this.#placedUnder(root))
      yield page
        .filter(({ left, documentId }) => left === 0 && !this.#isListedId(documentId))
        .map(({ dead: _dead, left: _left, ...document }) => document);
  }

  /** Documents that were met in several places, one of them under a root; of each which places are gone. */
  async *#placedUnder(root: SourceRoot): AsyncGenerator<PlacedGone[]> {
    const { parts, plan, signal } = this.#session;
    const { records } = parts.stores;
    const filter = { source: this.#source.name, group: plan.group, uriPrefix: `${root.uri}/` };
    for (let after: AfterDocument = null; ; ) {
      const page = await records.placesUnder(filter, { after, limit: PAGE_DOCUMENTS }, signal);
      const places = Map.groupBy(await this.#placesOf(page), ({ documentId }) => documentId);
      const dead = await this.#deadAmong([...places.values()].flat(), root);
      const documents = new Map(page.map((document) => [document.documentId, document]));
      yield [...documents.values()].map((document) => {
        const own = places.get(document.documentId) ?? [];
        const gone = own.filter(({ sourceUri }) => dead.has(sourceUri));
        return { ...document, dead: gone, left: own.length - gone.length };
      });
      if (page.length < PAGE_DOCUMENTS) break;
      after = page[page.length - 1]!;
    }
  }

  /** Locations of places that are gone: under this root, or under another that may lose documents. */
  async #deadAmong(places: readonly DocumentPlace[], root: SourceRoot): Promise<ReadonlySet<string>> {
    const uris = [...new Set(places.map(({ sourceUri }) => sourceUri))].filter((uri) => !this.#listed.has(uri));
    const dead = new Set<string>();
    for (const own of new Set([root, ...this.#roots.filter((other) => this.#isOpen(other))])) {
      const under = uris.filter((uri) => uri.startsWith(`${own.uri}/`));
      if (under.length === 0) continue;
      for (const uri of await this.#source.gone(own, under, this.#session.signal)) dead.add(uri);
    }
    return dead;
  }

  async #placesOf(documents: readonly Pick<Gone, 'documentId'>[]): Promise<readonly DocumentPlace[]> {
    if (documents.length === 0) return [];
    const ids = documents.map(({ documentId }) => documentId);
    return this.#session.parts.stores.records.placesOf(ids, this.#session.signal);
  }

  /** Of documents that are still somewhere, the places where they are not any more. */
  async #forgetDead({ parts, writeSignal }: RunSession): Promise<void> {
    for (const root of this.#roots.filter((own) => this.#isOpen(own)))
      for await (const page of this.#placedUnder(root))
        await parts.stores.records.forgetPlaces(
          page.filter(({ left }) => left > 0).flatMap(({ dead }) => dead),
          writeSignal,
        );
  }

  async *#documentsUnder({ uri }: SourceRoot): AsyncGenerator<readonly Gone[]> {
    const { parts, plan, signal } = this.#session;
    const filter = { source: this.#source.name, group: plan.group, uriPrefix: `${uri}/`, createdBefore: null };
    for (let after: AfterDocument = null; ; ) {
      const page: readonly SelectedDocument[] = await parts.stores.records.select(
        filter,
        { after, limit: PAGE_DOCUMENTS },
        signal,
      );
      yield page;
      if (page.length < PAGE_DOCUMENTS) break;
      after = page[page.length - 1]!;
    }
    // After the documents: one that is current besides is given with its version.
    yield (await this.#quarantine())
      .standingAlone(plan.group, this.#source.name)
      .filter(({ sourceUri }) => sourceUri.startsWith(`${uri}/`))
      .map(({ documentId, sourceUri, contentDigest }) => ({ documentId, sourceUri, contentDigest, version: null }));
  }

  async #quarantine(): Promise<Quarantine> {
    return (await this.#session.look(this.#source)).quarantine;
  }

  /** A document that was given the id which a listed one has goes on as that one. */
  #isListedId(documentId: string): boolean {
    const { group } = this.#session.plan;
    const source = this.#source.name;
    this.#listedIds ??= new Set([...this.#listed.values()].map((id) => documentIdOf(source, id, group)));
    return this.#listedIds.has(documentId);
  }

  #warnOf({ target }: SourceRoot): void {
    const message = `nothing is deleted under ${target}, because it could not be listed whole`;
    this.#session.onEvent({ kind: 'warning', code: 'SYNC_INCOMPLETE', message });
  }
}

function suddenlyEmpty({ target }: SourceRoot): SourceProblem {
  const message = `${target} holds no document any more, but the memory does; nothing is deleted under it`;
  return { uri: target, code: 'SUDDENLY_EMPTY', message };
}
