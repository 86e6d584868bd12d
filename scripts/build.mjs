// `npm run build`: writes the program to `dist`, in few files. Finding, reading and linking a file costs a start more than what is in
// it (docs/decisions/0029).
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

/** What is started by its name: the program, threads, a child process, and the work that threads are given. */
const STARTED = [
  ...['commands/main.ts', 'lib/parsers/child.ts', 'lib/staging/stats.ts'],
  ...['lib/support/shared-worker.ts', 'lib/support/sql-worker.ts'],
];

const bundle = await rolldown({
  cwd: root,
  input: STARTED,
  platform: 'node',
  // Packages are loaded from where they are installed.
  external: /^[^./]/,
  // Threads find their work by its name.
  preserveEntrySignatures: 'strict',
});
// All in one folder: what one file finds beside itself among the sources, it finds beside itself here.
const { output } = await bundle.write({
  ...{ dir: dist, entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
  keepNames: true,
});
await bundle.close();

/** A run that an earlier build began still loads parts of that one. */
const KEPT_MS = 24 * 3_600_000;
const made = new Set(output.map(({ fileName }) => fileName));
for (const name of readdirSync(dist).filter((name) => !made.has(name))) {
  const path = join(dist, name);
  if (Date.now() - statSync(path).mtimeMs > KEPT_MS) rmSync(path, { recursive: true });
}
