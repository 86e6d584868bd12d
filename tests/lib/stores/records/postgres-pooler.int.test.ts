import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { recordsStoreContract } from '../../../contracts/records-store.contract.ts';
import { seriesContract } from '../../../contracts/series.contract.ts';
import { storeContract } from '../../../contracts/store.contract.ts';
import { openRecords, postgresSettings } from '../../../helpers/postgres.ts';
import { never, pivotOf, recordOf, ref, versionOf } from '../../../helpers/records.ts';
import { hasPgBouncer, pgbouncer } from '../../../servers/pgbouncer.ts';
import { type StartedServer, startServer } from '../../../servers/start.ts';

/** Goal: nothing outlives a transaction. Method: the contracts through a pooler that gives each transaction another connection. */

const { postgres: url } = inject('servers');
const isMissing = url === null || (!hasPgBouncer() && process.env['CI'] === undefined);

describe.skipIf(isMissing)('postgres behind a pooler', () => {
  let pooler: StartedServer;
  beforeAll(async () => {
    pooler = await startServer(pgbouncer(url!));
  });
  afterAll(() => pooler.stop());
  const settings = () => postgresSettings({ url: pooler.url });

  storeContract('postgres behind a pooler', 'records', () => openRecords(settings()));
  recordsStoreContract('postgres behind a pooler', () => openRecords(settings()));
  seriesContract('postgres behind a pooler', () => openRecords(settings()));

  test('many at once share few connections, and none takes the answer of another', async () => {
    const own = settings();
    const stores = await Promise.all(Array.from({ length: 6 }, () => openRecords(own)));
    const outcomes = await Promise.all(
      stores.map(async (store, index) => {
        const [runId, documentId] = [`run-${index}`, `d${index}`];
        const { fence } = await store.openRun({ runId, journalId: 'journal' }, never);
        const record = recordOf(documentId, { texts: [`steel number${index}`] });
        await store.write(ref(runId), [record], never);
        const outcome = await store.pivot(pivotOf({ ref: ref(runId), fence }, [record]), never);
        const terms = [{ text: `number${index}`, isBeginning: false, weight: 1 }];
        const found = await Promise.all([
          store.searchText(terms, 9, null, never),
          store.document(documentId, never),
          store.count(ref(runId), never),
        ]);
        expect(found).toMatchObject([[{ id: record.chunks[0]!.chunkId }], { documentId }, 2]);
        return { committed: outcome.committed, expected: [versionOf(record)] };
      }),
    );
    for (const { committed, expected } of outcomes) expect(committed).toEqual(expected);
  });

  test('options in the URL are refused, and the message says what to do', async () => {
    const withOptions = `${pooler.url}?options=-c%20statement_timeout%3D5000`;
    await expect(openRecords(postgresSettings({ url: withOptions }))).rejects.toMatchObject({
      code: 'APEX_CONFIG',
      message: expect.stringContaining('pooler'),
    });
  });
});
