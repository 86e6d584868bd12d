import { existsSync, lstatSync } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Check, type Finding, ok, problem, warning } from '../contracts/check.ts';
import { diskError } from '../support/disk.ts';
import { assertOwnFolder } from './files.ts';
import type { StagingSettings } from './index.ts';
import { assertOwnArea } from './owner.ts';

/** How much of its quota staging may use before somebody should know. */
const WARNED_SHARE = 0.8;

/** A full staging area holds many small files. */
const LIMIT_MS = 60_000;

/** As `StagingSettings` has them. */
type CheckedArea = Required<Pick<StagingSettings, 'base' | 'home' | 'maxBytes'>>;

/** Whether the staging area can be used, and how much of its quota is. */
export function stagingChecks(area: CheckedArea): Check[] {
  return [{ name: 'staging', limitMs: LIMIT_MS, run: (signal) => checkStaging(area, signal) }];
}

async function checkStaging({ base, home, maxBytes }: CheckedArea, signal: AbortSignal): Promise<Finding> {
  try {
    if (lstatSync(base, { throwIfNoEntry: false }) === undefined) return ok(`${base} is not there yet`);
    assertOwnFolder(base);
    if (existsSync(home)) assertOwnArea(base, home);
    const usedBytes = await sizeBelow(base, signal);
    const found = `${megabytes(usedBytes)} of ${megabytes(maxBytes)} used under ${base}`;
    if (usedBytes >= maxBytes) return problem('QUOTA_FULL', found);
    if (usedBytes < maxBytes * WARNED_SHARE) return ok(found);
    return warning(found, 'Run apex cleanup, or raise STAGING_MAX_SIZE_GB.');
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOTDIR')
      return problem(
        'APEX_CONFIG',
        `${base} cannot be made: it would be below a file`,
        'Set another STAGING_BASE_DIR.',
      );
    throw diskError(error, `the staging folder ${base}`);
  }
}

/** Bytes of all files below a folder; links are not followed, and what other processes remove meanwhile has none. */
async function sizeBelow(path: string, signal: AbortSignal): Promise<number> {
  let bytes = 0;
  try {
    for await (const entry of await opendir(path)) {
      signal.throwIfAborted();
      const inside = join(path, entry.name);
      if (entry.isDirectory()) bytes += await sizeBelow(inside, signal);
      else if (entry.isFile()) bytes += (await lstat(inside)).size;
    }
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
  }
  return bytes;
}

function megabytes(bytes: number): string {
  return bytes < 1_000_000_000 ? `${(bytes / 1_000_000).toFixed(1)} MB` : `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}
