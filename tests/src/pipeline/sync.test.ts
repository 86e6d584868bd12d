import { describe, expect, test } from 'vitest';
import type { DocumentResult, RunEvent } from '../../../lib/contracts/apex.ts';
import type { RunPlan, SyncRequest } from '../../../lib/contracts/journal.ts';
import type { SourceRoot } from '../../../lib/contracts/source.ts';
import { EMPTY_REPLAY } from '../../../src/journal/replay.ts';
import { documentIdOf } from '../../../src/pipeline/identity.ts';
import { ingestAll } from '../../../src/pipeline/run.ts';
import { RunSession } from '../../../src/pipeline/session.ts';
import { Leases } from '../../../src/saga/leases.ts';
import { FakeJournal } from '../../helpers/fakes/journal.ts';
import { openFakeParts } from '../../helpers/fakes/machine.ts';
import { never } from '../../helpers/records.ts';

/** Goal: a sync deletes what is gone, once it is sure, and nothing else. Method: all parts in memory, one source of texts by id. */

const DOCS: SourceRoot = { target: '/docs', uri: 'file:///docs', isPattern: false, state: 'whole' };

/** A memory that has ingested the texts once. */
async function openSynced(texts: Readonly<Record<string, string>>) {
  const { faults, source, stores, parts } = openFakeParts({ texts });
  const events: RunEvent[] = [];
  let runs = 0;
  const run = async (sync: SyncRequest | null, group = 'default') => {
    events.length = 0;
    faults.forget();
    runs += 1;
    const plan: RunPlan = {
      ...{ kind: 'ingest', source: 'fake', targets: ['/docs'], documentId: null, group, settingsDigest: 's', sync },
    };
    const session = new RunSession({
      ...{ journal: new FakeJournal(`run-${runs}`), plan, parts, onEvent: (event: RunEvent) => events.push(event) },
      ...{ signal: never, nextBatchNo: 1, fence: null, leases: new Leases(parts) },
    });
    await ingestAll(session, EMPTY_REPLAY);
    return session;
  };
  source.roots = [DOCS];
  await run(null);
  return {
    ...{ faults, source, stores, events, run },
    sync: (allowsEmpty = false) => run({ allowsEmpty }),
    /** What is current, by where it came from. */
    current: async () => {
      const all = { source: null, group: null, uriPrefix: null, createdBefore: null };
      return (await stores.records.select(all, { after: null, limit: 99 }, never)).map(({ sourceUri }) => sourceUri);
    },
    outcomes: () =>
      events
        .flatMap((event): DocumentResult[] => (event.kind === 'document' ? [event.result] : []))
        .map(({ source_uri, outcome }) => `${outcome} ${source_uri}`)
        .sort(),
  };
}

const TWO = { 'docs/a': 'ACME ships', 'docs/b': 'to Globex' };

test('what is gone is deleted, and what is there stays', async () => {
  const memory = await openSynced(TWO);
  memory.source.texts.delete('docs/a');
  await memory.sync();
  expect(memory.outcomes()).toEqual(['deleted file:///docs/a', 'unchanged file:///docs/b']);
  expect(await memory.current()).toEqual(['file:///docs/b']);
});

test('without sync nothing is deleted', async () => {
  const memory = await openSynced(TWO);
  memory.source.texts.delete('docs/a');
  await memory.run(null);
  expect(await memory.current()).toHaveLength(2);
});

test('what came from beside the root, or belongs to another group, stays', async () => {
  const memory = await openSynced({ ...TWO, 'docs2/c': 'Bay nine', 'other/d': 'Bay ten' });
  await memory.run(null, 'north');
  for (const id of ['docs/a', 'docs2/c', 'other/d']) memory.source.texts.delete(id);
  await memory.sync();
  expect(memory.outcomes()).toEqual(['deleted file:///docs/a', 'unchanged file:///docs/b']);
  expect(await memory.current()).toHaveLength(7);
});

