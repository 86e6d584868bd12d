import type { EntityType, ExtractedRelation, TextRelationType } from '../contracts/document.ts';
import type { Found } from './found.ts';
import type { LabelledValue } from './labels.ts';

/** What a transport is known by, most telling first: a document is about the first of these kinds that it names. */
const SHIPMENT_LIKE = ['Load', 'Shipment', 'BillOfLading', 'ProNumber'] as const satisfies readonly EntityType[];
/** An invoice names a transport only in passing; it is what the document is about when no transport is named. */
const TOPICS: readonly EntityType[] = [...SHIPMENT_LIKE, 'Invoice'];

/**
 * Which entity types each relation ties, subject first.
 *
 * - `SHIPPER_OF`, `CONSIGNEE_OF`, `CARRIER_OF`, `BILL_TO_OF`: an organisation plays this part for a transport; a later
 *   statement about the same object replaces an earlier one.
 * - `SHIPS_FROM`, `SHIPS_TO`: a transport starts or ends at a place; a later statement about the same subject replaces it.
 * - `REFERENCES`: a document about the subject also names the object; such facts add up.
 * - `SENT_BY`: an address is used by a person; such facts add up.
 * - `SENT_TO`: a sender (the person, or the address when no person is named) wrote to a recipient; such facts add up.
 */
export const RELATION_SHAPES: Readonly<
  Record<TextRelationType, { readonly subjects: readonly EntityType[]; readonly objects: readonly EntityType[] }>
> = {
  SHIPPER_OF: { subjects: ['Organization'], objects: SHIPMENT_LIKE },
  CONSIGNEE_OF: { subjects: ['Organization'], objects: SHIPMENT_LIKE },
  CARRIER_OF: { subjects: ['Organization'], objects: SHIPMENT_LIKE },
  BILL_TO_OF: { subjects: ['Organization'], objects: TOPICS },
  SHIPS_FROM: { subjects: SHIPMENT_LIKE, objects: ['Place'] },
  SHIPS_TO: { subjects: SHIPMENT_LIKE, objects: ['Place'] },
  REFERENCES: {
    subjects: TOPICS,
    objects: ['Load', 'Shipment', 'BillOfLading', 'ProNumber', 'Invoice', 'PurchaseOrder', 'Container'],
  },
  SENT_BY: { subjects: ['Email'], objects: ['Person'] },
  SENT_TO: { subjects: ['Person', 'Email'], objects: ['Person', 'Email'] },
};

/** One chunk with what was found in it. */
export interface ReadChunk {
  readonly ordinal: number;
  readonly text: string;
  readonly found: readonly Found[];
  readonly labels: readonly LabelledValue[];
}

/** One line of a chunk, or one row of a table. */
interface Line {
  readonly chunk: ReadChunk;
  readonly isRow: boolean;
  readonly found: readonly Found[];
  readonly labels: readonly LabelledValue[];
}

/**
 * Relations between what a document is about and the organisations, places and numbers it names with it.
 *
 * The topic of a document is the first kind of `SHIPMENT_LIKE` (else the invoice) that it names. A line is about the number
 * of that kind that it names itself, else the nearest above, else the document's first. A table row that names a number
 * is about that number, of whatever kind; one that names none is about the topic only when the document has one topic.
 */
export function findRelations(chunks: readonly ReadChunk[]): ExtractedRelation[] {
  const kind = TOPICS.find((type) => chunks.some(({ found }) => found.some((entity) => entity.type === type)));
  if (kind === undefined) return [];
  const topics = chunks.flatMap(({ found }) => found.filter((entity) => entity.type === kind));
  const isSingle = topics.every(({ key }) => key === topics[0]!.key);
  const relations: ExtractedRelation[] = [];
  let nearest: Found = topics[0]!;
  for (const chunk of chunks) {
    for (const line of linesOf(chunk)) {
      const own: Found | undefined =
        line.found.find((entity) => entity.type === kind) ?? (line.isRow ? ownTopic(line) : undefined);
      if (own?.type === kind) nearest = own;
      const topic = own ?? (line.isRow && !isSingle ? undefined : nearest);
      if (topic !== undefined)
        relations.push(...rolesIn(line, topic), ...laneIn(line, topic), ...referencesIn(line, topic));
    }
  }
  return relations;
}

