import type { RunListing, RunRegistry } from '../../../lib/contracts/journal.ts';
import type { Parts } from '../../../src/pipeline/parts.ts';
import { Faults } from '../faults.ts';
import { FakeCacheStore } from './cache.ts';
import { FakeGraphStore } from './graph.ts';
import { FakeEmbedder, FakeExtractor, FakeParsers, FakeSource, FakeStaging, fakeChunker, itemOf } from './parts.ts';
import { FakeRecordsStore } from './records.ts';
import { FakeSurroundings } from './surroundings.ts';
import { FakeVectorStore } from './vectors.ts';

interface MachineOptions {
  /** What the source holds, by id. */
  readonly texts: Readonly<Record<string, string>>;
  /** The log, when more than these parts are to be in it. */
  readonly faults?: Faults;
  readonly graph?: FakeGraphStore;
  readonly registry?: RunRegistry;
  readonly prepareIsolated?: Parts['prepareIsolated'];
}

/** All that the machine works with, in memory, and each part watched by the same log. */
export function openFakeParts({ texts, faults = new Faults(), graph, registry, prepareIsolated }: MachineOptions) {
  const source = new FakeSource(texts);
  const stores = {
    records: faults.wrap('records', new FakeRecordsStore()),
    graph: faults.wrap('graph', graph ?? new FakeGraphStore()),
    vectors: faults.wrap('vectors', new FakeVectorStore()),
    cache: faults.wrap('cache', new FakeCacheStore()),
  };
  const parts: Parts = {
    source: () => faults.wrap('source', source),
    attachments: Object.assign(new FakeSource(), { itemOf: () => itemOf('attachment') }),
    parsers: faults.wrap('parsers', new FakeParsers(source)),
    ...{ chunker: fakeChunker, extractor: new FakeExtractor(), embedder: faults.wrap('embedder', new FakeEmbedder()) },
    // No test of the machine's other commands asks for records.
    feeds: {
      read: async function* () {},
      assertReady: async () => {},
      open: () => Promise.reject(new Error('there is no API')),
      mapper: () => Promise.reject(new Error('there is no mapper')),
    },
    ...{ stores, staging: new FakeStaging((folder) => faults.wrap('folder', folder)) },
    // A batch asks nothing about other runs.
    registry: registry ?? ({ list: async () => [] as readonly RunListing[] } as RunRegistry),
    ...{ surroundings: new FakeSurroundings(), ledger: { add: async () => {} } },
    prepareIsolated: prepareIsolated ?? (async () => 'prepared'),
    limits: { batchSize: 256, batchBytes: 1_000_000, concurrency: 2, discardTimeoutMs: 60_000 },
  };
  return { faults, source, stores, parts };
}
