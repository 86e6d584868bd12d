import { describe, expect, test } from 'vitest';
import { onMemory, openCase } from '../helpers/case.ts';
import { blurEmbeddings, copyOf, DOCUMENTS, DRIFT, HOLLOW, openDrift, type Plant } from '../helpers/drift.ts';
import { intercepted } from '../helpers/intercept.ts';
import { openMachine, withStores } from '../helpers/machine.ts';
import { apex } from '../helpers/program.ts';

/**
 * Goal: verify sees whatever is wrong, in every store and every kind of row, and nothing where nothing is. Method: one difference
 * is planted by SQL in a copy of a sound memory; the built program must name it and end with 5.
 */

const drift = await openDrift('verify');

async function verify(home: string) {
  const { exitCode, lines, stderr } = await apex(['verify', '--json'], { home });
  expect(stderr).toBe('');
  return { exitCode, differences: lines.filter(({ event }) => event === 'difference') };
}

describe.concurrent('verify', () => {
  test('a sound memory: nothing is found, exit 0', async () => {
    expect(await verify(drift.planted(''))).toEqual({ exitCode: 0, differences: [] });
  });

  test('a document of which nothing is left but its id: found and named, exit 5', async () => {
    const { exitCode, differences } = await verify(drift.planted(HOLLOW));
    const missing = { document_id: drift.load, role: 'records', kind: 'document', problem: 'missing' };
    expect(differences).toEqual([expect.objectContaining(missing)]);
    expect(exitCode).toBe(5);
  });

  test.each(DRIFT)('%s: found and named, exit 5', async (_, plant, role, kind, problem, of) => {
    const { exitCode, differences } = await verify(drift.planted(plant));
    const documentId = { load: drift.load, ghost: 'ghost', bytes: '\uFFFDhost', none: '' }[of];
    expect(differences).toContainEqual(
      expect.objectContaining({ document_id: documentId, role, kind, problem, id: expect.stringMatching(/./) }),
    );
    expect(exitCode).toBe(5);
  });

  test.each<[string, Plant]>([
    ['no summary', "DELETE FROM cache WHERE key LIKE 'summary:%'"],
    ['no embedding', "DELETE FROM cache WHERE key LIKE 'embedding:%'"],
    ['embeddings that a provider gave a little differently', blurEmbeddings],
  ])('a cache with %s is fine', async (_, plant) => {
    expect(await verify(drift.planted(plant))).toEqual({ exitCode: 0, differences: [] });
  });
});

test('a second current version cannot even be planted', () => {
  expect(() => drift.planted(copyOf('version', { version: '7' }))).toThrow(
    'UNIQUE constraint failed: version.document_id',
  );
});

/** Where a run is held while another process verifies. */
const HOLDS = [
  ['records', 'pivot', 'has written what is not visible yet'],
  ['graph', 'retire', 'has made its version visible and not removed the old one'],
  ['records', 'retire', 'has removed half of the old version'],
] as const;

test.each(HOLDS)('beside a run held before %s.%s, which %s: no difference', async (role, method) => {
  const { home, documents, write, run } = openCase(DOCUMENTS);
  const before = await openMachine(home);
  await before.ingest(documents);
  write('change.txt', 'Date: January 25, 2026\n\nLoad number: LD-700001\nCarrier: Cargill Hauling LLC\n');
  let differences: unknown[] = ['was never held'];
  const held = await openMachine(home, {
    change: (parts) =>
      withStores(parts, (stores) => ({
        [role]: intercepted<object>(stores[role], method as never, async ({ go }) => {
          differences = (await run('verify')).lines.filter(({ event }) => event === 'difference');
          return go();
        }),
      })),
  });
  expect((await held.ingest(documents)).summary).toMatchObject({ updated: 1, exit_status: 0 });
  expect(differences).toEqual([]);
  expect((await run('verify')).exitCode).toBe(0);
});

test('what a run at work shows before its pivot is found', async () => {
  const { home, documents, write, run } = openCase(DOCUMENTS);
  const before = await openMachine(home);
  await before.ingest(documents);
  write('change.txt', 'The dock is closed.\n');
  let found: readonly Record<string, unknown>[] = [];
  const held = await openMachine(home, {
    change: (parts) =>
      withStores(parts, ({ records }) => ({
        records: intercepted(records, 'pivot', async ({ go }) => {
          onMemory(home, (db) => db.exec('UPDATE point SET is_live = 1; UPDATE graph_document SET is_live = 1'));
          found = (await run('verify')).lines;
          return go();
        }),
      })),
  });
  await held.ingest(documents);
  expect(found.slice(0, -1)).toEqual([
    expect.objectContaining({ role: 'graph', kind: 'document', version: 2, problem: 'stale' }),
    expect.objectContaining({ role: 'vectors', kind: 'point', version: 2, problem: 'stale' }),
  ]);
  expect(found.at(-1)).toMatchObject({ exit_status: 5 });
});

test('a document that gets a new version while it is compared is no difference', async () => {
  const { home, documents, write } = openCase(DOCUMENTS);
  const other = await openMachine(home);
  await other.ingest(documents);
  write('change.txt', 'The dock is closed.\n');
  const verifying = await openMachine(home, {
    change: (parts) =>
      withStores(parts, ({ graph }) => ({
        graph: new Proxy(graph, {
          get: (target, key) => {
            const member: unknown = Reflect.get(target, key, target);
            if (key !== 'inventory') return typeof member === 'function' ? member.bind(target) : member;
            return async function* (...args: Parameters<typeof target.inventory>) {
              await other.ingest(documents);
              yield* target.inventory(...args);
            };
          },
        }),
      })),
  });
  expect(await verifying.verify()).toMatchObject({ differences: [], exit_status: 0 });
});
