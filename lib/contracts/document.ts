import type { ErrorCode } from './error-codes.ts';

/** A value that JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** The kinds of content apex reads. */
export const MEDIA_TYPES = {
  pdf: 'application/pdf',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  csv: 'text/csv',
  tsv: 'text/tab-separated-values',
  text: 'text/plain',
  markdown: 'text/markdown',
  html: 'text/html',
  eml: 'message/rfc822',
  json: 'application/json',
} as const;

/** A document's bytes on local disk. */
export interface StagedFile {
  readonly path: string;
  /** The name its source gave it: a hint for its type and data for people, never a path. */
  readonly name: string;
  /** Lower-case hexadecimal SHA-256 of the bytes. */
  readonly digest: string;
  readonly bytes: number;
  /** What the source said it is, or null. A hint only. */
  readonly mediaType: string | null;
  /** What the source calls these bytes (`Source.look`); absent, null: nothing. */
  readonly sourceVersion?: string | null;
}

/** One typed piece of a parsed document, in reading order. */
export interface Element {
  readonly kind: 'title' | 'heading' | 'paragraph' | 'list_item' | 'table_row' | 'code' | 'mail_header' | 'note';
  /** The text as a person reads it. A table row reads `Column: value | Column: value` where columns have names, else `a | b`. */
  readonly text: string;
  /** Offset of `text` in `ParsedDocument.text`, in UTF-16 units; `end` is exclusive and `text === whole.slice(start, end)`. */
  readonly start: number;
  readonly end: number;
  /** Headings only: 1 (outermost) to 6. */
  readonly level?: number;
  /** 1-based page (PDF), slide (PPTX) or sheet (XLSX) number, where the format has them. */
  readonly page?: number;
  /** Table rows: which table of the document, from 0, and which row of it, from 0 (the header row is not an element of its own). */
  readonly table?: number;
  readonly row?: number;
}

/** A file that came inside another (mail attachment); it becomes a document of its own. */
export interface Attachment {
  /** As the mail says: data, never a path. Empty when it has none. */
  readonly name: string;
  readonly mediaType: string | null;
  /** Lower-case hexadecimal SHA-256 of its bytes. */
  readonly digest: string;
  readonly bytes: number;
}

/** What a parser makes of a document's bytes. */
export interface ParsedDocument {
  /** One of `MEDIA_TYPES`: decided by content. */
  readonly mediaType: string;
  /** The whole text: the elements' texts in order, joined by `\n` (rows, list items) or `\n\n`. Never empty. */
  readonly text: string;
  readonly elements: readonly Element[];
  /** Title, author, dates (ISO 8601) and the like, as the document says; mail: from, to, cc, subject, date, message_id. */
  readonly metadata: { readonly [key: string]: Json };
  readonly pageCount: number | null;
  readonly attachments: readonly Attachment[];
  /** What a person should know though parsing worked: type mismatch, pages without text, characters replaced. */
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}

/** A span of a document that is embedded and cited. Ids are given when the version is known (`src/pipeline`). */
export interface Chunk {
  /** Position in the document, from 0 without gaps. */
  readonly ordinal: number;
  /** What is cited: `ParsedDocument.text.slice(start, end)`. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Titles of the headings above it, outermost first. */
  readonly headingPath: readonly string[];
  readonly page: number | null;
  /** By the embedder's own count, of `embeddingText(chunk)`. */
  readonly tokenCount: number;
}

/** What is embedded and indexed for a chunk: its heading path, then its text, so that a chunk is found by its section. */
export function embeddingText(chunk: Pick<Chunk, 'headingPath' | 'text'>): string {
  return chunk.headingPath.length === 0 ? chunk.text : `${chunk.headingPath.join(' > ')}\n\n${chunk.text}`;
}

