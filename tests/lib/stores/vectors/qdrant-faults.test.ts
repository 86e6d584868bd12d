import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isApexError } from '../../../../lib/contracts/errors.ts';
import {
  openQdrantVectors,
  type QdrantSettings,
  type QdrantVectorStore,
} from '../../../../lib/stores/vectors/qdrant.ts';
import { QdrantConnection, type QdrantLimits } from '../../../../lib/stores/vectors/qdrant-connection.ts';
import { failureOf, QDRANT_ERRORS, rowOf, storeErrorOf } from '../../../../lib/stores/vectors/qdrant-errors.ts';
import {
  collect,
  DIMENSIONS,
  expectedTexts,
  never,
  recordOf,
  ref,
  rowTexts,
  versionOf,
} from '../../../helpers/records.ts';
import {
  type Misbehaviour,
  openQdrantStandIn,
  type QdrantStandIn,
  type Seen,
} from '../../../servers/qdrant/stand-in.ts';

/**
 * Goal: whatever the server does wrong has the meaning that it has, and no change is made twice or taken for made. Method: a stand-in
 * that is told to misbehave, and the requests that it has seen.
 */

const KEY = 'key-that-nobody-may-see';
/** Short where a test waits for them, long where it must not. */
const LIMITS: QdrantLimits = { requestMs: 10_000, throttleMs: [1, 1], settleMs: 10_000, doubtMs: 300 };
const LATE: Partial<QdrantLimits> = { requestMs: 1_500, doubtMs: 5_000 };

let standIn: QdrantStandIn;
beforeEach(async () => {
  standIn = await openQdrantStandIn({ apiKey: KEY });
});
afterEach(() => standIn.stop());

const settings = (changes: Partial<QdrantSettings> = {}): QdrantSettings => ({
  ...{ url: standIn.url, apiKey: KEY, collection: 'apex', memoryId: 'memory-1', limits: LIMITS },
  ...{ embedder: { model: 'test', dimensions: DIMENSIONS }, ...changes },
});
const open = (limits: Partial<QdrantLimits> = {}) =>
  openQdrantVectors(settings({ limits: { ...LIMITS, ...limits } }), never);
const refusal = (error: string) => ({ status: { error }, time: 0.001 });
const failureIn = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error,
  );

/** What a call fails of when the server does this, and in which row of the table. */
async function failed(wrong: Misbehaviour | null, url = standIn.url, requestMs = LIMITS.requestMs) {
  standIn.misbehave = () => wrong;
  const connection = new QdrantConnection({ url, apiKey: KEY }, { ...LIMITS, requestMs });
  return failureIn(connection.ask('countPoints', { collection_name: 'x' }, never));
}

const answer = (status: number, body: unknown, headers = {}): Misbehaviour => ({ answer: { status, headers, body } });
const FULL = 'Service internal error: No space left on device: WAL buffer size exceeds available disk space';

interface Expected {
  readonly situation: string;
  readonly code: string;
  readonly retryable: boolean;
  readonly isUnknown: boolean;
}

const final = (situation: string, code: string): Expected => ({ situation, code, retryable: false, isUnknown: false });
const later = (situation: string, isUnknown: boolean, code = 'APEX_STORE'): Expected => ({
  situation,
  code,
  retryable: true,
  isUnknown,
});

type Fault = [name: string, wrong: Misbehaviour | null, expected: Expected];

