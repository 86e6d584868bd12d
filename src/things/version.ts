import type { EntityType, RelationType } from '../../lib/contracts/document.ts';
import type { SeriesName } from '../../lib/contracts/feed.ts';
import type {
  DocumentVersion,
  StoredChunk,
  StoredEntity,
  StoredMention,
  StoredRelation,
} from '../../lib/contracts/store.ts';
import { entityIdOf, mentionIdOf, relationIdOf } from '../pipeline/identity.ts';
import type { VersionGraph } from '../pipeline/version.ts';
import type { HeldFact } from './fold.ts';
import type { ThingState } from './state.ts';

/** How a thing is tied to the entity that stands for the latest reading of a series. */
const SERIES_RELATIONS: {
  readonly [series in SeriesName]: { readonly relation: RelationType; readonly type: EntityType };
} = {
  position: { relation: 'LOCATED_AT', type: 'Position' },
  engine: { relation: 'ENGINE_STATE', type: 'State' },
  fuel: { relation: 'FUEL_LEVEL', type: 'State' },
};

/** The entity that stands for the latest reading of a thing's series: one for each, whose value changes. @param key the thing's. */
export function valueName(key: string, series: SeriesName) {
  return { type: SERIES_RELATIONS[series].type, key: `${key}#${series}` };
}

/** What a thing's state says, as entities and relations of a version of it. Each is mentioned where the card names it. */
export function statedGraph(
  state: ThingState,
  facts: readonly HeldFact[],
  place: DocumentVersion & { readonly group: string; readonly chunks: readonly StoredChunk[] },
): VersionGraph {
  const graph = new StatedGraph(place);
  const subject = graph.add({ type: state.kind, key: state.key, name: state.name });
  for (const { type, key, name, isOwn: _ } of state.names)
    graph.tie({
      ...{ type: 'IDENTIFIED_BY', subjectId: subject, objectId: graph.add({ type, key, name }), validAt: null },
      detail: BY_RECORD,
    });
  for (const { type, object, validFrom, until, basis, confidence, detail } of facts) {
    const objectId = graph.add({
      type: 'kind' in object ? object.kind : object.type,
      key: object.key,
      name: object.name,
    });
    const said = { ...detail, basis, ...(confidence < 1 && { confidence }) };
    graph.tie({ type, subjectId: subject, objectId, validAt: validFrom, invalidAt: until, detail: said });
  }
  for (const series of state.series)
    graph.tie({
      type: SERIES_RELATIONS[series].relation,
      subjectId: subject,
      objectId: graph.add({ ...valueName(state.key, series), name: `${series} of ${state.name}` }),
      validAt: null,
      detail: BY_RECORD,
    });
  return graph.all;
}

/** What is tied to a thing for as long as its records say so. */
const BY_RECORD = { basis: 'record' };

class StatedGraph {
  readonly #place: Parameters<typeof statedGraph>[2];
  readonly #entities = new Map<string, StoredEntity>();
  readonly #mentions = new Map<string, StoredMention>();
  readonly #relations = new Map<string, StoredRelation>();

  constructor(place: Parameters<typeof statedGraph>[2]) {
    this.#place = place;
  }

  get all(): VersionGraph {
    const values = <Item>(items: ReadonlyMap<string, Item>) => [...items.values()];
    return { entities: values(this.#entities), mentions: values(this.#mentions), relations: values(this.#relations) };
  }

  /** @returns the entity's id. */
  add({ type, key, name }: Omit<StoredEntity, 'entityId'>): string {
    const entityId = entityIdOf(this.#place.group, { type, key });
    if (this.#entities.has(entityId)) return entityId;
    this.#entities.set(entityId, { entityId, type, key, name });
    const mention = { entityId, ...placeOf(name, this.#place.chunks) };
    const mentionId = mentionIdOf(mention);
    this.#mentions.set(mentionId, { mentionId, ...mention });
    return entityId;
  }

  tie(relation: Omit<StoredRelation, 'relationId' | 'chunkId' | 'quote'>): void {
    const { chunkId } = this.#place.chunks[0]!;
    const stated = { chunkId, quote: '', ...relation };
    const relationId = relationIdOf(this.#place, stated);
    this.#relations.set(relationId, { relationId, ...stated });
  }
}

/** Where a card names something; at its beginning, with no words, what it does not name: the past, and what only the graph says. */
function placeOf(
  name: string,
  chunks: readonly StoredChunk[],
): Pick<StoredMention, 'chunkId' | 'start' | 'end' | 'quote'> {
  for (const { chunkId, text } of chunks) {
    const start = text.indexOf(name);
    if (start >= 0) return { chunkId, start, end: start + name.length, quote: name };
  }
  return { chunkId: chunks[0]!.chunkId, start: 0, end: 0, quote: '' };
}
