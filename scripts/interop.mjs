// `npm run interop`: sets up, then opens what apex writes with tools in Python. See tests/interop/interop.ts.
import { projectNode, run, setUp } from './setup.mjs';

setUp();
run(projectNode(), ['tests/interop/interop.ts']);
