import { randomUUID } from 'node:crypto';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { inventoryOf } from '../../../../lib/contracts/identity.ts';
import { openPostgresRecords } from '../../../../lib/stores/records/postgres.ts';
import { POSTGRES_FORMAT } from '../../../../lib/stores/records/postgres-schema.ts';
import { openRecords, postgresSettings, withClient } from '../../../helpers/postgres.ts';
import { startProxy } from '../../../helpers/proxy.ts';
import {
  collect,
  expectedTexts,
  never,
  pivotOf,
  recordOf,
  ref,
  rowTexts,
  versionOf,
} from '../../../helpers/records.ts';

/** Goal: whoever opens a memory gets that one, whole, or is told why not. Method: schemas of a real server, right and wrong. */

const { postgres: url } = inject('servers');
const { number: NEWEST } = POSTGRES_FORMAT;

const failed = (settings: Parameters<typeof openPostgresRecords>[0]) =>
  openPostgresRecords(settings).then(
    async (store) => {
      await store.close();
      return null;
    },
    (error: Error) => error,
  );

/** A role of the tests' own, with a password, that may do nothing but connect. */
async function roleUrl(): Promise<string> {
  const role = `role_${randomUUID().replaceAll('-', '')}`;
  await withClient((client) => client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'a-right-one'`));
  onTestFinished(async () => {
    await withClient((client) => client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`));
  });
  const own = new URL(url!);
  own.username = role;
  own.password = 'a-right-one';
  return own.href;
}