test('a moved document is here and there in one pivot, and nothing is embedded again', async () => {
  const memory = await openSynced(TWO);
  memory.source.texts.set('docs/new/a', TWO['docs/a']);
  memory.source.texts.delete('docs/a');
  await memory.sync();
  expect(memory.faults.calls.filter((call) => call === 'records.pivot')).toHaveLength(1);
  expect(memory.faults.calls).not.toContain('embedder.embed');
  expect(memory.outcomes()).toEqual(['added file:///docs/new/a', 'deleted file:///docs/a', 'unchanged file:///docs/b']);
});

test('of two that are gone with one content, one is moved and the other deleted', async () => {
  const memory = await openSynced({ 'docs/a': 'the same', 'docs/b': 'the same' });
  memory.source.texts.set('docs/c', 'the same');
  for (const id of ['docs/a', 'docs/b']) memory.source.texts.delete(id);
  await memory.sync();
  expect(await memory.current()).toEqual(['file:///docs/c']);
});

describe('nothing is deleted', () => {
  test.each<SourceRoot['state']>(['incomplete', 'empty'])('under a root that is %s', async (state) => {
    const memory = await openSynced(TWO);
    memory.source.texts.clear();
    memory.source.roots = [{ ...DOCS, state }];
    const { exitStatus } = await memory.sync(state === 'incomplete');
    expect(await memory.current()).toHaveLength(2);
    const said = memory.events.flatMap((event) =>
      event.kind === 'warning' || event.kind === 'problem' ? [event.code] : [],
    );
    expect(said).toEqual([state === 'empty' ? 'SUDDENLY_EMPTY' : 'SYNC_INCOMPLETE']);
    expect(exitStatus).toBe(state === 'empty' ? 2 : 0);
  });

  test('where two roots overlap and one of them is not whole', async () => {
    const memory = await openSynced({ 'docs/a': 'ACME ships', 'docs/in/b': 'to Globex' });
    memory.source.texts.clear();
    memory.source.texts.set('docs/c', 'Bay nine');
    memory.source.roots = [DOCS, { ...DOCS, target: '/docs/in', uri: 'file:///docs/in', state: 'incomplete' }];
    await memory.sync();
    expect(await memory.current()).toEqual(['file:///docs/c', 'file:///docs/in/b']);
  });

  test('when the listing fails', async () => {
    const memory = await openSynced(TWO);
    memory.source.texts.delete('docs/a');
    memory.source.list = async function* () {
      yield* [];
      throw new Error('the disk is gone');
    };
    await expect(memory.sync()).rejects.toThrow('the disk is gone');
    expect(await memory.current()).toHaveLength(2);
  });
});

test('an empty root that may be empty is no problem, and all is deleted', async () => {
  const memory = await openSynced(TWO);
  memory.source.texts.clear();
  memory.source.roots = [{ ...DOCS, state: 'empty' }];
  expect((await memory.sync(true)).exitStatus).toBe(0);
  expect(await memory.current()).toEqual([]);
});

test('what another run has changed meanwhile is looked at again and stays when it is back', async () => {
  const memory = await openSynced(TWO);
  memory.source.texts.delete('docs/a');
  let hasCome = false;
  const pivot = memory.stores.records.pivot.bind(memory.stores.records);
  memory.stores.records.pivot = async (request, signal) => {
    if (!hasCome) {
      hasCome = true;
      memory.source.texts.set('docs/a', 'ACME is back');
      await memory.run(null);
    }
    return pivot(request, signal);
  };
  await memory.sync();
  expect(await memory.current()).toEqual(['file:///docs/a', 'file:///docs/b']);
});

test('a document that goes by the id of a listed one is not deleted', async () => {
  const memory = await openSynced({ 'docs/a': 'ACME ships' });
  const id = documentIdOf('fake', 'docs/a', 'default');
  const [before] = await memory.stores.records.currentVersions(null, 1, never);
  expect(before!.documentId).toBe(id);
  memory.source.texts.delete('docs/a');
  memory.source.texts.set('docs/moved', 'ACME ships');
  const list = memory.source.list.bind(memory.source);
  // The same thing in its source, now at another place.
  memory.source.list = async function* (...args: Parameters<typeof list>) {
    for await (const item of list(...args)) yield { ...item, id: item.id === 'docs/moved' ? 'docs/a' : item.id };
  };
  await memory.sync();
  expect(memory.outcomes().filter((outcome) => outcome.startsWith('deleted'))).toEqual([]);
});
