import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskError } from '../support/disk.ts';

/** A folder that is gone when it is no longer needed, for this user alone (0700). */
interface TemporaryFolder {
  readonly path: string;
  /** Removes it with all that is in it. Quiet when it is gone. */
  remove(): void;
}

/** Makes a folder where the system keeps what is temporary (`TMPDIR`). Errors: SourceError DISK_FULL, APEX_PERMISSION. */
export function makeTemporaryFolder(): TemporaryFolder {
  const base = tmpdir();
  try {
    const path = mkdtempSync(join(base, 'apex-plan-'));
    return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
  } catch (error) {
    throw diskError(error, base);
  }
}
