import { randomUUID } from 'node:crypto';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { clockFinding, postgresChecks } from '../../../../lib/stores/records/postgres-check.ts';
import { POSTGRES_FORMAT } from '../../../../lib/stores/records/postgres-schema.ts';
import { openRecords, postgresSettings, withClient } from '../../../helpers/postgres.ts';
import { DIMENSIONS, never } from '../../../helpers/records.ts';

const { postgres: url } = inject('servers');
const EMBEDDER = { model: 'test', dimensions: DIMENSIONS };

const look = (name: string, server: { url: string; schema: string }, embedder: typeof EMBEDDER | null = EMBEDDER) =>
  postgresChecks({ ...server, leaseMs: 60_000 }, async () => embedder)
    .find((check) => check.name === name)!
    .run(never);

/** A role that may connect, and what these statements grant it; `@` stands for its name. */
async function roleUrl(grants: string): Promise<string> {
  const role = `role_${randomUUID().replaceAll('-', '')}`;
  await withClient((client) =>
    client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'a-right-one'; ${grants.replaceAll('@', role)}`),
  );
  onTestFinished(async () => {
    await withClient((client) => client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`));
  });
  const own = new URL(url!);
  own.username = role;
  own.password = 'a-right-one';
  return own.href;
}

describe.skipIf(url === null)('the check of postgres', () => {
  test('names the version, how far it is, and what the schema holds', async () => {
    const settings = postgresSettings();
    expect(await look('records', settings)).toMatchObject({
      level: 'ok',
      found: expect.stringMatching(/^PostgreSQL \d+.* at \S+, \d+ ms, nothing in schema \S+ yet/),
    });
    await openRecords(settings);
    expect(await look('records', settings)).toMatchObject({
      level: 'ok',
      found: expect.stringMatching(new RegExp(`format ${POSTGRES_FORMAT.number}, vectors of test with 4 dimensions$`)),
    });
    expect(await look('records', settings, null)).toMatchObject({ level: 'ok' });
  });

  test('changes nothing', async () => {
    const settings = postgresSettings();
    await look('records', settings);
    const { rowCount } = await withClient((client) =>
      client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [settings.schema]),
    );
    expect(rowCount).toBe(0);
  });

  test('finds another embedder and a newer format', async () => {
    const settings = postgresSettings();
    await openRecords(settings);
    expect(await look('records', settings, { model: 'other', dimensions: 3 })).toMatchObject({
      code: 'EMBEDDER_MISMATCH',
    });
    await withClient((client) =>
      client.query(`UPDATE ${settings.schema}.memory SET value = '9' WHERE name = 'format'`),
    );
    await expect(look('records', settings)).rejects.toMatchObject({ code: 'NEWER_FORMAT' });
  });

  test('finds a user who may not make tables, or not use those that are there', async () => {
    const settings = postgresSettings();
    const { schema } = settings;
    const stranger = await roleUrl('');
    expect(await look('records', { url: stranger, schema })).toMatchObject({ code: 'APEX_PERMISSION' });
    await openRecords(settings);
    expect(await look('records', { url: stranger, schema })).toMatchObject({
      code: 'APEX_PERMISSION',
      found: expect.stringContaining('may not use'),
    });
    const reader = await roleUrl(
      `GRANT USAGE ON SCHEMA ${schema} TO @; GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO @`,
    );
    expect(await look('records', { url: reader, schema })).toMatchObject({
      code: 'APEX_PERMISSION',
      found: expect.stringContaining('may not read and write'),
    });
  });

  test.each<[string, string, (own: URL) => void]>([
    [
      'a wrong password',
      'APEX_CONFIG',
      (own) => {
        own.password = 'a-wrong-one';
      },
    ],
    [
      'nobody there',
      'APEX_STORE',
      (own) => {
        own.port = '1';
      },
    ],
  ])('finds %s', async (_, code, change) => {
    const own = new URL(url!);
    change(own);
    await expect(look('records', { url: own.href, schema: 'apex' })).rejects.toMatchObject({ code });
  });

  test('compares the clocks', async () => {
    expect(await look('records_clock', postgresSettings())).toMatchObject({ level: 'ok' });
    expect(clockFinding(61_000)).toMatchObject({ level: 'warning', found: expect.stringContaining('61.0 s ahead') });
    expect(clockFinding(-6_000)).toMatchObject({ level: 'warning', found: expect.stringContaining('6.0 s behind') });
  });
});
