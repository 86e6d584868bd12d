// `npm run quickstart`: sets up, ingests the sample documents into a fresh memory and searches it.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectNode, run, setUp } from './setup.mjs';

setUp();
const home = mkdtempSync(join(tmpdir(), 'apex-quickstart-'));
const question = 'who carries load LD-20418 now?';

show('apex ingest fixtures/sample', ['ingest', 'fixtures/sample']);
show(`apex search "${question}" --limit 3`, ['search', question, '--limit', '3']);
show('apex verify', ['verify']);
console.log(`
The memory is one file: ${join(home, 'memory.db')}
Next, with your own documents:
  npx apex ingest <folder>
  npx apex search "<question>"
  npx apex documents list
  npx apex --help
To go on with this memory: export APEX_HOME=${home}`);

function show(command, args) {
  console.log(`\n$ ${command}`);
  run(projectNode(), ['bin/apex.js', ...args], { APEX_HOME: home });
}