function ownTopic(line: Line): Found | undefined {
  for (const type of TOPICS) {
    const entity = line.found.find((candidate) => candidate.type === type);
    if (entity !== undefined) return entity;
  }
  return undefined;
}

/** Splits a chunk's finds by line in one walk; lines without a find or a label are passed over. */
function* linesOf(chunk: ReadChunk): Generator<Line> {
  let foundIndex = 0;
  let labelIndex = 0;
  while (foundIndex < chunk.found.length || labelIndex < chunk.labels.length) {
    const first = Math.min(
      chunk.found[foundIndex]?.start ?? Infinity,
      chunk.labels[labelIndex]?.labelStart ?? Infinity,
    );
    const start = chunk.text.lastIndexOf('\n', first - 1) + 1;
    const newline = chunk.text.indexOf('\n', first);
    const end = newline === -1 ? chunk.text.length : newline;
    const foundFrom = foundIndex;
    const labelsFrom = labelIndex;
    while (foundIndex < chunk.found.length && chunk.found[foundIndex]!.start < end) foundIndex += 1;
    while (labelIndex < chunk.labels.length && chunk.labels[labelIndex]!.labelStart < end) labelIndex += 1;
    yield {
      chunk,
      isRow: chunk.text.slice(start, end).includes(' | '),
      found: chunk.found.slice(foundFrom, foundIndex),
      labels: chunk.labels.slice(labelsFrom, labelIndex),
    };
  }
}

function rolesIn(line: Line, topic: Found): ExtractedRelation[] {
  const { ordinal, text, found } = line.chunk;
  return line.labels.flatMap(({ role, labelStart, valueStart, valueEnd }) => {
    const { subjects, objects } = RELATION_SHAPES[role];
    const isPlaceRole = objects.includes('Place');
    if (!(isPlaceRole ? subjects : objects).includes(topic.type)) return [];
    const named = found.find(
      ({ type, start, end }) =>
        end <= valueEnd &&
        (isPlaceRole
          ? type === 'Place' && start >= valueStart
          : type === 'Organization' && start >= valueStart && text.slice(valueStart, start).trim() === ''),
    );
    if (named === undefined) return [];
    const quote = text.slice(labelStart, named.end);
    const [subject, object] = isPlaceRole ? [topic, named] : [named, topic];
    return [relation(role, subject, object, { ordinal, quote })];
  });
}

/** `from Dallas, TX to Chicago, IL` inside a sentence. */
function laneIn(line: Line, topic: Found): ExtractedRelation[] {
  if (!RELATION_SHAPES.SHIPS_FROM.subjects.includes(topic.type)) return [];
  const { ordinal, text } = line.chunk;
  const places = line.found.filter(({ type }) => type === 'Place');
  return places.flatMap((origin, index) => {
    const destination = places[index + 1];
    const start = origin.start - 'from '.length;
    if (!destination || text.slice(start, origin.start).toLowerCase() !== 'from ') return [];
    if (text.slice(origin.end, destination.start) !== ' to ') return [];
    const source = { ordinal, quote: text.slice(start, destination.end) };
    return [relation('SHIPS_FROM', topic, origin, source), relation('SHIPS_TO', topic, destination, source)];
  });
}

function referencesIn(line: Line, topic: Found): ExtractedRelation[] {
  const { objects } = RELATION_SHAPES.REFERENCES;
  const { ordinal, text } = line.chunk;
  return line.found
    .filter(({ type }) => type !== topic.type && objects.includes(type))
    .map((other) => relation('REFERENCES', topic, other, { ordinal, quote: text.slice(other.start, other.end) }));
}

/** A relation stated by the words `quote` of chunk `ordinal`. */
export function relation(
  type: TextRelationType,
  subject: Pick<Found, 'type' | 'key'>,
  object: Pick<Found, 'type' | 'key'>,
  source: { readonly ordinal: number; readonly quote: string },
): ExtractedRelation {
  return {
    type,
    subject: { type: subject.type, key: subject.key },
    object: { type: object.type, key: object.key },
    ...source,
  };
}
