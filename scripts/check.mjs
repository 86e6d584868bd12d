// `npm run check`: everything that is not a test. Each part is run, and the first that fails ends it.
import { projectNode, run, setUp } from './setup.mjs';

setUp();
const node = projectNode();
const parts = [
  ['types', 'node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'],
  ['format and lint', 'node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'],
  ['build', 'scripts/build.mjs'],
  ['the built program starts', 'bin/apex.js', '--version'],
  ['reference pages', 'scripts/docs.ts', '--check'],
  ['unused code', 'node_modules/knip/bin/knip.js'],
];
for (const [name, ...args] of parts) {
  console.log(`check: ${name}`);
  run(node, args);
}
