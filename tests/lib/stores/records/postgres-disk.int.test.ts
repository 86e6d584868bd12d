import { chownSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { canMount, openSmallDisk } from '../../../helpers/bad-input.ts';
import { temporaryFolder } from '../../../helpers/memory.ts';
import { openRecords, postgresSettings, withClient } from '../../../helpers/postgres.ts';
import { never, pivotOf, recordOf, ref } from '../../../helpers/records.ts';
import { postgres } from '../../../servers/postgres.ts';
import { startServer } from '../../../servers/start.ts';

/** Goal: a full disk of the server costs nothing that was committed. Method: tables on a small disk that a file fills. */

const { postgres: url } = inject('servers');

describe.skipIf(url === null || !(await canMount()))('a postgres whose disk is full', () => {
  test('refuses to write, says why, reads on, and takes the same write when there is space again', async () => {
    const disk = await openSmallDisk(join(temporaryFolder(), 'disk'));
    const server = await startServer(postgres());
    onTestFinished(server.stop);
    const { uid } = statSync(join(server.folder, 'data'));
    chownSync(join(disk.path, '..'), uid, -1);
    chownSync(disk.path, uid, -1);
    await withClient(async (client) => {
      await client.query(`CREATE TABLESPACE small LOCATION '${disk.path}'`);
      await client.query('ALTER ROLE apex SET default_tablespace = small');
    }, server.url);
    const store = await openRecords({ ...postgresSettings(), url: server.url });
    const { fence } = await store.openRun({ runId: 'run-1', journalId: 'journal' }, never);
    await store.write(ref('run-1'), [recordOf('a')], never);
    await store.pivot(pivotOf({ ref: ref('run-1'), fence }, [recordOf('a')]), never);

    const filler = join(disk.path, 'filler');
    expect(() => writeFileSync(filler, Buffer.alloc(16_000_000))).toThrow(/ENOSPC/);
    const records = Array.from({ length: 200 }, (_, index) => recordOf(`d${index}`, { texts: ['steel '.repeat(200)] }));
    const write = () => store.write(ref('run-1', 1), records, never);
    await expect(write()).rejects.toMatchObject({
      code: 'DISK_FULL',
      retryable: true,
      message: expect.stringContaining('no space left'),
    });
    expect(await store.count(ref('run-1', 1), never)).toBe(0);
    expect((await store.document('a', never))?.version).toBe(1);

    rmSync(filler);
    expect(await write()).toBe(400);
    const { committed } = await store.pivot(pivotOf({ ref: ref('run-1', 1), fence }, records), never);
    expect(committed).toHaveLength(200);
    expect(await store.strays(never)).toEqual([]);
  }, 120_000);
});
