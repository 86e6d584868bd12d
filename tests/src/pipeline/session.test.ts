import { describe, expect, test, vi } from 'vitest';
import type { DocumentResult, RunEvent } from '../../../lib/contracts/apex.ts';
import { EXIT } from '../../../lib/contracts/error-codes.ts';
import { StoreError } from '../../../lib/contracts/errors.ts';
import type { RunPlan } from '../../../lib/contracts/journal.ts';
import type { Parts } from '../../../src/pipeline/parts.ts';
import { failedResult, unchangedResult } from '../../../src/pipeline/results.ts';
import { RunSession } from '../../../src/pipeline/session.ts';
import { Leases } from '../../../src/saga/leases.ts';
import { FakeCacheStore } from '../../helpers/fakes/cache.ts';
import { FakeGraphStore } from '../../helpers/fakes/graph.ts';
import { FakeJournal } from '../../helpers/fakes/journal.ts';
import { FakeEmbedder, FakeExtractor, FakeParsers, FakeSource, fakeChunker } from '../../helpers/fakes/parts.ts';
import { FakeRecordsStore } from '../../helpers/fakes/records.ts';
import { FakeSurroundings } from '../../helpers/fakes/surroundings.ts';
import { FakeVectorStore } from '../../helpers/fakes/vectors.ts';
import { Faults, noAnswer } from '../../helpers/faults.ts';
import { never } from '../../helpers/records.ts';

const PLAN: RunPlan = {
  ...{ kind: 'ingest', source: 'fake', targets: [], documentId: null, group: 'default', settingsDigest: 's' },
};

function openSession(fence: number | null = null) {
  const faults = new Faults();
  const stores = {
    ...{ records: faults.wrap('records', new FakeRecordsStore()), graph: new FakeGraphStore() },
    ...{ vectors: new FakeVectorStore(), cache: new FakeCacheStore() },
  };
  // A session reads these parts of a run and no others.
  const parts = {
    ...{ stores, parsers: new FakeParsers(new FakeSource()), chunker: fakeChunker, extractor: new FakeExtractor() },
    ...{ embedder: new FakeEmbedder(), surroundings: new FakeSurroundings(), limits: { discardTimeoutMs: 1_000 } },
  } as unknown as Parts;
  const events: RunEvent[] = [];
  const onEvent = (event: RunEvent) => events.push(event);
  const leases = new Leases(parts);
  const work = { onEvent, signal: never, nextBatchNo: 7, fence };
  const session = new RunSession({ journal: new FakeJournal(), plan: PLAN, parts, leases, ...work });
  return { faults, events, leases, session };
}

test('a failing cache is said once a run, however often it fails', () => {
  const { events, session } = openSession();
  for (let time = 0; time < 3; time += 1) session.saga.onCacheFailure(noAnswer());
  expect(events).toHaveLength(1);
  session.warnOfCache(noAnswer());
  const message = 'the cache does not answer; the run goes on without it (the store does not answer)';
  expect(events).toEqual([{ kind: 'warning', code: 'CACHE_FAILED', message }]);
  expect(session.exitStatus).toBe(EXIT.done);
});

test('a run is registered with its first batch, once', async () => {
  const { faults, session } = openSession();
  expect(faults.calls).toEqual([]);
  const fences = await Promise.all([session.fence(), session.fence()]);
  expect(new Set(fences).size).toBe(1);
  expect(faults.calls).toEqual(['records.openRun']);
});

test('a run that was claimed keeps the fence of its claim', async () => {
  const { faults, session } = openSession(42);
  expect(await session.fence()).toBe(42);
  expect(faults.calls).toEqual([]);
});

test('a run that another host has aborted begins nothing new, and stops with that', async () => {
  const { leases, session } = openSession();
  expect(session.isStopping).toBe(false);
  vi.spyOn(leases, 'lossOf').mockReturnValue(new StoreError('aborted', { code: 'FENCED' }));
  expect(session.isStopping).toBe(true);
  expect(() => session.throwIfStopping()).toThrow(expect.objectContaining({ code: 'FENCED' }) as Error);
});

test('batch numbers go on from the first one given, each once', () => {
  const { session } = openSession();
  expect([session.takeBatchNo(), session.takeBatchNo()]).toEqual([7, 8]);
});

describe('the exit status', () => {
  test.each([
    [[EXIT.quarantined, EXIT.done], EXIT.quarantined],
    [[EXIT.temporary, EXIT.quarantined], EXIT.temporary],
    [[EXIT.quarantined, EXIT.needsAttention, EXIT.temporary], EXIT.needsAttention],
    [[EXIT.needsAttention, EXIT.bug, EXIT.disk], EXIT.bug],
  ])('is the gravest of what was met: %j', (met, exitStatus) => {
    const { session } = openSession();
    for (const status of met) session.earn(status);
    expect(session.exitStatus).toBe(exitStatus);
  });

  test.each(Object.entries(EXIT))('can be each that there is: %s', (_, status) => {
    const { session } = openSession();
    session.earn(status);
    expect(session.exitStatus).toBe(status);
  });
});

test('a document that is set aside is no success', () => {
  const { session } = openSession();
  const document = { documentId: 'a', group: 'default', source: 'fake', sourceUri: 'file:///a' };
  session.finish(
    failedResult(document, 'quarantined', { code: 'CORRUPT', message: '', retryable: false, step: null }, 0),
  );
  expect(session.exitStatus).toBe(EXIT.quarantined);
});

test('documents are counted by their outcome, and said', () => {
  const { events, session } = openSession();
  const document = { documentId: 'a', group: 'default', source: 'fake', sourceUri: 'file:///a' };
  const error = { code: 'CORRUPT', message: 'damaged', retryable: false, step: 'parse' } as const;
  const results: DocumentResult[] = [
    unchangedResult(document, 1),
    failedResult(document, 'quarantined', error, 5),
    failedResult(document, 'failed', { ...error, code: 'LOST_RACE' }, 5),
  ];
  for (const result of results) session.finish(result);
  expect(session.counts).toMatchObject({ documents: 3, unchanged: 1, quarantined: 1, failed: 1, added: 0 });
  expect(session.exitStatus).toBe(EXIT.temporary);
  expect(events).toEqual(results.map((result) => ({ kind: 'document', result })));
});
