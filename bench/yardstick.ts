// What do journal, saga, checks, staging, parser processes and cache cost? apex against a bare script that loads the same rows with the
// same parts, in turns, each time into fresh folders.
//
//   npm run bench -- yardstick [--documents 5000] [--bytes 2048] [--pairs 3]
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { writeDocuments } from './parts/documents.ts';
import { inFolder } from './parts/folders.ts';
import { ingest } from './parts/program.ts';
import { against, median, megabytes, save, shown, table } from './parts/report.ts';

const { values } = parseArgs({
  options: {
    documents: { type: 'string', default: '5000' },
    bytes: { type: 'string', default: '2048' },
    pairs: { type: 'string', default: '3' },
  },
});
const count = Number(values.documents);
const bytes = Number(values.bytes);
const pairs = Number(values.pairs);

const MAX_RATIO = 1.5;
/** What both must hold the same number of. */
const COUNTED = ['chunk', 'mention', 'entity', 'relation', 'fact', 'point'] as const;

await inFolder('yardstick', async (folder) => {
  const documents = join(folder, 'documents');
  writeDocuments(documents, { count, bytes });
  const rows: (readonly string[])[] = [];
  const ratios: number[] = [];
  for (let pair = 1; pair <= pairs; pair += 1) {
    await inFolder('pair', async (fresh) => {
      const bare = join(fresh, 'bare.db');
      const bareSeconds = loadBare(documents, bare);
      const home = join(fresh, 'home');
      const { seconds, peakBytes } = await ingest(documents, { home });
      const memory = join(home, 'memory.db');
      assertSameRows(bare, memory);
      ratios.push(seconds / bareSeconds);
      const sizes = [bare, memory].map((path) => megabytes(statSync(path).size));
      rows.push([
        String(pair),
        shown(bareSeconds),
        shown(seconds),
        shown(seconds / bareSeconds),
        ...sizes,
        megabytes(peakBytes),
      ]);
    });
  }
  const ratio = median(ratios);
  save({
    name: 'yardstick',
    input: `${count} generated Markdown files of about ${bytes} bytes, ${pairs} pairs in turns`,
    body: [
      table([
        ['pair', 'bare script s', 'apex s', 'ratio', 'bare database', 'memory.db', 'peak memory of apex'],
        ...rows,
      ]),
      `Median ratio: ${against(ratio, ratio <= MAX_RATIO, `at most ${MAX_RATIO}`)}. The bare script's time is without loading its modules, apex's with all.`,
    ].join('\n\n'),
  });
});

/** Seconds that the bare script took, by its own clock. */
function loadBare(documents: string, path: string): number {
  const script = fileURLToPath(new URL('./parts/bare-load.ts', import.meta.url));
  return Number(execFileSync(process.execPath, [script, documents, path], { encoding: 'utf8' }));
}

/** A comparison of two loads that are not the same would say nothing. */
function assertSameRows(bare: string, memory: string): void {
  const [a, b] = [bare, memory].map((path) => {
    const db = new Database(path, { readonly: true });
    const counts = COUNTED.map((name) => `${name} ${db.prepare(`SELECT count(*) FROM ${name}`).pluck().get()}`);
    db.close();
    return counts.join(', ');
  });
  if (a !== b) throw new Error(`the bare script wrote ${a}; apex wrote ${b}`);
}
