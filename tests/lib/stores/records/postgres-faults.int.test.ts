import { describe, expect, inject, test } from 'vitest';
import type { RecordsStore, VersionRecord } from '../../../../lib/contracts/store.ts';
import { openRecords, postgresSettings } from '../../../helpers/postgres.ts';
import { type Fault, startProxy } from '../../../helpers/proxy.ts';
import { never, pivotOf, recordOf, ref, versionOf } from '../../../helpers/records.ts';

/** Goal: whatever is lost between apex and PostgreSQL, a batch is current or not, and apex knows which. Method: a proxy that loses it. */

const { postgres: url } = inject('servers');

/** Limits that let a silence be over soon. */
const SHORT = { connectMs: 1_000, statementMs: 3_000, lockMs: 1_000, idleMs: 800, answerMs: 1_500 };

const isCommit = (request: Buffer) => request.includes('COMMIT\0');

/** A batch that is written and not committed, over a connection that can be disturbed, and one that cannot. */
async function written() {
  const settings = postgresSettings({ limits: SHORT });
  const direct = await openRecords(settings);
  const proxy = await startProxy(settings.url);
  const disturbed = await openRecords({ ...settings, url: proxy.url });
  const { fence } = await direct.openRun({ runId: 'run-1', journalId: 'journal' }, never);
  const record = recordOf('a', { version: (await direct.allocate([{ documentId: 'a', uuid: 'u' }], never))[0]! });
  await direct.write(ref('run-1'), [record], never);
  const pivot = (store: RecordsStore) => store.pivot(pivotOf({ ref: ref('run-1'), fence }, [record]), never);
  return { direct, disturbed, proxy, record, pivot };
}

const committed = (record: VersionRecord) => ({
  committed: [versionOf(record)],
  retiring: [],
  lost: [],
  deleted: [],
  extended: [],
});

describe.skipIf(url === null)('a commit whose answer is lost', () => {
  test.each<Pick<Extract<Fault, { kind: 'cut-request' }>, 'by' | 'answerBytes'>>([
    { by: 'reset' },
    { by: 'end' },
    { by: 'silent' },
    { by: 'reset', answerBytes: 3 },
    { by: 'end', answerBytes: 9 },
  ])('had happened, and the pivot says so: %o', async (cut) => {
    const { direct, disturbed, proxy, record, pivot } = await written();
    proxy.set({ kind: 'cut-request', matches: isCommit, arrives: true, ...cut });
    expect(await pivot(disturbed)).toEqual(committed(record));
    expect(proxy.cuts).toBe(1);
    expect((await direct.current(['a'], never)).get('a')?.version).toBe(record.version);
    expect(await pivot(disturbed)).toEqual(committed(record));
  });

  test.each(['reset', 'end', 'silent'] as const)('had not happened, and the pivot may be repeated: %s', async (by) => {
    const { direct, disturbed, proxy, record, pivot } = await written();
    proxy.set({ kind: 'cut-request', matches: isCommit, arrives: false, by });
    await expect(pivot(disturbed)).rejects.toMatchObject({ code: 'APEX_STORE', retryable: true });
    expect(proxy.cuts).toBe(1);
    expect((await direct.current(['a'], never)).get('a')?.version).toBeNull();
    expect(await direct.pivotOutcome(ref('run-1'), never)).toBeNull();
    expect(await pivot(disturbed)).toEqual(committed(record));
  });

  test('comes to the server late: the pivot waits for it and says that it happened', async () => {
    const { disturbed, proxy, record, pivot } = await written();
    proxy.set({ kind: 'cut-request', matches: isCommit, arrives: 'late', by: 'reset' });
    expect(await pivot(disturbed)).toEqual(committed(record));
  });

  test('comes to the server late: neither a discard nor a repeated write takes away what it makes visible', async () => {
    const { direct, disturbed, proxy, record, pivot } = await written();
    proxy.set({ kind: 'cut-request', matches: isCommit, arrives: 'late', by: 'reset' });
    const pivoted = pivot(disturbed);
    await expect.poll(() => proxy.cuts, { interval: 5 }).toBe(1);
    await Promise.all([
      direct.discard(ref('run-1'), never),
      direct.write(ref('run-1'), [record], never),
      direct.pivotOutcome(ref('run-1'), never).then((outcome) => expect(outcome).toEqual(committed(record))),
    ]);
    expect(await pivoted).toEqual(committed(record));
    expect(await direct.count(ref('run-1'), never)).toBe(record.inventory.records.length);
    expect((await direct.document('a', never))?.version).toBe(record.version);
  });
});

describe.skipIf(url === null)('a connection that', () => {
  const failing = (store: RecordsStore) =>
    store.current(['a'], never).then(
      () => null,
      (error: Error) => error,
    );

  test.each<[string, Fault]>([
    ['is cut', { kind: 'down' }],
    ['has gone silent', { kind: 'half-open' }],
    ['loses every request', { kind: 'cut-request', matches: () => true, arrives: false, by: 'reset' }],
    ['loses an answer', { kind: 'cut-request', matches: () => true, arrives: true, by: 'end', answerBytes: 7 }],
  ])('%s fails in time and may be asked again', async (_, fault) => {
    const { disturbed, proxy } = await written();
    await disturbed.current(['a'], never);
    proxy.set(fault);
    expect(await failing(disturbed)).toMatchObject({ code: 'APEX_STORE', retryable: true });
    proxy.set(null);
    await expect.poll(() => failing(disturbed)).toBeNull();
  });

  test.each(['BEGIN', 'INSERT INTO', 'SET last_lsn'])(
    'is lost in a write, at %s, leaves all of it or nothing, and the write may be repeated',
    async (part) => {
      const { direct, disturbed, proxy, record } = await written();
      const other = recordOf('b', { texts: ['one', 'two'] });
      for (const arrives of [false, true]) {
        proxy.set({ kind: 'cut-request', matches: (request) => request.includes(part), arrives, by: 'reset' });
        await expect(disturbed.write(ref('run-1', 1), [other], never)).rejects.toMatchObject({ retryable: true });
        expect(proxy.cuts).toBe(arrives ? 2 : 1);
        expect(await direct.count(ref('run-1', 1), never)).toBe(0);
      }
      const items = other.inventory.records.length;
      expect(await disturbed.write(ref('run-1', 1), [other], never)).toBe(items);
      expect(await direct.count(ref('run-1'), never)).toBe(record.inventory.records.length);
      expect(await direct.strays(never)).toEqual([]);
    },
  );

  test('is lost while a batch is announced leaves it so or not, and it may be announced again', async () => {
    const { direct, disturbed, proxy } = await written();
    const others = await direct.unsettled(never);
    const announced = () => disturbed.announce(ref('run-1', 1), 5, recordOf('b'), never);
    for (const arrives of [false, true]) {
      proxy.set({ kind: 'cut-request', matches: (request) => request.includes('SET last_lsn'), arrives, by: 'reset' });
      await expect(announced()).rejects.toMatchObject({ retryable: true });
      expect(await direct.unsettled(never)).toEqual(others);
    }
    await announced();
    expect(await direct.unsettled(never)).toContainEqual(ref('run-1', 1));
    expect(await direct.strays(never)).toEqual([]);
  });

  test('is slow serves', async () => {
    const { disturbed, proxy, record, pivot } = await written();
    proxy.set({ kind: 'latency', ms: 20 });
    expect(await pivot(disturbed)).toEqual(committed(record));
  });
});
