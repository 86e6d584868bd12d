// Around `npm pack`: the package that is published needs `bin` at its root, which the checkout must not have (npx would then link
// the whole checkout into its cache). `prepack` writes the published manifest, `postpack` puts the checkout's back.
import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setUp } from './setup.mjs';

const manifest = fileURLToPath(new URL('../package.json', import.meta.url));
const kept = join(manifest, '..', 'package.json.kept');

if (process.argv[2] === 'before') {
  setUp();
  if (!existsSync(kept)) copyFileSync(manifest, kept);
  const {
    private: _private,
    workspaces,
    scripts,
    devDependencies,
    allowScripts,
    overrides,
    ...published
  } = JSON.parse(readFileSync(kept, 'utf8'));
  writeFileSync(manifest, `${JSON.stringify({ ...published, bin: { apex: 'bin/apex.js' } }, null, 2)}\n`);
} else if (existsSync(kept)) {
  renameSync(kept, manifest);
}
