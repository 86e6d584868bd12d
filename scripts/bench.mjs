// `npm run bench -- <name> [options]`: sets up, then runs one measurement under the project's own Node. `bench/README.md` lists them.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { projectNode, run, setUp } from './setup.mjs';

const [name = '', ...options] = process.argv.slice(2);
const path = join('bench', `${name}.ts`);
if (!/^[a-z]+$/.test(name) || !existsSync(new URL(`../${path}`, import.meta.url))) {
  console.error(`There is no measurement "${name}": bench/README.md lists them.`);
  process.exit(2);
}
setUp();
run(projectNode(), [path, ...options]);
