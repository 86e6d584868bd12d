import { test } from 'vitest';
import { expectSideBySide, MIXES } from '../helpers/side-by-side.ts';

/**
 * Goal: however many processes work on one data directory, none spoils what another does, and none fails for it. Method: the built
 * program side by side over input that overlaps; the memory is compared with that of one process. `APEX_TEST_CONCURRENT=<times>`
 * makes the input larger.
 */

test.each(MIXES)(
  '$records ingest-json and $documents ingest on one data directory all end well, and leave the memory of one process',
  { timeout: 600_000 },
  (mix) => expectSideBySide(mix),
);
