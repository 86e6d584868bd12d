// What is counted over all processes of a data directory, and the file that collectors of metrics read.
// May import lib/contracts and lib/support.
// Must never decide what is counted, or what a series means.

import type { MetricsLedger } from '../contracts/metrics.ts';
import { FileLedger } from './ledger.ts';

export { writeTextfile } from './textfile.ts';

/** What the doctor looks at. */
export const loadChecks = () => import('./checks.ts');

/** What is counted in a data directory. Nothing is opened or made until it is used. */
export function openLedger(folder: string): MetricsLedger {
  return new FileLedger(folder);
}
