// `npm run demo:servers`: sets up, then shows the sample documents in the four servers. See tests/servers/demo.ts.
import { projectNode, run, setUp } from './setup.mjs';

setUp();
run(projectNode(), ['tests/servers/demo.ts']);