describe.skipIf(url === null)('a memory in postgres', () => {
  test('keeps its identity, and those who make it at once open one and the same', async () => {
    const settings = postgresSettings();
    const opened = await Promise.all(Array.from({ length: 4 }, () => openRecords(settings)));
    const later = await openRecords(settings);
    expect(new Set([...opened, later].map(({ memoryId }) => memoryId)).size).toBe(1);
    expect(later.identity).toBe(`postgres:${later.memoryId}`);
  });

  test('does not see, list or remove what another on the same server holds', async () => {
    const [one, other] = [await openRecords(), await openRecords()];
    const record = recordOf('a');
    for (const store of [one, other]) {
      const { fence } = await store.openRun({ runId: 'run-1', journalId: 'journal' }, never);
      await store.write(ref('run-1'), [record], never);
      if (store === one) await store.pivot(pivotOf({ ref: ref('run-1'), fence }, [record]), never);
    }
    expect(await one.unsettled(never)).toEqual([ref('run-1')]);
    await other.discard(ref('run-1'), never);
    expect(await collect(other.versions(never))).toEqual([]);
    expect(await collect(one.versions(never))).toEqual([{ ...versionOf(record), ...ref('run-1') }]);
    expect((await one.document('a', never))?.version).toBe(1);
    expect(await other.searchText([{ text: 'steel', isBeginning: false, weight: 1 }], 9, null, never)).toEqual([]);
  });

  test('lists what is left of a version without its own row, each once', async () => {
    const settings = postgresSettings();
    const store = await openRecords(settings);
    const records = [recordOf('a', { organizations: ['acme', 'globex'] }), recordOf('b')];
    await store.write(ref('run-1', 3), records, never);
    await withClient((client) => client.query(`DELETE FROM ${settings.schema}.version WHERE document_id = 'a'`));
    const left = { ...versionOf(records[0]!), ...ref('run-1', 3) };
    expect(await collect(store.versions(never))).toEqual([{ ...left, documentId: 'b' }, left]);
    expect(await store.retire([left], never)).toEqual([3]);
    expect(await collect(store.versions(never))).toEqual([{ ...left, documentId: 'b' }]);
  });

  test.each([
    { model: 'other', dimensions: 4 },
    { model: 'test', dimensions: 8 },
  ])('of another embedder is refused: %o', async (embedder) => {
    const settings = postgresSettings();
    await openRecords(settings);
    expect(await failed({ ...settings, embedder })).toMatchObject({ code: 'EMBEDDER_MISMATCH' });
  });

  test('of a newer format is refused and left as it is', async () => {
    const settings = postgresSettings();
    await openRecords(settings);
    await withClient((client) =>
      client.query(`UPDATE ${settings.schema}.memory SET value = '99' WHERE name = 'format'`),
    );
    expect(await failed(settings)).toMatchObject({ code: 'NEWER_FORMAT', details: { format: 99 } });
  });

  /** Two formats after this apex's; the first step of each would fail the second time. */
  const later = (more: readonly string[] = []) => ({
    number: NEWEST + 2,
    migrations: {
      [NEWEST + 1]: ['ALTER TABLE @document ADD COLUMN note text', "UPDATE @document SET note = 'of the next format'"],
      [NEWEST + 2]: ['ALTER TABLE @document RENAME COLUMN note TO remark', ...more],
    },
  });
  const tablesOf = async ({ schema }: { readonly schema: string }) => {
    const sql = `SELECT (SELECT value FROM ${schema}.memory WHERE name = 'format') AS format, to_jsonb(d) AS document FROM ${schema}.document d`;
    return (await withClient((client) => client.query(sql))).rows;
  };

  test('of older formats is brought to the one that is asked for, format by format, once, however many come', async () => {
    const settings = postgresSettings();
    const store = await openRecords(settings);
    await store.allocate([{ documentId: 'a', uuid: 'a' }], never);
    const opened = await Promise.all([1, 2, 3, 4].map(() => openRecords({ ...settings, format: later() })));
    expect(new Set([store, ...opened].map(({ identity }) => identity)).size).toBe(1);
    const document = {
      document_id: 'a',
      uuid: 'a',
      last_version: 1,
      current_version: null,
      is_gone: false,
      remark: 'of the next format',
    };
    expect(await tablesOf(settings)).toEqual([{ format: String(NEWEST + 2), document }]);
    expect(await failed(settings)).toMatchObject({ code: 'NEWER_FORMAT', details: { format: NEWEST + 2 } });
  });

  test('that cannot be brought to a newer format stays of the old one, and is used as before', async () => {
    const settings = postgresSettings();
    const store = await openRecords(settings);
    await store.allocate([{ documentId: 'a', uuid: 'a' }], never);
    const before = await tablesOf(settings);
    expect(await failed({ ...settings, format: later(['UPDATE @document SET last_version = NULL']) })).toMatchObject({
      code: 'STORE_REFUSED',
    });
    expect(await tablesOf(settings)).toEqual(before);
    expect(await failed(settings)).toBeNull();
  });

  test('of format 1 is brought to this one, and what it holds is found', async () => {
    const settings = postgresSettings();
    const { schema } = settings;
    const store = await openRecords(settings);
    await store.allocate([{ documentId: 'a', uuid: 'a' }], never);
    await withClient((client) =>
      client.query(`ALTER TABLE ${schema}.version DROP COLUMN source_version; ALTER TABLE ${schema}.document DROP COLUMN is_gone;
        ALTER TABLE ${schema}.fact DROP COLUMN stated_until, DROP COLUMN detail; ALTER TABLE ${schema}.quarantine DROP COLUMN source_version;
        DROP TABLE ${['place', 'reading', 'series', 'pivot_series', 'stream_cursor', 'rejected'].map((name) => `${schema}.${name}`).join(', ')};
        UPDATE ${schema}.memory SET value = '1' WHERE name = 'format'`),
    );
    const opened = await openRecords(settings);
    expect((await opened.current(['a'], never)).get('a')).toMatchObject({ lastVersion: 1, sourceVersion: null });
    expect((await tablesOf(settings))[0]).toMatchObject({ format: String(NEWEST) });
  });

  test('is made in the newest format at once', async () => {
    const settings = postgresSettings();
    const format = { ...later(), number: NEWEST + 1, migrations: {} };
    const opened = await Promise.all([1, 2].map(() => openRecords({ ...settings, format })));
    expect(new Set(opened.map(({ identity }) => identity)).size).toBe(1);
  });

  test('is not made in a schema whose table of that name is another program’s', async () => {
    const settings = postgresSettings();
    await withClient((client) =>
      client.query(`CREATE SCHEMA ${settings.schema}; CREATE TABLE ${settings.schema}.memory (name text, value text)`),
    );
    expect(await failed(settings)).toMatchObject({ code: 'APEX_CONFIG' });
  });

  test.each(['Apex', 'a b', '', 'a"; DROP SCHEMA public', 'pg_apex', '1a', 'a'.repeat(64)])(
    'is not made in a schema of a name that is not plain: %j',
    async (schema) => {
      expect(await failed({ ...postgresSettings(), schema })).toMatchObject({ code: 'APEX_CONFIG' });
    },
  );

  test('that was not made to the end is not there, and is made anew', async () => {
    const settings = postgresSettings();
    const proxy = await startProxy(settings.url);
    proxy.set({
      ...{ kind: 'cut-request', arrives: true, by: 'reset' },
      matches: (request) => request.includes('CREATE TABLE'),
    });
    expect(await failed({ ...settings, url: proxy.url })).toMatchObject({ retryable: true });
    expect(proxy.cuts).toBe(1);
    expect(await failed(settings)).toBeNull();
  });

  test('is made in a schema that somebody made for it, by a user who may make none', async () => {
    const settings = postgresSettings({ url: await roleUrl() });
    expect(await failed(settings)).toMatchObject({
      code: 'APEX_PERMISSION',
      message: expect.stringContaining('grant CREATE'),
    });
    const { username } = new URL(settings.url);
    await withClient((client) =>
      client.query(`CREATE SCHEMA ${settings.schema}; GRANT ALL ON SCHEMA ${settings.schema} TO ${username}`),
    );
    expect(await failed(settings)).toBeNull();
  });
});