const FAULTS: readonly Fault[] = [
  ['301', answer(301, '', { location: 'http://127.0.0.1:1/' }), final('redirected', 'APEX_CONFIG')],
  ['307', answer(307, '', { location: 'http://127.0.0.1:1/' }), final('redirected', 'APEX_CONFIG')],
  [
    '400, too large',
    answer(400, refusal('JSON payload (34603080 bytes) is larger than allowed (limit: 33554432 bytes).')),
    final('body too large', 'STORE_REFUSED'),
  ],
  [
    '400, dimension',
    answer(400, refusal('Wrong input: Vector dimension error: expected dim: 4, got 3')),
    final('other dimension', 'EMBEDDER_MISMATCH'),
  ],
  [
    '400, vector name',
    answer(400, refusal('Wrong input: Not existing vector name error: dense')),
    final('other dimension', 'EMBEDDER_MISMATCH'),
  ],
  [
    '400, format',
    answer(400, refusal('Format error in JSON body: EOF while parsing a list at line 1 column 12')),
    final('bad request', 'STORE_REFUSED'),
  ],
  [
    '422',
    answer(422, refusal('Validation error in JSON body: [limit: value 0 invalid]')),
    final('bad request', 'STORE_REFUSED'),
  ],
  ['401', answer(401, 'Invalid API key or JWT'), final('wrong or no key', 'APEX_CONFIG')],
  ['403', answer(403, refusal('Forbidden: Global manage access is required')), final('forbidden', 'APEX_CONFIG')],
  ['404', null, final('collection gone', 'APEX_STORE')],
  ['408', answer(408, refusal('Timeout')), later('request timed out in the server', true)],
  ['409', answer(409, refusal('Conflict')), later('conflict', false)],
  ['429', answer(429, refusal('Rate limiting exceeded')), later('too many requests', false)],
  [
    '429 with seconds',
    answer(429, refusal('Rate limiting exceeded'), { 'retry-after': '30' }),
    later('too many requests', false),
  ],
  [
    '429 with a date',
    answer(429, refusal('x'), { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }),
    later('too many requests', false),
  ],
  ['500, disk full', answer(500, refusal(FULL)), later('disk full', false, 'DISK_FULL')],
  ...[500, 501, 502, 503, 504].map(
    (status): Fault => [String(status), answer(status, '<html>'), later('server error', true)],
  ),
  ['a cut before the work', { cut: 'before' }, later('connection cut', true)],
  ['a cut after the work', { cut: 'after' }, later('connection cut', true)],
  ['an answer cut short', { cut: 'within' }, later('connection cut', true)],
  ['418', answer(418, 'teapot'), later('anything else', true)],
];

const told = new Set<string>();

describe('what the server does means what the table says:', () => {
  test.each(FAULTS)('%s', async (_, wrong, { situation, ...expected }) => {
    const error = await failed(wrong);
    expect(error).toMatchObject({
      code: expected.code,
      retryable: expected.retryable,
      details: { operation: 'countPoints', isUnknown: expected.isUnknown },
    });
    const row = QDRANT_ERRORS.find((one) => one.situation === situation)!;
    expect((error as Error).message).toContain(row.problem);
    expect((error as Error).message).toContain(`Qdrant at ${new URL(standIn.url).host}`);
    expect((error as Error).cause).toBeUndefined();
    told.add(situation);
  });

  test('nobody there, and an unknown host', async () => {
    const gone = await openQdrantStandIn();
    await gone.stop();
    for (const url of [gone.url, 'http://nowhere.invalid:6333'])
      expect(await failed(null, url)).toMatchObject({
        code: 'APEX_STORE',
        retryable: true,
        details: { isUnknown: false },
      });
    told.add('refused, unknown or unreachable');
  });

  test('silence', async () => {
    const error = await failed({ latencyMs: 1_000 }, standIn.url, 200);
    expect(error).toMatchObject({ code: 'APEX_STORE', retryable: true, details: { isUnknown: true } });
    expect((error as Error).message).toContain('does not answer in time');
    told.add('timed out');
  });

  test('TLS where there is none', async () => {
    const error = await failed(null, standIn.url.replace('http:', 'https:'));
    expect(error).toMatchObject({ code: 'APEX_CONFIG', retryable: false });
    told.add('protocol of TLS');
  });

  test('a port that is refused here', async () => {
    expect(await failed(null, 'http://127.0.0.1:1')).toMatchObject({ code: 'APEX_CONFIG', retryable: false });
    told.add('port that is refused here');
  });

  test.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate'],
    ['CERT_HAS_EXPIRED', 'certificate'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'certificate'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate of another host'],
  ])('a certificate that is refused: %s', (code, situation) => {
    const failure = failureOf(Object.assign(new TypeError('fetch failed'), { cause: { code } }));
    expect(rowOf(failure)).toMatchObject({ situation, code: 'APEX_CONFIG', retryable: false, isUnknown: false });
    told.add(situation);
  });

  test('every row is met', () => {
    expect(QDRANT_ERRORS.map(({ situation }) => situation).filter((situation) => !told.has(situation))).toEqual([]);
  });

  test('the timeout of the client’s own is one', () => {
    const failure = failureOf(
      Object.assign(new Error('This operation was aborted'), { name: 'QdrantClientTimeoutError' }),
    );
    expect(rowOf(failure).situation).toBe('timed out');
  });

  test('what an answer that is no JSON holds is not told', () => {
    const failure = failureOf(new SyntaxError('Unexpected token s, "secret" is not valid JSON'));
    expect(storeErrorOf(failure, { place: 'x', operation: 'y' }).message).not.toContain('secret');
  });

  test('what answers is no Qdrant', async () => {
    expect(await failed(answer(200, '<html>hello</html>'))).toMatchObject({ code: 'APEX_CONFIG' });
  });
});

