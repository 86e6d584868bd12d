import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { StoreError } from '../../lib/contracts/errors.ts';
import { onMemory, openCase } from '../helpers/case.ts';
import { dumpMemory } from '../helpers/dump.ts';
import { failing, intercepted } from '../helpers/intercept.ts';
import { openMachine, withStores } from '../helpers/machine.ts';

/**
 * Goal: what documents share belongs to all of them, and what they state together follows from all of it, in whatever order it
 * came. Method: documents about one load, brought in, changed, deleted and killed in different orders; the memories are compared.
 */

/** A document about load LD-700001. */
function load(date: string | null, carrier: string, more = ''): string {
  return `${date === null ? '' : `Date: ${date}\n\n`}Load number: LD-700001\nCarrier: ${carrier}\n${more}`;
}

const FARROW = 'Farrow Freight LLC';
const BRIGHTWATER = 'Brightwater Trucking Inc';
const CARGILL = 'Cargill Hauling LLC';

/** Keys of all entities. */
function entities(home: string): unknown[] {
  return onMemory(home, (db) => db.prepare('SELECT key FROM entity ORDER BY key').pluck().all());
}

/** Every row that belongs to a document in the graph, as it lies there. */
function graphOf(home: string, documentId: string): unknown {
  const tables = ['graph_document', 'graph_chunk', 'mention', 'relation'];
  return onMemory(home, (db) =>
    tables.map((table) => db.prepare(`SELECT * FROM ${table} WHERE document_id = ? ORDER BY 1, 2`).all(documentId)),
  );
}

/** When the facts of a file about the carrier end; null while they hold. */
function carrierEnds(home: string, name: string): unknown {
  const ends = onMemory(home, (db) =>
    db
      .prepare(
        `SELECT r.invalid_at, r.expired_at IS NULL AS holds FROM relation r JOIN graph_document d USING (document_id, version)
         WHERE r.type = 'CARRIER_OF' AND d.source_uri LIKE ?`,
      )
      .all(`%/${name}`),
  ) as { invalid_at: string | null; holds: number }[];
  expect(ends).toHaveLength(1);
  expect(ends[0]!.holds).toBe(ends[0]!.invalid_at === null ? 1 : 0);
  return ends[0]!.invalid_at;
}

test('an entity stays as long as a document mentions it, with all that the document says of it, and goes with the last', async () => {
  const { home, documents, write, ingest, run, idOf, verify } = openCase({
    'a.txt': load('January 10, 2026', FARROW, 'BOL number: BOL-880001\n'),
    'b.txt': load('January 10, 2026', FARROW),
  });
  await ingest();
  const b = await idOf('b.txt');
  const [before, shared] = [graphOf(home, b), entities(home)];
  await run('delete', await idOf('a.txt'));
  expect(graphOf(home, b)).toEqual(before);
  expect(entities(home)).toEqual(shared.filter((key) => key !== 'BOL-880001'));
  write('b.txt', 'Nothing is left to say.\n');
  await ingest(join(documents, 'b.txt'));
  expect([entities(home), await verify()]).toEqual([[], 0]);
});

test('a discard keeps what another version that is still building mentions', async () => {
  const { home, documents, verify } = openCase({
    'a.txt': load('January 10, 2026', FARROW),
    'b.txt': load('January 11, 2026', FARROW, 'BOL number: BOL-880001\n'),
  });
  const refusal = new StoreError('the store refuses', { code: 'APEX_STORE' });
  const refused = await openMachine(home, {
    change: (parts) => withStores(parts, ({ vectors }) => ({ vectors: failing(vectors, 'write', refusal) })),
  });
  const seen: unknown[][] = [];
  const building = await openMachine(home, {
    change: (parts) =>
      withStores(parts, ({ records }) => ({
        records: intercepted(records, 'pivot', async ({ go }) => {
          seen.push(entities(home));
          expect((await refused.ingest(join(documents, 'b.txt'))).summary).toMatchObject({ added: 0, exit_status: 75 });
          seen.push(entities(home));
          return go();
        }),
      })),
  });
  expect((await building.ingest(join(documents, 'a.txt'))).summary).toMatchObject({ added: 1, exit_status: 0 });
  expect(seen[0]).toContain('LD-700001');
  expect(seen[1]).toEqual(seen[0]);
  expect([entities(home), await verify()]).toEqual([seen[0], 0]);
});

/** Documents that state carriers of one load: three that follow each other, two at one instant, one without a date. */
const STATEMENTS = {
  '1.txt': load('January 10, 2026', FARROW),
  '2.txt': load('January 20, 2026', BRIGHTWATER),
  '3.txt': load('January 30, 2026', CARGILL),
  '4.eml': `From: a@example.com\nTo: b@example.com\nSubject: LD-700001\nDate: Tue, 20 Jan 2026 00:00:00 +0000\nContent-Type: text/plain\n\n${load(null, CARGILL)}`,
  '5.txt': load(null, FARROW),
};

