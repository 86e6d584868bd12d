import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { onMemory, openCase } from '../helpers/case.ts';
import { hasTerminal, openTerminal, steadyText } from '../helpers/terminal.ts';

/** Goal: a person sees what a sync, a delete and a cap did, and what to do next. Method: the built program on a terminal of so many columns. */

const LONG_NAME =
  'a name that goes on and on, as those of scanned files do, far beyond what any terminal has room for.txt';

const FILES = {
  'a.md': '# Alpha\n\nThe alpha gate is open.\n',
  'b.txt': 'Bay nine is free.\n',
  'load.txt': 'Carrier: Farrow Freight LLC\n\nLoad number: LD-700001\n',
  'yard/c.txt': 'Dock four is shut.\n',
  [LONG_NAME]: 'Dock five is shut.\n',
};

/** A memory of the files and of a broken one, each with a plain id, and what a command typed among them shows. */
async function openShown(columns: number) {
  const { home, documents, write, run } = openCase({ ...FILES, 'scan.pdf': '%PDF-1.7 and nothing else' });
  for (const [index, name] of [...Object.keys(FILES), 'scan.pdf'].entries())
    await run('ingest', join(documents, name), '--id', `doc-${String(index + 1).repeat(24)}`);
  const shown = async (status: number, args: readonly string[], answer: string | null = null) => {
    const terminal = openTerminal(args, { home, columns, cwd: documents, env: { APEX_CONCURRENCY: '1' } });
    if (answer !== null) {
      await terminal.shows('[y/N]');
      terminal.press(answer);
    }
    expect(await terminal.ended, terminal.raw()).toBe(status);
    return `$ apex ${args.join(' ')}\n${steadyText(terminal.lines())}`;
  };
  return { home, documents, write, shown };
}

test.skipIf(!hasTerminal).each([80, 120])('a sync and a cap on a terminal of %i columns', async (columns) => {
  const { documents, write, shown } = await openShown(columns);
  rmSync(join(documents, 'b.txt'));
  rmSync(join(documents, LONG_NAME));
  renameSync(join(documents, 'a.md'), join(documents, 'yard', 'alpha.md'));
  write('load.txt', 'Carrier: Aspen Haulage Inc\n\nLoad number: LD-700001\n');
  for (const name of ['d.txt', 'e.txt', 'f.txt']) write(`new/${name}`, `Nothing is known of ${name}.\n`);
  expect(await shown(75, ['ingest', 'new', '--max-documents', '2'])).toMatchSnapshot('cap');
  expect([await shown(3, ['ingest', '--sync', '.']), await shown(3, ['ingest', '--sync', '.'])]).toMatchSnapshot(
    'sync',
  );
  rmSync(join(documents, 'yard'), { recursive: true });
  expect(await shown(2, ['ingest', '--sync', 'yard', 'new'])).toMatchSnapshot('missing root');
});

test.skipIf(!hasTerminal).each([80, 120])('a delete on a terminal of %i columns', async (columns) => {
  const { home, shown } = await openShown(columns);
  onMemory(home, (db) =>
    db.exec("UPDATE version SET created_at = '2026-01-01T00:00:00.000Z' WHERE source_uri LIKE '%/yard/%'"),
  );
  expect([
    await shown(2, ['delete', `doc-${'2'.repeat(23)}`]),
    await shown(0, ['delete', `doc-${'3'.repeat(24)}`, `doc-${'6'.repeat(24)}`]),
    await shown(2, ['delete', '--older-than', '90d'], 'n\r'),
    await shown(0, ['delete', '--older-than', '90d'], 'y\r'),
    await shown(0, ['delete', '--source', 'local_upload', '--yes']),
  ]).toMatchSnapshot();
});
