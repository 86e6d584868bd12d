import type {
  Closing,
  DocumentVersion,
  GraphDocument,
  GraphStore,
  LatestValue,
  Ranked,
  StoredEntity,
} from '../../../lib/contracts/store.ts';
import { FakeStore } from './store.ts';

/** The graph in memory. Entities are those of the versions it holds, so none is ever left over. */
export class FakeGraphStore extends FakeStore implements GraphStore {
  readonly #closings = new Map<string, Closing>();
  readonly #latest = new Map<string, LatestValue>();

  constructor() {
    super('graph');
  }

  async setClosings(closings: readonly Closing[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (const closing of closings) this.#closings.set(closing.relationId, closing);
  }

  async setLatest(values: readonly LatestValue[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const held = new Set(
      [...this.held.values()].flatMap(({ record }) => record.entities.map(({ entityId }) => entityId)),
    );
    for (const value of values) if (held.has(value.entityId)) this.#latest.set(value.entityId, value);
  }

  async latest(entityIds: readonly string[], signal: AbortSignal): Promise<LatestValue[]> {
    signal.throwIfAborted();
    return entityIds.flatMap((id) => this.#latest.get(id) ?? []);
  }

  async documents(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<GraphDocument[]> {
    signal.throwIfAborted();
    return this.heldOf(versions).map(({ held }) => held.record);
  }

  async closings(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<Closing[]> {
    signal.throwIfAborted();
    return this.heldOf(versions)
      .flatMap(({ held }) => held.record.relations)
      .map(
        ({ relationId, invalidAt = null }) =>
          this.#closings.get(relationId) ?? { relationId, invalidAt, expiredAt: this.#statedAt(relationId, invalidAt) },
      );
  }

  /** Since when an end that a version states itself is known. */
  #statedAt(relationId: string, invalidAt: string | null): string | null {
    if (invalidAt === null) return null;
    const stating = [...this.held.values()].find(({ record }) =>
      record.relations.some((relation) => relation.relationId === relationId),
    );
    return stating?.record.createdAt ?? null;
  }

  async searchEntities(
    names: readonly string[],
    limit: number,
    group: string | null,
    signal: AbortSignal,
  ): Promise<Ranked[]> {
    signal.throwIfAborted();
    const live = this.live(group);
    const wanted = new Set(names.map((name) => name.toLowerCase()));
    const isNamed = ({ name, key }: StoredEntity) => wanted.has(name.toLowerCase()) || wanted.has(key.toLowerCase());
    const named = new Set(live.flatMap(({ entities }) => entities.filter(isNamed).map(({ entityId }) => entityId)));
    const neighbours = live
      .flatMap(({ relations }) => relations)
      .flatMap(({ subjectId, objectId }) => [
        ...(named.has(subjectId) ? [objectId] : []),
        ...(named.has(objectId) ? [subjectId] : []),
      ]);
    const weights = new Map([
      ...neighbours.map((id) => [id, 0.5] as const),
      ...[...named].map((id) => [id, 1] as const),
    ]);
    const scores = new Map<string, number>();
    for (const { mentions } of live) {
      const pairs = new Map(mentions.map((mention) => [`${mention.chunkId}\0${mention.entityId}`, mention]));
      for (const { chunkId, entityId } of pairs.values()) {
        const weight = weights.get(entityId);
        if (weight !== undefined) scores.set(chunkId, (scores.get(chunkId) ?? 0) + weight);
      }
    }
    return [...scores]
      .map(([id, score]) => ({ id, score }))
      .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
      .slice(0, limit);
  }

  async entitiesOf(
    chunkIds: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly StoredEntity[]>> {
    signal.throwIfAborted();
    const found = new Map<string, StoredEntity[]>();
    for (const { record } of this.held.values()) {
      const entities = new Map(record.entities.map((entity) => [entity.entityId, entity]));
      for (const { chunkId, entityId } of record.mentions)
        if (chunkIds.includes(chunkId)) found.set(chunkId, [...(found.get(chunkId) ?? []), entities.get(entityId)!]);
    }
    return found;
  }
}