describe('the API key', () => {
  test('goes to no other place, whatever the server points at', async () => {
    const other = await openQdrantStandIn();
    try {
      for (const status of [301, 302, 307, 308])
        expect(await failed(answer(status, '', { location: `${other.url}/collections` }))).toMatchObject({
          code: 'APEX_CONFIG',
        });
      expect(other.seen).toEqual([]);
    } finally {
      await other.stop();
    }
  });

  test('is in no error, and nothing is printed of it', async () => {
    const printed = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const errors = [
      await failed(answer(401, 'Invalid API key or JWT')),
      await failed(answer(500, refusal('x'))),
      await failed(null, 'http://127.0.0.1:1'),
      await failed({ cut: 'after' }),
    ];
    for (const error of errors) {
      const { message, stack, cause, ...rest } = error as Error;
      expect(JSON.stringify([message, stack, cause, rest, { ...(error as object) }])).not.toContain(KEY);
    }
    expect(printed).not.toHaveBeenCalled();
    printed.mockRestore();
  });

  test('that is wrong, or missing, is told as a setting', async () => {
    for (const apiKey of ['another', null]) {
      const error = await failureIn(openQdrantVectors(settings({ apiKey }), never));
      expect(error).toMatchObject({
        code: 'APEX_CONFIG',
        retryable: false,
        message: expect.stringContaining('QDRANT_API_KEY'),
      });
    }
  });
});

const isUpsert = ({ method, path }: Seen) => method === 'PUT' && /\/points\?/.test(path);
const isUpdate = (seen: Seen) => isUpsert(seen) || /\/points\/(?:payload|delete)\?/.test(seen.path);
const records = [recordOf('a'), recordOf('b')];
const stored = async (store: QdrantVectorStore) =>
  rowTexts(await collect(store.inventory(records.map(versionOf), never)));

describe('a server that asks to slow down', () => {
  test('is asked again until it answers, and the change is made once', async () => {
    const store = await open();
    const answers = ['', '30'].map((after) => answer(429, refusal('x'), after === '' ? {} : { 'retry-after': after }));
    standIn.misbehave = (seen) => (isUpsert(seen) ? (answers.pop() ?? null) : null);
    expect(await store.write(ref('run-1'), records, never)).toBe(4);
    expect(standIn.seen.filter(isUpsert)).toHaveLength(3);
  });

  test('is not asked for ever', async () => {
    const store = await open();
    standIn.misbehave = (seen) => (isUpsert(seen) ? answer(429, refusal('x')) : null);
    expect(await failureIn(store.write(ref('run-1'), records, never))).toMatchObject({
      code: 'APEX_STORE',
      retryable: true,
    });
    expect(standIn.seen.filter(isUpsert)).toHaveLength(LIMITS.throttleMs.length + 1);
  });
});

/** Every call that changes something, on what it changes. */
const CHANGES: readonly [
  string,
  (store: QdrantVectorStore) => Promise<unknown>,
  (store: QdrantVectorStore) => Promise<unknown>,
  unknown,
][] = [
  ['write', async () => {}, (store) => store.write(ref('run-1'), records, never), expectedTexts('vectors', records)],
  [
    'publish',
    (store) => store.write(ref('run-1'), records, never),
    (store) => store.publish(records.map(versionOf), never),
    expectedTexts('vectors', records),
  ],
  ['discard', (store) => store.write(ref('run-1'), records, never), (store) => store.discard(ref('run-1'), never), []],
  [
    'retire',
    (store) => store.write(ref('run-1'), records, never),
    (store) => store.retire(records.map(versionOf), never),
    [],
  ],
];

