import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import type { RecordsStore } from '../../lib/contracts/store.ts';
import { openPostgresRecords } from '../../lib/stores/records/postgres.ts';
import { DIMENSIONS } from './records.ts';

type Settings = Parameters<typeof openPostgresRecords>[0];

/** Settings of a memory in a schema of its own, which goes when the test ends. */
export function postgresSettings(changes: Partial<Settings> = {}): Settings & { readonly schema: string } {
  const schema = `test_${randomUUID().replaceAll('-', '')}`;
  const settings = {
    ...{ url: inject('servers').postgres!, schema, embedder: { model: 'test', dimensions: DIMENSIONS } },
    createMemoryId: () => randomUUID() as string,
    ...changes,
  };
  onTestFinished(async () => {
    await withClient((client) => client.query(`DROP SCHEMA IF EXISTS ${settings.schema} CASCADE`));
  });
  return settings;
}

/** Opens the records of such a memory; closed when the test ends. */
export async function openRecords(settings: Settings = postgresSettings()): Promise<RecordsStore> {
  const records = await openPostgresRecords(settings);
  onTestFinished(() => records.close());
  return records;
}

/** Asks the tests' server behind apex's back. */
export async function withClient<Result>(
  work: (client: pg.Client) => Promise<Result>,
  url: string = inject('servers').postgres!,
): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