/** The allow-list of entity types; each is also a graph label. */
export const ENTITY_TYPES = [
  'Organization',
  'Person',
  'Place',
  'Email',
  'Phone',
  'Date',
  'Money',
  'BillOfLading',
  'PurchaseOrder',
  'ProNumber',
  'Load',
  'Shipment',
  'Invoice',
  'Container',
  'Scac',
  'McNumber',
  'DotNumber',
  'Vin',
  'Unit',
  // What records of structured sources describe (`feed.ts`), beside Shipment above.
  'Vehicle',
  'Driver',
  'Location',
  'Stop',
  'Customer',
  'Carrier',
  'Conversation',
  'Message',
  'Comment',
  'Contact',
  'Account',
  'Teammate',
  'Inbox',
  'Tag',
  // Values that such records state: a status, a position.
  'State',
  'Position',
  // Other names of theirs.
  'LicensePlate',
  'Domain',
  'ExternalId',
] as const;
export type EntityType = (typeof ENTITY_TYPES)[number];

/** What extraction states of a text. */
const TEXT_RELATION_TYPES = [
  'SHIPPER_OF',
  'CONSIGNEE_OF',
  'CARRIER_OF',
  'BILL_TO_OF',
  'SHIPS_FROM',
  'SHIPS_TO',
  'REFERENCES',
  'SENT_BY',
  'SENT_TO',
] as const;
export type TextRelationType = (typeof TEXT_RELATION_TYPES)[number];

/** The allow-list of relation types; each is also a graph relationship type. Those below come from records of structured sources. */
export const RELATION_TYPES = [
  ...TEXT_RELATION_TYPES,
  'IDENTIFIED_BY',
  'LOCATED_AT',
  'AT',
  'ENGINE_STATE',
  'FUEL_LEVEL',
  'DRIVES',
  'ASSIGNED_TO',
  'EMPLOYED_BY',
  'TAGGED',
  'HAS_STATUS',
  'FOR_CUSTOMER',
  'CARRIED_BY',
  'DRIVEN_BY',
  'HAS_STOP',
  'ORIGIN',
  'DESTINATION',
  'PARENT',
  'PART_OF',
  'REPLY_TO',
  'CC_TO',
  'ON',
  'WRITTEN_BY',
  'IN_INBOX',
  'BELONGS_TO',
  'MERGED_INTO',
  'HAS_ATTACHMENT',
  'MENTIONS',
  'LINKED_TO',
] as const;
export type RelationType = (typeof RELATION_TYPES)[number];

/** One place in the text where an entity is named. */
export interface EntityMention {
  readonly type: EntityType;
  /** The canonical form that identifies it: upper-case id, E.164 phone, ISO date, `USD 1200.00`, folded name. Never empty. */
  readonly key: string;
  /** The form a person reads, from the text. */
  readonly name: string;
  /** The chunk that holds it, and where in that chunk's `text`; `quote === chunk.text.slice(start, end)`. */
  readonly ordinal: number;
  readonly start: number;
  readonly end: number;
  readonly quote: string;
}

/** A statement of the text that ties two entities together. */
export interface ExtractedRelation {
  readonly type: TextRelationType;
  readonly subject: { readonly type: EntityType; readonly key: string };
  readonly object: { readonly type: EntityType; readonly key: string };
  /** The chunk that states it, and the words; `quote` is a substring of that chunk's text. */
  readonly ordinal: number;
  readonly quote: string;
}

/** What extraction finds in one document. Order: by ordinal, then start, then type and key. */
export interface Extraction {
  readonly mentions: readonly EntityMention[];
  readonly relations: readonly ExtractedRelation[];
  /** When the document says it was written (mail date, document date), ISO 8601, or null. Facts are valid from then. */
  readonly statedAt: string | null;
}

/** Why a document was set aside. */
export interface QuarantineEntry {
  readonly documentId: string;
  readonly group: string;
  readonly source: string;
  readonly sourceUri: string;
  readonly contentDigest: string;
  /** What its source calls these bytes, as `StagedFile.sourceVersion`; null where it tells none, or they were never fetched. */
  readonly sourceVersion: string | null;
  /** Of the settings and limits it failed under: with the same content and these the failure is remembered, not tried again. */
  readonly settingsDigest: string;
  readonly runId: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly step: string;
  /** A transient failure is tried again by the next run; a lasting one only when content or settings change. */
  readonly retryable: boolean;
  readonly at: string;
}
