import { setImmediate } from 'node:timers/promises';
import {
  type Chunk,
  type EntityMention,
  type ExtractedRelation,
  type Extraction,
  MEDIA_TYPES,
  type ParsedDocument,
} from '../contracts/document.ts';
import { findDates } from './dates.ts';
import { findEmails } from './emails.ts';
import { type Found, type Rule, withoutOverlaps } from './found.ts';
import { findCheckedNumbers, findLabelledNumbers } from './identifiers.ts';
import { defineExtractor } from './index.ts';
import { findLabelledValues } from './labels.ts';
import { type Correspondence, readCorrespondence } from './mail.ts';
import { findMoney } from './money.ts';
import { findOrganizations } from './organizations.ts';
import { findContacts } from './people.ts';
import { findPhoneCandidates, loadPhoneParser, type PhoneParser, phonesAmong } from './phones.ts';
import { findPlaces } from './places.ts';
import { findRelations, type ReadChunk } from './relations.ts';

/** Part of the pipeline's settings digest: raised whenever the same text may give another result. */
const MODEL = 'rules-1';

/** Most mentions and relations kept of one document, first come first served: a directory of a million names stays usable. */
const MAX_MENTIONS = 50_000;
const MAX_RELATIONS = 20_000;

/** Characters read before the event loop gets its turn: a few milliseconds. */
const SLICE_LENGTH = 100_000;

const RULES: readonly Rule[] = [
  findLabelledNumbers,
  findCheckedNumbers,
  findOrganizations,
  findContacts,
  findPlaces,
  findDates,
  findMoney,
  findEmails,
];

/** Offline and deterministic: the same document gives the same extraction on every machine. Never fails but by its signal. */
export default defineExtractor({
  name: 'rules',
  summary: 'deterministic rules, offline: organisations, people, places, dates, money and the numbers of logistics',
  create: () => ({ model: MODEL, extract }),
});

async function extract(document: ParsedDocument, chunks: readonly Chunk[], signal: AbortSignal): Promise<Extraction> {
  const correspondence = readCorrespondence(document);
  const read: ReadChunk[] = [];
  let phoneParser: PhoneParser | null = null;
  let mentionsLeft = MAX_MENTIONS;
  let sliceLeft = SLICE_LENGTH;
  for (const chunk of chunks) {
    const candidates = findPhoneCandidates(chunk.text);
    if (candidates.length > 0) phoneParser ??= await loadPhoneParser();
    const phones = phoneParser ? phonesAmong(chunk.text, candidates, phoneParser) : [];
    const found = withoutOverlaps([
      ...RULES.flatMap((rule) => rule(chunk.text)),
      ...phones,
      ...peopleIn(chunk, correspondence),
    ]).slice(0, mentionsLeft);
    mentionsLeft -= found.length;
    read.push({ ordinal: chunk.ordinal, text: chunk.text, found, labels: findLabelledValues(chunk.text) });
    sliceLeft -= chunk.text.length;
    if (sliceLeft <= 0) {
      await setImmediate();
      signal.throwIfAborted();
      sliceLeft = SLICE_LENGTH;
    }
  }
  const mentions = read.flatMap(mentionsOf);
  const relations = [...correspondence.relations(chunks), ...findRelations(read)];
  return { mentions, relations: settled(relations, mentions), statedAt: statedAt(document, read) };
}

/** People of the mail headers that lie wholly inside a chunk. */
function peopleIn(chunk: Chunk, { people }: Correspondence): Found[] {
  return people
    .filter(({ start, end }) => chunk.start <= start && end <= chunk.end)
    .map((person) => ({ ...person, start: person.start - chunk.start, end: person.end - chunk.start }));
}

function mentionsOf({ ordinal, text, found }: ReadChunk): EntityMention[] {
  return found.map(({ type, key, name, start, end }) => ({
    type,
    key,
    name,
    ordinal,
    start,
    end,
    quote: text.slice(start, end),
  }));
}

/**
 * Relations in the order of the chunks that state them. The same fact stated twice counts once, from its first statement;
 * both ends are entities that the extraction mentions.
 */
function settled(relations: readonly ExtractedRelation[], mentions: readonly EntityMention[]): ExtractedRelation[] {
  const entities = new Set(mentions.map(({ type, key }) => `${type} ${key}`));
  const byFact = new Map<string, ExtractedRelation>();
  for (const stated of relations.toSorted((a, b) => a.ordinal - b.ordinal)) {
    const [subject, object] = [stated.subject, stated.object].map(({ type, key }) => `${type} ${key}`);
    const fact = `${stated.type} ${subject} -> ${object}`;
    if (entities.has(subject!) && entities.has(object!) && !byFact.has(fact)) byFact.set(fact, stated);
  }
  return [...byFact.values()].slice(0, MAX_RELATIONS);
}

const DATE_LABEL =
  /(?:^|[\n|])[ \t]*(?:(?:document|invoice|issue|letter|effective|bol|order|confirmation|rechnungs)[ -]?)?(?:date|datum|dated|issued)(?: of issue| as of)?[ \t]*[:|]?[ \t|]*$/i;
const DATE_LABEL_LENGTH = 40;

/** Documents of rows: a date in one of them dates the row. */
const ROW_TYPES: ReadonlySet<string> = new Set([MEDIA_TYPES.csv, MEDIA_TYPES.tsv, MEDIA_TYPES.xlsx]);

/** The mail's date, else the first date that a label calls the document's own, else null. */
function statedAt(document: ParsedDocument, chunks: readonly ReadChunk[]): string | null {
  if (document.mediaType === MEDIA_TYPES.eml) return isoInstant(document.metadata['date']);
  if (ROW_TYPES.has(document.mediaType)) return null;
  for (const { text, found } of chunks) {
    const date = found.find(
      ({ type, start }) =>
        type === 'Date' && DATE_LABEL.test(text.slice(Math.max(0, start - DATE_LABEL_LENGTH), start)),
    );
    if (date !== undefined) return date.key;
  }
  return null;
}

/** A time without a zone would depend on the machine's own: such values count as unknown. */
function isoInstant(value: unknown): string | null {
  if (typeof value !== 'string' || !/(?:Z|[+-]\d\d:?\d\d|GMT|UTC)$/.test(value)) return null;
  const time = Date.parse(value);
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}
