// The bare script that apex is measured against: parses, chunks, extracts, embeds and bulk-inserts the same rows with the same parts,
// one transaction a batch, and nothing else: no journal, no saga, no staging, no digests to check by, no cache, no parser processes.
//
//   node bench/parts/bare-load.ts <folder> <database>
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import Database from 'better-sqlite3';
import { getLoadablePath } from 'sqlite-vec';
import { createStructureChunker } from '../../lib/chunkers/structure.ts';
import { embeddingText } from '../../lib/contracts/document.ts';
import { sha256, uuidOf } from '../../lib/contracts/identity.ts';
import { createLexicalEmbedder } from '../../lib/embedders/lexical.ts';
import rules from '../../lib/extractors/rules.ts';
import { parseDocument } from '../../lib/parsers/document.ts';
import { memorySchema } from '../../lib/stores/memory-schema.ts';
import { folded } from '../../lib/stores/rows.ts';
import { SETTINGS } from '../../src/config/settings.ts';

const BATCH_DOCUMENTS = 256;
const PARSE_LIMITS = { timeoutMs: 300_000, memoryBytes: 1e9, maxPages: 5_000, maxInflatedBytes: 2e8 };
const STAMP = ['run', 1] as const;

const [folder = '', path = ''] = process.argv.slice(2);
const embedder = createLexicalEmbedder();
const maxTokens = Number(SETTINGS.chunkTokens.fallback);
const chunker = createStructureChunker({ maxTokens, countTokens: embedder.countTokens });
const extractor = rules.create();
const never = new AbortController().signal;

// Loading the modules is not measured: a bare script has fewer.
const begunMs = performance.now();
const db = new Database(path);
db.pragma('journal_mode = WAL');
db.pragma('synchronous = NORMAL');
db.loadExtension(getLoadablePath());
for (const sql of memorySchema(embedder.dimensions)) db.exec(sql);

const statements = new Map<string, Database.Statement<unknown[]>>();
const files = globSync('**/*.md', { cwd: folder }).sort();
for (let from = 0; from < files.length; from += BATCH_DOCUMENTS) {
  const documents: Awaited<ReturnType<typeof prepare>>[] = [];
  for (const file of files.slice(from, from + BATCH_DOCUMENTS)) documents.push(await prepare(join(folder, file)));
  db.transaction(() => documents.forEach(insertDocument))();
}
db.close();
console.log((performance.now() - begunMs) / 1_000);

async function prepare(file: string) {
  const bytes = readFileSync(file);
  const parsed = await parseDocument(bytes, basename(file), PARSE_LIMITS, folder);
  const chunks = chunker.chunk(parsed);
  const extraction = await extractor.extract(parsed, chunks, never);
  const { vectors } = await embedder.embed(chunks.map(embeddingText), never);
  return { file, bytes, parsed, chunks, extraction, vectors };
}

function insertDocument({
  file,
  bytes,
  parsed,
  chunks,
  extraction,
  vectors,
}: Awaited<ReturnType<typeof prepare>>): void {
  const uri = pathToFileURL(file).href;
  const id = `doc-${sha256(uri).slice(0, 24)}`;
  const uuid = uuidOf('document', '', id);
  const entityIdOf = ({ type, key }: { type: string; key: string }) => uuidOf('entity', '', type, key);
  const chunkIds = chunks.map(({ ordinal }) => uuidOf('chunk', '', id, 1, ordinal));
  const entities = new Map(
    extraction.mentions.map(({ type, key, name }) => [entityIdOf({ type, key }), { type, key, name }]),
  );
  const mentions = extraction.mentions.map((mention) => {
    const entityId = entityIdOf(mention);
    const chunkId = chunkIds[mention.ordinal]!;
    return {
      ...mention,
      entityId,
      chunkId,
      mentionId: uuidOf('mention', chunkId, entityId, mention.start, mention.end),
    };
  });
  const digest = sha256(bytes);
  insert('document', [id, uuid, 1, 1]);
  insert('version', [
    ...[
      id,
      1,
      'current',
      ...STAMP,
      uuid,
      '',
      'local_upload',
      uri,
      basename(file),
      null,
      parsed.mediaType,
      bytes.length,
      digest,
    ],
    ...['', '', null, extraction.statedAt, '', JSON.stringify(parsed.metadata), '[]', chunks.length, entities.size],
    ...[extraction.relations.length, '{}', JSON.stringify({ entities: [...entities], mentions })],
  ]);
  insert('graph_document', [
    ...[id, 1, ...STAMP, 1, uuid, '', 'local_upload', uri, basename(file), null, parsed.mediaType, digest, null],
    extraction.statedAt,
  ]);
  chunks.forEach((chunk, index) => {
    const chunkId = chunkIds[index]!;
    const heading = chunk.headingPath.join(' > ');
    insert('chunk', [
      ...[null, chunkId, id, 1, ...STAMP, chunk.ordinal, heading, chunk.text, chunk.start, chunk.end],
      ...[JSON.stringify(chunk.headingPath), chunk.page, chunk.tokenCount],
    ]);
    insert('graph_chunk', [chunkId, id, 1, ...STAMP, chunk.ordinal]);
    const { lastInsertRowid } = insert('point', [null, chunkId, id, 1, ...STAMP, 1]);
    insert('point_vector', [BigInt(lastInsertRowid), 1n, '', vectors[index]]);
  });
  for (const [entityId, { type, key }] of entities)
    insert('entity', [entityId, '', type, key, folded(key)], 'OR IGNORE');
  for (const { mentionId, entityId, chunkId, name, start, end, quote } of mentions)
    insert(
      'mention',
      [mentionId, entityId, chunkId, id, 1, ...STAMP, name, folded(name), start, end, quote],
      'OR IGNORE',
    );
  for (const { type, subject, object, ordinal, quote } of extraction.relations) {
    const [subjectId, objectId, chunkId] = [entityIdOf(subject), entityIdOf(object), chunkIds[ordinal]!];
    const relationId = uuidOf('relation', id, 1, type, subjectId, objectId, chunkId);
    insert(
      'fact',
      [relationId, id, 1, ...STAMP, type, subjectId, objectId, chunkId, quote, extraction.statedAt],
      'OR IGNORE',
    );
    insert(
      'relation',
      [relationId, type, subjectId, objectId, chunkId, id, 1, ...STAMP, quote, extraction.statedAt, null, null],
      'OR IGNORE',
    );
  }
}

/** Inserts a whole row; tables and their columns are the memory's own. */
function insert(table: string, values: readonly unknown[], conflict = ''): Database.RunResult {
  const key = `${table}${conflict}`;
  let statement = statements.get(key);
  if (statement === undefined) {
    statement = db.prepare<unknown[]>(`INSERT ${conflict} INTO ${table} VALUES (${values.map(() => '?').join(', ')})`);
    statements.set(key, statement);
  }
  return statement.run(...values);
}
