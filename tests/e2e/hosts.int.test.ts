import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { openCase } from '../helpers/case.ts';
import { dumpStores } from '../helpers/dump-stores.ts';
import { assembleMachine } from '../helpers/machine.ts';
import { withClient } from '../helpers/postgres.ts';
import { serverEnvironment } from '../servers/environment.ts';

/**
 * Goal: hosts that share servers never spoil each other's runs, and a process that fell silent commits nothing once its run was
 * aborted. Method: two data directories over the same servers; processes that stop themselves (SIGSTOP) at a call and are let go on
 * later, as one whose machine froze.
 */

const FILES = {
  'contract.md': '# Contract\n\nDated January 5, 2026.\n\nShipper: Tarrow Foods Inc\n',
  'load.txt': 'Date: January 10, 2026\n\nLoad number: LD-700001\nCarrier: Farrow Freight LLC\n',
};
const CHANGED = FILES['load.txt'].replace('Farrow Freight LLC', 'Brightwater Trucking Inc');

type Environment = Readonly<Record<string, string>>;

/** Two hosts; the first has ingested its documents once, and one of them has changed since. */
async function openHosts(leaseSeconds: number) {
  const env: Environment = { ...serverEnvironment()!, APEX_LEASE_SECONDS: String(leaseSeconds) };
  const [one, other] = [openCase(FILES, env), openCase({ 'yard.md': '# Yard\n\nThe gate of dock four.\n' }, env)];
  await one.ingest();
  one.write('load.txt', CHANGED);
  return { env, one, other };
}

async function untilNothingIsHeld({ APEX_POSTGRES_SCHEMA }: Environment): Promise<void> {
  await withClient(async (client) => {
    for (;;) {
      const held = await client.query(`SELECT 1 FROM ${APEX_POSTGRES_SCHEMA}.run WHERE lease_until > now()`);
      if (held.rowCount === 0) return;
      await delay(100);
    }
  });
}

async function dumpOf(home: string, env: Environment) {
  const { parts, close } = await assembleMachine(home, { env });
  try {
    return await dumpStores(parts.stores, (sourceUri) => !sourceUri.endsWith('/yard.md'));
  } finally {
    await close();
  }
}

describe.skipIf(serverEnvironment() === null)('several hosts', () => {
  const before = ['records.writeBuilding:after', 'graph.write:before', 'vectors.write:after', 'records.pivot:before'];
  const after = ['records.pivot:after', 'graph.publish:after', 'records.finish:before'];

  test.each([...before, ...after])(
    'a run that froze at %s is aborted by another host, and never commits',
    { timeout: 180_000 },
    async (point) => {
      const { env, one, other } = await openHosts(2);
      const frozen = await one.stop(point, 'ingest', one.documents);
      await untilNothingIsHeld(env);
      const isVisible = after.includes(point);
      const cleaned = await other.run('cleanup');
      expect(cleaned.lines.at(-1)).toMatchObject(
        isVisible ? { batches_finished: 1, exit_status: 0 } : { batches_discarded: 1, exit_status: 0 },
      );
      expect(await other.verify()).toBe(0);
      const seen = await other.search('Brightwater');
      expect(seen).toHaveLength(isVisible ? 1 : 0);
      frozen.kill('SIGCONT');
      const { exitCode, lines, stderr } = await frozen.finished;
      // Either the pivot is refused, or what was written is found gone before.
      const refusal = { code: expect.stringMatching(/^(?:FENCED|STORE_COUNT)$/) as string };
      expect([exitCode, lines.at(-1)?.['error']], stderr).toEqual(
        isVisible ? [0, null] : [75, expect.objectContaining(refusal)],
      );
      expect(await other.search('Brightwater')).toEqual(seen);
      expect((await one.ingest()).summary).toMatchObject({ exit_status: 0 });
      expect([await one.verify(), await other.verify()]).toEqual([0, 0]);
      const fresh = openCase({}, serverEnvironment()!);
      await fresh.ingest(one.documents);
      expect(await dumpOf(other.home, env)).toEqual(await dumpOf(fresh.home, fresh.env));
    },
  );

  test('a run that is held is let alone by everything another host does', async () => {
    const { one, other } = await openHosts(600);
    const frozen = await one.stop('records.pivot:before', 'ingest', one.documents);
    expect((await other.ingest()).summary).toMatchObject({ added: 1, exit_status: 0 });
    for (const command of ['cleanup', 'reconcile', 'verify']) {
      const { exitCode, stdout, stderr } = await other.run(command);
      expect(exitCode, stdout + stderr).toBe(0);
      if (command !== 'verify') expect(stderr).toMatch(/run \S+ is held by the host \S+ until \S+Z/);
    }
    expect((await other.run('verify', '--repair')).exitCode).toBe(0);
    frozen.kill('SIGCONT');
    const { exitCode, lines } = await frozen.finished;
    expect([exitCode, lines.at(-1)]).toEqual([0, expect.objectContaining({ updated: 1, unchanged: 1 })]);
    expect([await one.verify(), await other.verify()]).toEqual([0, 0]);
    expect(await one.search('Brightwater')).toHaveLength(1);
  });

  test('a run that was killed is gone on with by its own host at once, though its lease has not run out', async () => {
    const { one, other } = await openHosts(600);
    await one.kill('graph.write:after', 'ingest', one.documents);
    expect((await one.ingest()).summary).toMatchObject({ updated: 1, unchanged: 1, exit_status: 0 });
    expect([await one.verify(), await other.verify()]).toEqual([0, 0]);
  });

  test('what a host left whose data directory is lost is settled by another when the lease has run out', async () => {
    const { env, one, other } = await openHosts(2);
    await one.kill('vectors.write:after', 'ingest', one.documents);
    await untilNothingIsHeld(env);
    const { lines } = await other.run('reconcile');
    expect(lines.at(-1)).toMatchObject({ batches_discarded: 1, exit_status: 0 });
    expect(await other.verify()).toBe(0);
    expect((await other.ingest(one.documents)).summary).toMatchObject({ updated: 1, unchanged: 1, exit_status: 0 });
  });
});
