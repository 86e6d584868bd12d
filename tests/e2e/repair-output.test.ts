import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { onMemory, openCase } from '../helpers/case.ts';
import { DOCUMENTS } from '../helpers/drift.ts';
import { openMachine } from '../helpers/machine.ts';
import { hasTerminal, openTerminal, type Terminal } from '../helpers/terminal.ts';

/** Goal: a person sees what was healed, what is left and what to do. Method: the built program on a terminal of so many columns. */

/** A memory in which load.md has lost its text and its file, and a stray and a wrong summary can be healed. */
async function openDamaged() {
  const opened = openCase(DOCUMENTS);
  const machine = await openMachine(opened.home);
  await machine.ingest(opened.documents);
  await machine.close();
  onMemory(opened.home, (db) =>
    db.exec(`
      UPDATE chunk SET token_count = 999 WHERE ordinal = 0 AND document_id = (SELECT document_id FROM version WHERE name = 'load.md');
      INSERT INTO entity (entity_id, group_id, type, key, folded_key) VALUES ('stray', '', 'Load', 'LD-1', 'ld-1');
      INSERT INTO cache VALUES ('summary:x:ghost:v1', x'7b7d', 'ghost', 1)`),
  );
  rmSync(join(opened.documents, 'load.md'));
  return opened;
}

/** What was shown, without the line that moves, and with the same ids, paths and times each time. */
function steady(terminal: Terminal): string[] {
  return terminal
    .lines()
    .filter((line) => !/^[\u2800-\u28ff]/.test(line))
    .map((line) =>
      line
        .replaceAll(/doc-[0-9a-f]{24}/g, (id) => id.replaceAll(/[0-9a-f]/g, '0'))
        .replaceAll(/[0-9a-f]{8}-[0-9a-f-]*/g, (id) => id.replaceAll(/[0-9a-f]/g, '0'))
        .replaceAll(/summary:[^ …]*/g, 'summary:…')
        .replaceAll(/file:\/\/\/\S*\/documents\//g, 'file:///…/documents/'),
    );
}

test.skipIf(!hasTerminal).each([80, 120])('a repair and a reconcile on a terminal of %i columns', async (columns) => {
  const { home } = await openDamaged();
  const repairing = openTerminal(['verify', '--repair'], { home, columns });
  expect(await repairing.ended).toBe(5);
  expect(steady(repairing)).toMatchSnapshot('repair');
  const reconciling = openTerminal(['reconcile'], { home, columns });
  expect(await reconciling.ended).toBe(5);
  expect(steady(reconciling)).toMatchSnapshot('reconcile');
});
