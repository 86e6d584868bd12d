import { execFileSync } from 'node:child_process';
import { appendFileSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { Postgres } from '../../../../lib/stores/records/postgres-connection.ts';
import { openRecords, postgresSettings } from '../../../helpers/postgres.ts';
import { startProxy } from '../../../helpers/proxy.ts';
import { never, pivotOf, recordOf, ref } from '../../../helpers/records.ts';
import { postgres } from '../../../servers/postgres.ts';
import { type ServerProgram, startServer } from '../../../servers/start.ts';

const { postgres: url } = inject('servers');

function open(limits = {}): Postgres {
  const db = new Postgres(url!, limits);
  onTestFinished(() => db.close());
  return db;
}

describe.skipIf(url === null)('a transaction', () => {
  const options = { operation: 'test', signal: never };

  test('in which a statement failed is never taken for committed', async () => {
    const swallowed = open().transaction(options, async (transaction) => {
      await transaction.run('SELECT 1 / 0').catch(() => {});
      return 'done';
    });
    await expect(swallowed).rejects.toMatchObject({
      code: 'APEX_STORE',
      retryable: true,
      details: { reason: 'ROLLBACK' },
    });
  });

  test('whose work fails is taken back, and its connection serves on', async () => {
    const db = open();
    for (let attempt = 0; attempt < 10; attempt += 1)
      await expect(
        db.transaction(options, async () => {
          throw new RangeError('a bug');
        }),
      ).rejects.toThrow(RangeError);
    expect(await db.all('test', 'SELECT 1 AS one', [], never)).toEqual([{ one: 1 }]);
  });

  test('that waits for a lock, or runs, too long says so and may be repeated', async () => {
    const db = open({ lockMs: 50, statementMs: 100 });
    const lock = (id: number) => `SELECT pg_advisory_xact_lock(${id})`;
    await db.transaction(options, async (holder) => {
      await holder.run(lock(4_711));
      const waiting = db.transaction(options, (transaction) => transaction.run(lock(4_711)));
      await expect(waiting).rejects.toMatchObject({ retryable: true, details: { reason: '55P03' } });
    });
    const slow = db.transaction(options, (transaction) => transaction.run('SELECT pg_sleep(5)'));
    await expect(slow).rejects.toMatchObject({ retryable: true, details: { reason: '57014' } });
  });

  test('that falls silent is given up by the server, and the next statement says so', async () => {
    const db = open({ idleMs: 50 });
    const silent = db.transaction(options, async (transaction) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return transaction.run('SELECT 1');
    });
    await expect(silent).rejects.toMatchObject({ code: 'APEX_STORE', retryable: true });
    expect(await db.all('test', 'SELECT 1 AS one', [], never)).toEqual([{ one: 1 }]);
  });

  test('leaves no setting behind', async () => {
    const db = open({ statementMs: 1_234 });
    const setting = "SELECT current_setting('statement_timeout') AS value";
    const inside = await db.transaction(options, (transaction) => transaction.all(setting));
    expect([inside, await db.all('test', setting, [], never)]).toEqual([[{ value: '1234ms' }], [{ value: '0' }]]);
  });
});

describe.skipIf(url === null)('the records in postgres', () => {
  test('stop at the signal, and nothing of the write is left', async () => {
    const settings = postgresSettings();
    const store = await openRecords(settings);
    const proxy = await startProxy(settings.url);
    const slow = await openRecords({ ...settings, url: proxy.url });
    const stop = new AbortController();
    proxy.set({ kind: 'latency', ms: 30 });
    const writing = slow.write(ref('run-1'), [recordOf('a')], stop.signal);
    setTimeout(() => stop.abort(new Error('stopped')), 100);
    await expect(writing).rejects.toThrow('stopped');
    expect(await store.count(ref('run-1'), never)).toBe(0);
    await expect(store.current(['a'], AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
  });

  test('are asked as often for many documents as for one', async () => {
    const settings = postgresSettings();
    const proxy = await startProxy(settings.url);
    const store = await openRecords({ ...settings, url: proxy.url });
    const { fence } = await store.openRun({ runId: 'run-1', journalId: 'journal' }, never);
    const asked = async (batchNo: number, count: number) => {
      const before = proxy.requests;
      const records = Array.from({ length: count }, (_, index) =>
        recordOf(`${batchNo}-${index}`, { organizations: ['a', 'b'] }),
      );
      await store.allocate(records, never);
      await store.write(ref('run-1', batchNo), records, never);
      const { committed } = await store.pivot(pivotOf({ ref: ref('run-1', batchNo), fence }, records), never);
      await store.current(
        records.map(({ documentId }) => documentId),
        never,
      );
      await store.retire(committed, never);
      return proxy.requests - before;
    };
    await asked(0, 1);
    const one = await asked(1, 1);
    // Long messages come in several pieces.
    expect(await asked(2, 200)).toBeLessThan(one + 40);
  });
});

/** A PostgreSQL that speaks TLS, with a certificate that nobody has signed. */
function withTls(): ServerProgram {
  const program = postgres();
  return {
    ...program,
    prepare: async (folder) => {
      await program.prepare?.(folder);
      const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
      execFileSync(
        'openssl',
        [
          ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
          ...[
            '-subj',
            '/CN=localhost',
            '-addext',
            'subjectAltName=DNS:localhost,IP:127.0.0.1',
            '-keyout',
            key,
            '-out',
            certificate,
          ],
        ],
        { stdio: 'pipe' },
      );
      if (program.uid !== null) chownSync(key, program.uid, -1);
      const lines = ['', 'ssl = on', `ssl_key_file = '${key}'`, `ssl_cert_file = '${certificate}'`, ''];
      appendFileSync(join(folder, 'data', 'postgresql.conf'), lines.join('\n'));
    },
  };
}

describe.skipIf(url === null)('a postgres that speaks TLS', () => {
  test('is refused while its certificate is not trusted, and serves when it is', async () => {
    const server = await startServer(withTls());
    onTestFinished(server.stop);
    const settings = postgresSettings();
    await expect(openRecords({ ...settings, url: `${server.url}?sslmode=verify-full` })).rejects.toMatchObject({
      code: 'APEX_CONFIG',
      message: expect.stringContaining('sslrootcert'),
    });
    const trusted = `${server.url}?sslmode=verify-full&sslrootcert=${join(server.folder, 'certificate.pem')}`;
    const store = await openRecords({ ...settings, url: trusted });
    expect(await store.unsettled(never)).toEqual([]);
  });
});
