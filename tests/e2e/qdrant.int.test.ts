import { randomUUID } from 'node:crypto';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { openCase } from '../helpers/case.ts';
import { QDRANT_KEY, qdrantClient } from '../helpers/qdrant.ts';
import { openQdrantStandIn } from '../servers/qdrant/stand-in.ts';

/** Goal: what is wrong in a Qdrant, or with it, is told and healed. Method: the built program over one that others change, or that fails. */

const url = inject('servers').qdrant!;
const FILES = { 'a.md': '# Alpha\n\nThe alpha gate is open.\n', 'b.txt': 'Bay nine is free.\n' };
const client = qdrantClient();

/** A memory whose vectors lie in a collection of its own. */
async function openMemory() {
  const prefix = `apex-e2e-${randomUUID().slice(0, 8)}`;
  const key = QDRANT_KEY === null ? {} : { QDRANT_API_KEY: QDRANT_KEY };
  const memory = openCase(FILES, { QDRANT_URL: url, APEX_QDRANT_COLLECTION: prefix, ...key });
  expect((await memory.ingest()).summary).toMatchObject({ added: 2, exit_status: 0 });
  const { collections } = await client.getCollections();
  const { name } = collections.find((one) => one.name.startsWith(prefix))!;
  onTestFinished(async () => {
    await client.deleteCollection(name);
  });
  return { ...memory, name };
}

const all = { must_not: [{ key: 'memory', match: { value: 'nobody' } }] };

/** One point with all that it holds. */
async function pointIn(name: string) {
  const { points } = await client.scroll(name, { limit: 1, with_payload: true, with_vector: true });
  const { id, payload, vector } = points[0]!;
  return { id, payload: payload!, vector: vector as number[] };
}

const DRIFT: readonly [string, (name: string) => Promise<unknown>][] = [
  ['a lost point', async (name) => client.delete(name, { points: [(await pointIn(name)).id] })],
  ['all points lost', (name) => client.delete(name, { filter: all })],
  [
    'another vector',
    async (name) =>
      client.updateVectors(name, {
        points: [
          {
            id: (await pointIn(name)).id,
            vector: Array.from({ length: (await pointIn(name)).vector.length }, (_, index) => index),
          },
        ],
      }),
  ],
  [
    'another text',
    async (name) => client.setPayload(name, { payload: { content: 'x' }, points: [(await pointIn(name)).id] }),
  ],
  [
    'points that search does not find',
    (name) => client.setPayload(name, { payload: { live: false }, key: 'metadata', filter: all }),
  ],
  [
    'a point of a version that is no more',
    async (name) => {
      const { payload, vector } = await pointIn(name);
      return client.upsert(name, {
        points: [{ id: randomUUID(), vector, payload: { ...payload, document_version: '99:gone' } }],
      });
    },
  ],
  [
    'a point of no version',
    async (name) => client.deletePayload(name, { keys: ['document_version'], points: [(await pointIn(name)).id] }),
  ],
  [
    'a point whose version cannot be read',
    async (name) => client.setPayload(name, { payload: { document_version: '1' }, points: [(await pointIn(name)).id] }),
  ],
];

describe('what somebody changed in Qdrant', () => {
  test.each(DRIFT)('%s: found, and healed', async (_, change) => {
    const memory = await openMemory();
    expect(await memory.verify()).toBe(0);
    await change(memory.name);
    expect(await memory.verify()).toBe(5);
    expect((await memory.run('verify', '--repair')).exitCode).toBe(0);
    expect(await memory.verify()).toBe(0);
    expect((await memory.run('search', 'is the gate open?', '--mode', 'vector')).lines).toHaveLength(2);
  });

  test('the collection: the next ingest writes everything again', async () => {
    const memory = await openMemory();
    await client.deleteCollection(memory.name);
    expect((await memory.ingest()).summary).toMatchObject({ updated: 2, embedding_calls: 0, exit_status: 0 });
    expect(await memory.verify()).toBe(0);
  });
});

const KEY = 'key-that-nobody-may-see';

describe('a Qdrant', () => {
  const open = async () => {
    const standIn = await openQdrantStandIn({ apiKey: KEY });
    onTestFinished(() => standIn.stop());
    return { standIn, memory: openCase(FILES, { QDRANT_URL: standIn.url, QDRANT_API_KEY: KEY }) };
  };

  test.each([
    ['a wrong key', { QDRANT_API_KEY: 'another-key' }, 78, 'QDRANT_API_KEY'],
    ['no key', { QDRANT_API_KEY: '' }, 78, 'QDRANT_API_KEY'],
    ['a prefix that is none', { APEX_QDRANT_COLLECTION: 'a/b' }, 78, 'a/b'],
  ])('with %s ends the command, says why, and shows no key', async (_, env, exitCode, words) => {
    const { memory } = await open();
    const ended = await memory.runWith(env, 'ingest', memory.documents);
    expect(ended.exitCode).toBe(exitCode);
    const said = JSON.stringify([ended.stderr, ended.lines]);
    expect(said).toContain(words);
    for (const key of [KEY, 'another-key']) expect(said).not.toContain(key);
  });

  test('whose disk is full ends the command with 75, and the same command does it later', async () => {
    const { standIn, memory } = await open();
    expect((await memory.ingest()).summary).toMatchObject({ added: 2 });
    memory.write('c.txt', 'Dock four is closed.\n');
    const error = 'Service internal error: No space left on device: WAL buffer size exceeds available disk space';
    standIn.misbehave = ({ method, path }) =>
      method === 'PUT' && path.includes('/points') ? { answer: { status: 500, body: { status: { error } } } } : null;
    expect((await memory.run('ingest', memory.documents)).exitCode).toBe(75);
    standIn.misbehave = () => null;
    expect((await memory.ingest()).summary).toMatchObject({ added: 1, unchanged: 2, exit_status: 0 });
    expect(await memory.verify()).toBe(0);
  });
});
