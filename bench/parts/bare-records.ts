// The bare script that `records` is measured against: reads the same lines, maps, folds, describes, chunks, extracts and embeds with
// the same parts, and inserts what comes of it into an empty memory of the same schema, a database file or the four servers; everything
// in memory, each thing written once. Nothing else: no journal, no saga, no digests to check by, no look at what is known.
//
//   node bench/parts/bare-records.ts <source> <file> <database, or the addresses of the servers as JSON>
import { readFileSync } from 'node:fs';
import { embeddingText } from '../../lib/contracts/document.ts';
import type { FeedSourceName, Observation, Reading } from '../../lib/contracts/feed.ts';
import { sha256 } from '../../lib/contracts/identity.ts';
import type { StoredChunk } from '../../lib/contracts/store.ts';
import { MAPPERS } from '../../lib/mappers/index.ts';
import { chunkIdOf, documentUuid, thingDocumentId } from '../../src/pipeline/identity.ts';
import { graphOf } from '../../src/pipeline/version.ts';
import { cardOf } from '../../src/things/card.ts';
import { withDerived } from '../../src/things/derive.ts';
import { foldObservation, heldFacts } from '../../src/things/fold.ts';
import { referencesIn } from '../../src/things/links.ts';
import { spelled } from '../../src/things/names.ts';
import type { ThingState } from '../../src/things/state.ts';
import { withStays } from '../../src/things/stays.ts';
import { statedGraph } from '../../src/things/version.ts';
import { type BareDocument, BareMemory, type BareTarget } from './bare-memory.ts';
import { chunker, embedder, extractor } from './bare-parts.ts';
import { bareServers, type ServerUrls } from './bare-servers.ts';

const BATCH_THINGS = 512;
const READ_AT = '2026-01-01T00:00:00.000Z';

const [source = '', file = '', target = ''] = process.argv.slice(2);
const { mapper } = await MAPPERS[source as FeedSourceName]();
const never = new AbortController().signal;

// Loading the modules is not measured: a bare script has fewer.
const begunMs = performance.now();
const memory: BareTarget = target.startsWith('{')
  ? await bareServers(JSON.parse(target) as ServerUrls, embedder.dimensions, READ_AT)
  : new BareMemory(target, embedder.dimensions);
const states = new Map<string, ThingState>();
const readings = new Map<string, Reading[]>();
for (const line of readFileSync(file, 'utf8').split('\n')) if (line !== '') read(line);
const bearers = Map.groupBy(
  [...states.values()].flatMap(({ names, ...bearer }) => names.map((name) => ({ name: spelled(name), bearer }))),
  ({ name }) => name,
);
let documents: BareDocument[] = [];
for (const state of states.values()) {
  documents.push(await documentOf(withOwnStays(state)));
  if (documents.length === BATCH_THINGS) await flush();
}
await flush();
for (const [key, own] of readings)
  await memory.writeReadings(
    thingDocumentId('', key),
    own.map(({ place, ...reading }) => ({ ...reading, place: place?.key ?? null })),
  );
await memory.close();
console.log(JSON.stringify({ seconds: (performance.now() - begunMs) / 1_000, things: states.size }));
// Connections to servers stay open.
process.exit();

async function flush(): Promise<void> {
  await memory.write(documents);
  documents = [];
}

function read(line: string): void {
  const record = JSON.parse(line);
  const mapped = mapper.map(record, mapper.shapeOf(record, null)!);
  if (mapped.kind !== 'observations') throw new Error(`the bare script takes good records only: ${line.slice(0, 80)}`);
  for (const observation of mapped.observations) take(observation);
}

function take(observation: Observation): void {
  const { key } = observation.thing;
  states.set(key, foldObservation(states.get(key) ?? null, observation, READ_AT));
  if (observation.readings.length === 0) return;
  const own = readings.get(key);
  if (own === undefined) readings.set(key, [...observation.readings]);
  else own.push(...observation.readings);
}

function withOwnStays(state: ThingState): ThingState {
  const own = (readings.get(state.key) ?? []).filter(({ series }) => series === 'position');
  if (own.length === 0) return state;
  const window = { count: 0, fresh: [], before: null, moves: [], nextAts: [] };
  return { ...state, facts: withStays(state.facts, own, window) };
}

/** @param said what the thing's own records say. */
async function documentOf(said: ThingState): Promise<BareDocument> {
  const card = cardOf(said, heldFacts(said));
  const found = chunker.chunk(card);
  const extraction = await extractor.extract(card, found, never);
  const { vectors } = await embedder.embed(found.map(embeddingText), never);
  const references = said.text === '' ? [] : referencesIn(extraction);
  const state = withDerived(said, references, (name) => (bearers.get(spelled(name)) ?? []).map(({ bearer }) => bearer));
  const id = thingDocumentId('', state.key);
  const place = { documentId: id, version: 1, group: '' };
  const chunks = found.map((chunk, index): StoredChunk => {
    return { ...chunk, chunkId: chunkIdOf(place, chunk.ordinal), vector: vectors[index]! };
  });
  const stated = (stored: readonly StoredChunk[]) => statedGraph(state, heldFacts(state), { ...place, chunks: stored });
  const { entities, mentions, relations } = graphOf({ documentId: id, extraction }, chunks, { ...place, stated });
  const names = new Map(entities.map(({ entityId, name }) => [entityId, name]));
  const raw = JSON.stringify(state.raw);
  return {
    ...{ id, uuid: documentUuid('', id), source, uri: state.key, name: state.name, mediaType: card.mediaType },
    ...{ bytes: raw.length, digest: sha256(raw), statedAt: null, metadata: { ...card.metadata, thing: state } },
    ...{ chunks, entities, relations },
    mentions: mentions.map((mention) => ({ ...mention, name: names.get(mention.entityId)! })),
  };
}
