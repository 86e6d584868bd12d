import Database from 'better-sqlite3';
import { getLoadablePath } from 'sqlite-vec';
import type { StoredChunk, StoredEntity, StoredMention, StoredRelation } from '../../lib/contracts/store.ts';
import { memorySchema } from '../../lib/stores/memory-schema.ts';
import { folded } from '../../lib/stores/rows.ts';

/** Who wrote a row: every row of a memory says so. */
const STAMP = ['run', 1] as const;

/** A document as the bare scripts write it: its rows' content, without digests to check by. */
export interface BareDocument {
  readonly id: string;
  readonly uuid: string;
  readonly source: string;
  readonly uri: string;
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: number;
  readonly digest: string;
  readonly statedAt: string | null;
  readonly metadata: object;
  readonly chunks: readonly StoredChunk[];
  readonly entities: readonly StoredEntity[];
  /** `name`: what the document gives the entity. */
  readonly mentions: readonly (StoredMention & { readonly name: string })[];
  readonly relations: readonly StoredRelation[];
}

/** A reading of a thing as the bare scripts write it. */
export interface BareReading {
  readonly series: string;
  readonly at: string;
  readonly value: object;
  readonly place: string | null;
}

/** Where a bare script writes. */
export interface BareTarget {
  /** Inserts the documents together. */
  write(documents: readonly BareDocument[]): void | Promise<void>;
  /** Inserts readings of a thing. @param id the document that is the thing. */
  writeReadings(id: string, readings: readonly BareReading[]): void | Promise<void>;
  close(): void | Promise<void>;
}

/** An empty memory that is filled with nothing but inserts. */
export class BareMemory implements BareTarget {
  readonly #db: Database.Database;
  readonly #statements = new Map<string, Database.Statement<unknown[]>>();

  constructor(path: string, dimensions: number) {
    this.#db = new Database(path);
    this.#db.pragma('journal_mode = WAL');
    this.#db.pragma('synchronous = NORMAL');
    this.#db.loadExtension(getLoadablePath());
    for (const sql of memorySchema(dimensions)) this.#db.exec(sql);
  }

  /** In one transaction. */
  write(documents: readonly BareDocument[]): void {
    this.#db.transaction(() => {
      for (const document of documents) this.#writeDocument(document);
    })();
  }

  close(): void {
    this.#db.close();
  }

  #writeDocument(document: BareDocument): void {
    const { id, uuid, source, uri, name, mediaType, bytes, digest, statedAt, metadata } = document;
    const { chunks, entities, mentions, relations } = document;
    const [extraction, counts] = [
      JSON.stringify({ entities, mentions }),
      [chunks.length, entities.length, relations.length],
    ];
    this.#insert('document', [id, uuid, 1, 1, 0]);
    this.#insert('version', [
      ...[id, 1, 'current', ...STAMP, uuid, '', source, uri, name, null, mediaType, bytes, digest, '', '', null],
      ...[statedAt, '', JSON.stringify(metadata), '[]', ...counts, '{}', extraction, null],
    ]);
    this.#insert('graph_document', [
      ...[id, 1, ...STAMP, 1, uuid, '', source, uri, name, null, mediaType, digest, null, statedAt],
    ]);
    for (const chunk of chunks) this.#writeChunk(id, chunk);
    for (const { entityId, type, key } of entities)
      this.#insert('entity', [entityId, '', type, key, folded(key), null, null], 'OR IGNORE');
    for (const mention of mentions) {
      const { mentionId, entityId, chunkId, start, end, quote } = mention;
      const said = [mention.name, folded(mention.name), start, end, quote];
      this.#insert('mention', [mentionId, entityId, chunkId, id, 1, ...STAMP, ...said], 'OR IGNORE');
    }
    for (const { relationId, type, subjectId, objectId, chunkId, quote, validAt, ...more } of relations) {
      const [end, detail] = [more.invalidAt ?? null, JSON.stringify(more.detail ?? {})];
      const ends = [subjectId, objectId, chunkId];
      this.#insert('fact', [relationId, id, 1, ...STAMP, type, ...ends, quote, validAt, end, detail], 'OR IGNORE');
      const closed = [quote, validAt, end, null, end, detail];
      this.#insert('relation', [relationId, type, ...ends, id, 1, ...STAMP, ...closed], 'OR IGNORE');
    }
  }

  #writeChunk(id: string, chunk: BareDocument['chunks'][number]): void {
    const { chunkId, ordinal, text, start, end, headingPath, page, tokenCount, vector } = chunk;
    this.#insert('chunk', [
      ...[null, chunkId, id, 1, ...STAMP, ordinal, headingPath.join(' > '), text, start, end],
      ...[JSON.stringify(headingPath), page, tokenCount],
    ]);
    this.#insert('graph_chunk', [chunkId, id, 1, ...STAMP, ordinal]);
    const { lastInsertRowid } = this.#insert('point', [null, chunkId, id, 1, ...STAMP, 1]);
    this.#insert('point_vector', [BigInt(lastInsertRowid), 1n, '', vector]);
  }

  writeReadings(id: string, readings: readonly BareReading[]): void {
    this.#db.transaction(() => {
      for (const { series, at, value, place } of readings) {
        const text = JSON.stringify(value);
        this.#insert('reading', [id, series, at, text, 0, text, place, ...STAMP], 'OR IGNORE');
      }
    })();
  }

  /** Inserts a whole row; tables and their columns are the memory's own. */
  #insert(table: string, values: readonly unknown[], conflict = ''): Database.RunResult {
    const key = `${table}${conflict}`;
    let statement = this.#statements.get(key);
    if (statement === undefined) {
      const places = values.map(() => '?').join(', ');
      statement = this.#db.prepare<unknown[]>(`INSERT ${conflict} INTO ${table} VALUES (${places})`);
      this.#statements.set(key, statement);
    }
    return statement.run(...values);
  }
}
