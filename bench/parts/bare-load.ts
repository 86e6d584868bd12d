// The bare script that apex is measured against: parses, chunks, extracts, embeds and bulk-inserts the same rows with the same parts,
// one transaction a batch, and nothing else: no journal, no saga, no staging, no digests to check by, no cache, no parser processes.
//
//   node bench/parts/bare-load.ts <folder> <database>
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { embeddingText } from '../../lib/contracts/document.ts';
import { sha256, uuidOf } from '../../lib/contracts/identity.ts';
import { parseDocument } from '../../lib/parsers/document.ts';
import { type BareDocument, BareMemory } from './bare-memory.ts';
import { chunker, embedder, extractor } from './bare-parts.ts';

const BATCH_DOCUMENTS = 256;
const PARSE_LIMITS = { timeoutMs: 300_000, memoryBytes: 1e9, maxPages: 5_000, maxInflatedBytes: 2e8 };

const [folder = '', path = ''] = process.argv.slice(2);
const never = new AbortController().signal;

// Loading the modules is not measured: a bare script has fewer.
const begunMs = performance.now();
const memory = new BareMemory(path, embedder.dimensions);
const files = globSync('**/*.md', { cwd: folder }).sort();
for (let from = 0; from < files.length; from += BATCH_DOCUMENTS) {
  const documents: BareDocument[] = [];
  for (const file of files.slice(from, from + BATCH_DOCUMENTS)) documents.push(await prepare(join(folder, file)));
  memory.write(documents);
}
memory.close();
console.log((performance.now() - begunMs) / 1_000);

async function prepare(file: string): Promise<BareDocument> {
  const bytes = readFileSync(file);
  const parsed = await parseDocument(bytes, basename(file), PARSE_LIMITS, folder);
  const chunks = chunker.chunk(parsed);
  const extraction = await extractor.extract(parsed, chunks, never);
  const { vectors } = await embedder.embed(chunks.map(embeddingText), never);
  const uri = pathToFileURL(file).href;
  const id = `doc-${sha256(uri).slice(0, 24)}`;
  const entityIdOf = ({ type, key }: { type: string; key: string }) => uuidOf('entity', '', type, key);
  const chunkIds = chunks.map(({ ordinal }) => uuidOf('chunk', '', id, 1, ordinal));
  const entities = new Map(
    extraction.mentions.map(({ type, key, name }) => {
      const entityId = entityIdOf({ type, key });
      return [entityId, { entityId, type, key, name }];
    }),
  );
  return {
    ...{ id, uuid: uuidOf('document', '', id), source: 'local_upload', uri, name: basename(file) },
    ...{ mediaType: parsed.mediaType, bytes: bytes.length, digest: sha256(bytes) },
    ...{ statedAt: extraction.statedAt, metadata: parsed.metadata, entities: [...entities.values()] },
    chunks: chunks.map((chunk, index) => ({ ...chunk, chunkId: chunkIds[index]!, vector: vectors[index]! })),
    mentions: extraction.mentions.map((mention) => {
      const [entityId, chunkId] = [entityIdOf(mention), chunkIds[mention.ordinal]!];
      const mentionId = uuidOf('mention', chunkId, entityId, mention.start, mention.end);
      return { ...mention, entityId, chunkId, mentionId };
    }),
    relations: extraction.relations.map(({ type, subject, object, ordinal, quote }) => {
      const [subjectId, objectId, chunkId] = [entityIdOf(subject), entityIdOf(object), chunkIds[ordinal]!];
      const relationId = uuidOf('relation', id, 1, type, subjectId, objectId, chunkId);
      return { relationId, type, subjectId, objectId, chunkId, quote, validAt: extraction.statedAt };
    }),
  };
}