describe.skipIf(url === null)('a URL', () => {
  const changed = (change: (own: URL) => void) => {
    const own = new URL(url!);
    change(own);
    return postgresSettings({ url: own.href });
  };

  test.each<[string, string, (own: URL) => void]>([
    [
      'of a wrong password',
      'does not take this user with this password',
      (own) => {
        own.password = 'a-wrong-one';
      },
    ],
    [
      'without a password',
      'asks for a password',
      (own) => {
        own.password = '';
      },
    ],
    [
      'of a database that is not there',
      'has no such database',
      (own) => {
        own.pathname = '/nope';
      },
    ],
    [
      'that asks for TLS of a server without',
      'does not speak TLS',
      (own) => {
        own.search = '?sslmode=verify-full';
      },
    ],
  ])('%s says so, and never the password', async (_, said, change) => {
    const error = await failed(changed(change));
    expect(error).toMatchObject({ code: 'APEX_CONFIG', retryable: false, message: expect.stringContaining(said) });
    expect(JSON.stringify([error, error!.message, error!.stack])).not.toMatch(/a-wrong-one|password-of-the-tests/);
  });

  test.each(['postgres://127.0.0.1:1/x', 'postgres://nowhere.invalid/x'])(
    'of nobody may be asked again: %s',
    async (nobody) => {
      expect(await failed(postgresSettings({ url: nobody }))).toMatchObject({ code: 'APEX_STORE', retryable: true });
    },
  );

  test('that is none is refused', async () => {
    expect(await failed(postgresSettings({ url: 'postgres://user:a-password@[nowhere' }))).toMatchObject({
      code: 'APEX_CONFIG',
      message: expect.not.stringContaining('a-password'),
    });
  });
});

describe.skipIf(url === null)('texts that PostgreSQL cannot hold', () => {
  test.each(['a\0b', 'half \ud83d pair', '\udc00', 'escape \u001a0000', '\u001a'])(
    'come back as they were, wherever they stand: %j',
    async (text) => {
      const store = await openRecords();
      const plain = recordOf(text, { texts: [`steel ${text}`, 'other'], organizations: ['acme', 'globex'] });
      const { inventory: _, ...rest } = {
        ...plain,
        ...{ title: text, metadata: { [text]: [text, { deep: text }] }, warnings: [{ code: 'W', message: text }] },
        entities: plain.entities.map((entity) => ({ ...entity, name: text })),
        relations: plain.relations.map((relation) => ({ ...relation, quote: text })),
        chunks: plain.chunks.map((chunk) => ({ ...chunk, headingPath: [text, 'x'] })),
      };
      const record = { ...rest, inventory: inventoryOf(rest) };
      const { fence } = await store.openRun({ runId: text, journalId: text }, never);
      await store.allocate([record, recordOf('b')], never);
      await store.write(ref(text), [record, recordOf('b')], never);
      await store.pivot(pivotOf({ ref: ref(text), fence }, [record, recordOf('b')]), never);
      expect(rowTexts(await collect(store.inventory([versionOf(record)], never)))).toEqual(
        expectedTexts('records', [record]),
      );
      const { chunks: _c, inventory: _i, ...own } = record;
      expect((await store.kept([versionOf(record)], never))[0]).toMatchObject(own);
      expect((await store.document(text, never))?.metadata).toEqual(record.metadata);
      const [hit] = await store.searchText([{ text: 'steel', isBeginning: false, weight: 1 }], 1, null, never);
      expect((await store.chunks([hit!.id], never)).size).toBe(1);
      expect(await store.unindexed([versionOf(record)], never)).toEqual([]);
      const page = { after: null, limit: 9 };
      const filter = { source: null, group: null, uriPrefix: record.sourceUri, createdBefore: null };
      expect((await store.select(filter, page, never)).map(({ documentId }) => documentId)).toEqual([text]);
    },
  );
});