describe.each(CHANGES)('%s', (name, prepare, change, expected) => {
  let store: QdrantVectorStore;
  beforeEach(async () => {
    store = await open();
    await prepare(store);
  });
  const changes = () => standIn.seen.filter(isUpdate).length;
  const isVisible = async () =>
    (await collect(store.inventory(records.map(versionOf), never))).every(({ isLive }) => isLive);

  test.each(['wait_timeout', 'acknowledged'] as const)(
    'that is answered with %s is waited for and not sent again',
    async (updateState) => {
      const before = changes();
      standIn.misbehave = (seen) => (isUpdate(seen) ? { updateState, latencyMs: 150 } : null);
      await change(store);
      expect(await stored(store)).toEqual(expected);
      if (name === 'publish') expect(await isVisible()).toBe(true);
      expect(changes() - before).toBe(1);
    },
  );

  test('that is taken and never applied fails in the end, to be tried again', async () => {
    const hasty = await open({ settleMs: 300 });
    standIn.misbehave = (seen) => (isUpdate(seen) ? { updateState: 'wait_timeout', latencyMs: 60_000 } : null);
    expect(await failureIn(change(hasty))).toMatchObject({ code: 'APEX_STORE', retryable: true });
  });

  test('whose answer comes too late was made, and that is found out', async () => {
    const hasty = await open(LATE);
    const before = changes();
    standIn.misbehave = (seen) => (isUpdate(seen) ? { latencyMs: 2_500 } : null);
    await change(hasty);
    expect(await stored(store)).toEqual(expected);
    expect(changes() - before).toBe(1);
  });

  test.each([
    ['is cut off', { cut: 'after' }],
    ['is 503', { ...answer(503, refusal('x')), isApplied: true }],
  ] as const)('whose answer %s was made, and that is found out', async (_, wrong) => {
    const before = changes();
    standIn.misbehave = (seen) => (isUpdate(seen) ? wrong : null);
    await change(store);
    standIn.misbehave = () => null;
    expect(await stored(store)).toEqual(expected);
    expect(changes() - before).toBe(1);
  });

  test('that was cut off before it was made is no success, and may be repeated', async () => {
    standIn.misbehave = (seen) => (isUpdate(seen) ? { cut: 'before' } : null);
    expect(await failureIn(change(store))).toMatchObject({
      code: 'APEX_STORE',
      retryable: true,
      details: { isUnknown: true },
    });
    standIn.misbehave = () => null;
    await change(store);
    expect(await stored(store)).toEqual(expected);
  });

  test('on a full disk says so', async () => {
    standIn.misbehave = (seen) => (isUpdate(seen) ? answer(500, refusal(FULL)) : null);
    expect(await failureIn(change(store))).toMatchObject({ code: 'DISK_FULL', retryable: true });
  });

  test('under a signal that fired does nothing', async () => {
    const before = changes();
    const reason = new Error('stopped');
    const stopped = { write: () => store.write(ref('run-1'), records, AbortSignal.abort(reason)) };
    expect(await failureIn(stopped.write())).toBe(reason);
    expect(changes()).toBe(before);
  });
});

test('a signal that fires while an answer is waited for ends the call with its reason', async () => {
  const store = await open();
  standIn.misbehave = () => ({ latencyMs: 300 });
  const stop = new AbortController();
  const counting = failureIn(store.count(ref('run-1'), stop.signal));
  const reason = new Error('stopped');
  stop.abort(reason);
  const error = await counting;
  expect(isApexError(error)).toBe(false);
  expect(error).toBe(reason);
});

test('after a failure no further request of a write is begun', async () => {
  const store = await open();
  const texts = Array.from({ length: 2_000 }, (_, index) => `text ${index}`);
  standIn.misbehave = (seen) => (isUpsert(seen) ? answer(400, refusal('x')) : null);
  expect(await failureIn(store.write(ref('run-1'), [recordOf('a', { texts })], never))).toMatchObject({
    code: 'STORE_REFUSED',
  });
  expect(standIn.seen.filter(isUpsert)).toHaveLength(2);
});