const ENDS = { '1.txt': '2026-01-20', '2.txt': '2026-01-30', '3.txt': null, '4.eml': null, '5.txt': null };

function ends(home: string) {
  return Object.fromEntries(Object.keys(STATEMENTS).map((name) => [name, carrierEnds(home, name)]));
}

test.each([
  ['in one batch', [['1.txt', '2.txt', '3.txt', '4.eml', '5.txt']]],
  ['in the order of their dates', [['5.txt'], ['1.txt'], ['2.txt'], ['4.eml'], ['3.txt']]],
  ['the newest first', [['3.txt'], ['4.eml'], ['2.txt'], ['1.txt'], ['5.txt']]],
  ['two by two', [['3.txt', '1.txt'], ['5.txt', '2.txt'], ['4.eml']]], // biome-ignore format: one row
])('facts end at the first later one that says otherwise, the same however they come: %s', async (_, batches) => {
  const { home, documents, write, ingest, verify } = openCase();
  for (const batch of batches) {
    for (const name of batch) write(name, STATEMENTS[name as keyof typeof STATEMENTS]);
    await ingest(...batch.map((name) => join(documents, name)));
  }
  expect([ends(home), await verify()]).toEqual([ENDS, 0]);
});

test.each(['records.pivot:after', 'graph.setClosings:before', 'graph.setClosings:after', 'records.retire:after'])(
  'facts end the same when every ingest is killed at %s',
  async (point) => {
    const { home, documents, write, ingest, kill, verify } = openCase();
    for (const name of ['3.txt', '1.txt', '2.txt'] as const) {
      write(name, STATEMENTS[name]);
      await kill(point, 'ingest', join(documents, name));
    }
    await ingest();
    const closings = ['1.txt', '2.txt', '3.txt'].map((name) => carrierEnds(home, name));
    expect([closings, await verify()]).toEqual([['2026-01-20', '2026-01-30', null], 0]);
  },
);

const CLOSED = { '1.txt': STATEMENTS['1.txt'], '2.txt': STATEMENTS['2.txt'] };

test.each<[string, string | null, string | null]>([
  ['deleted', null, null],
  ['replaced by one that states nothing', 'The dock is shut.\n', null],
  ['replaced by one that states the same', load('January 20, 2026', FARROW), null],
  ['replaced by an earlier one', load('January 2, 2026', BRIGHTWATER), null],
  ['replaced by a later one', load('January 25, 2026', BRIGHTWATER), '2026-01-25'],
  ['replaced by one of the same day', load('January 10, 2026', BRIGHTWATER), null],
  ['replaced by one without a date', load(null, BRIGHTWATER), null],
])('a fact whose closer is %s ends as the others say', async (_, text, expected) => {
  const { home, write, ingest, run, idOf, verify } = openCase(CLOSED);
  await ingest();
  expect(carrierEnds(home, '1.txt')).toBe('2026-01-20');
  if (text === null) await run('delete', await idOf('2.txt'));
  else {
    write('2.txt', text);
    await ingest();
  }
  expect([carrierEnds(home, '1.txt'), await verify()]).toEqual([expected, 0]);
});

test.each(['records.pivot:after', 'graph.retire:after', 'graph.setClosings:before', 'graph.setClosings:after'])(
  'a closer whose delete is killed at %s and resumed opens what it had closed',
  async (point) => {
    const { home, ingest, kill, run, idOf, verify } = openCase(CLOSED);
    await ingest();
    await kill(point, 'delete', await idOf('2.txt'));
    await run('resume');
    expect([carrierEnds(home, '1.txt'), await verify()]).toEqual([null, 0]);
  },
);

test('two processes that bring in a fact and its closer at once leave the closing that follows from both', async () => {
  const { home, documents, verify } = openCase(CLOSED);
  const other = await openMachine(home);
  // The one derives its closings, the other brings in the closer and derives its own, then the first writes what it derived.
  const held = await openMachine(home, {
    change: (parts) =>
      withStores(parts, ({ graph }) => ({
        graph: intercepted(graph, 'setClosings', async ({ count, go }) => {
          if (count === 1) await other.ingest(join(documents, '2.txt'));
          return go();
        }),
      })),
  });
  await held.ingest(join(documents, '1.txt'));
  expect([carrierEnds(home, '1.txt'), await verify()]).toEqual(['2026-01-20', 0]);
});

test('the memory does not tell in which order documents came', async () => {
  const dumps = [];
  const { home, documents, write, ingest } = openCase(STATEMENTS);
  for (const names of [
    ['5.txt', '4.eml', '3.txt', '2.txt', '1.txt'],
    ['2.txt', '1.txt', '4.eml', '5.txt', '3.txt'],
  ]) {
    rmSync(home, { recursive: true, force: true });
    for (const name of names) {
      write(name, STATEMENTS[name as keyof typeof STATEMENTS]);
      await ingest(join(documents, name));
    }
    dumps.push(dumpMemory(home));
  }
  expect(dumps[0]).toEqual(dumps[1]);
});
