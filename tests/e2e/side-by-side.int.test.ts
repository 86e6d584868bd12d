import { describe, test } from 'vitest';
import { expectSideBySide, MIXES } from '../helpers/side-by-side.ts';
import { serverEnvironment } from '../servers/environment.ts';

/** Goal and method as of `side-by-side.test.ts`, with the memory on the four servers. */

describe.skipIf(serverEnvironment() === null)('on servers', () => {
  test.each(MIXES)(
    '$records ingest-json and $documents ingest on one memory all end well, and leave the memory of one process',
    { timeout: 600_000 },
    (mix) => expectSideBySide(mix, serverEnvironment()!),
  );
});
