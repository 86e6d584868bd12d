import { expect, test } from 'vitest';
import { onMemory, openCase } from '../../helpers/case.ts';
import { intercepted } from '../../helpers/intercept.ts';
import { openMachine } from '../../helpers/machine.ts';
import { never } from '../../helpers/records.ts';

/**
 * Goal: a document is healed from its source only by the bytes that it was made of. Method: a machine over a memory whose records and
 * graph lost a document's text, so that the source is all that is left, and a source that says something else.
 */

/** A memory with one document that only its source can bring back. */
async function openDamaged() {
  const { home, documents, write } = openCase({ 'a.txt': 'Bay nine is free.\n' });
  const { ingest, close } = await openMachine(home);
  await ingest(documents);
  await close();
  onMemory(home, (db) =>
    db.exec("UPDATE chunk SET text = 'somebody wrote this'; UPDATE version SET extraction = '{}'"),
  );
  return { home, write };
}

test('a source whose bytes are the same heals', async () => {
  const { home } = await openDamaged();
  const { machine, search } = await openMachine(home);
  expect((await machine.repair(() => {}, never)).exit_status).toBe(0);
  expect(await search('bay')).toEqual(['Bay nine is free.']);
});

test('a source that has changed is not read again, and is told', async () => {
  const { home, write } = await openDamaged();
  write('a.txt', 'Bay ten is free.\n');
  let copies = 0;
  const { machine, search } = await openMachine(home, {
    change: (parts) => ({
      ...parts,
      source: (name) =>
        intercepted(parts.source(name), 'copy', ({ go }) => {
          copies += 1;
          return go();
        }),
    }),
  });
  const report = await machine.repair(() => {}, never);
  expect(report.exit_status).toBe(5);
  expect(JSON.stringify(report)).toContain('SOURCE_CHANGED');
  expect([copies, await search('ten')]).toEqual([0, []]);
});

test('a source that changed while it was read again heals nothing', async () => {
  const { home, write } = await openDamaged();
  const { machine, search } = await openMachine(home, {
    change: (parts) => ({
      ...parts,
      source: (name) =>
        intercepted(parts.source(name), 'copy', ({ go }) => {
          write('a.txt', 'Bay ten is free.\n');
          return go();
        }),
    }),
  });
  const report = await machine.repair(() => {}, never);
  expect(await search('ten')).toEqual([]);
  expect(report.exit_status).toBe(5);
});
