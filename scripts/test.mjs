// `npm test`: sets up, then runs every test under the project's own Node.
import { projectNode, run, setUp } from './setup.mjs';

setUp();
run(projectNode(), ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)]);
