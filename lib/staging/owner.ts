import { readlinkSync, realpathSync, symlinkSync } from 'node:fs';
import { join, sep } from 'node:path';
import { ConfigError } from '../contracts/errors.ts';
import { diskError } from '../support/disk.ts';

/** A link to the data directory that an area elsewhere is of. No source has such a name. */
const OWNER = '.data-directory';

/** A full disk: what is staged next says it, and what only looks or removes goes on. */
const FULL = new Set(['ENOSPC', 'EDQUOT']);

/**
 * Sees to it that a staging area is used by one data directory: another one's cleanup would take its runs for dead, since it does not know
 * them, and count its bytes for itself. An area that lies in its data directory is that one's without being marked.
 *
 * @throws ConfigError APEX_CONFIG when the area is another data directory's.
 */
export function claimArea(base: string, home: string): void {
  const own = realpathSync(home);
  if (!realpathSync(base).startsWith(`${own}${sep}`)) mark(join(base, OWNER), own);
  assertOwnArea(base, home);
}

/** Looks as `claimArea` does, and marks nothing. Errors as there. */
export function assertOwnArea(base: string, home: string): void {
  const path = join(base, OWNER);
  const own = realpathSync(home);
  const owner = ownerIn(path) ?? own;
  if (owner === own) return;
  throw new ConfigError(
    `the staging folder ${base} is that of the data directory ${owner}, not of ${own}: set STAGING_BASE_DIR to another; where ${own} takes the other's place, remove ${path}`,
    { code: 'APEX_CONFIG', details: { path: base, owner } },
  );
}

/** Null where nothing is marked. */
function ownerIn(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return null;
    throw diskError(error, path);
  }
}

/** Quiet when it is marked already. */
function mark(path: string, owner: string): void {
  try {
    symlinkSync(owner, path);
  } catch (error) {
    const code = String((error as { code?: unknown }).code);
    if (code !== 'EEXIST' && !FULL.has(code)) throw diskError(error, path);
  }
}
