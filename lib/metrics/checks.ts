import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Check, type Finding, ok, warning } from '../contracts/check.ts';
import { textfileError } from './textfile.ts';

/** Whether metrics can be left in a file, and whoever collects them can read it. */
export function textfileCheck(path: string): Check {
  return { name: 'metrics_folder', run: async () => checkFolderOf(path) };
}

/** What those may do with a folder who are neither its owner nor of its group. */
const MAY_WRITE = 0o002;
/** Then each may replace only what is its own. */
const STICKY = 0o1000;
/** What whoever collects needs, by group or as anybody. */
const READABLE: readonly number[] = [0o050, 0o005];

function checkFolderOf(path: string): Finding {
  const folder = dirname(path);
  try {
    // The dot tells a file apart, which may be executable.
    accessSync(`${folder}/.`, constants.W_OK | constants.X_OK);
    const { mode, uid } = statSync(folder);
    const own = process.getuid?.() ?? uid;
    if (uid !== own && uid !== 0)
      return warning(
        `${folder} belongs to another user (${uid}), who may change what is left there`,
        'Make it a folder of this user, or name another in APEX_METRICS_DIR.',
      );
    if ((mode & MAY_WRITE) !== 0 && (mode & STICKY) === 0)
      return warning(`every user may change what is in ${folder}`, `chmod o-w '${folder}'`);
    if (!READABLE.some((bits) => (mode & bits) === bits))
      return warning(`only its owner can read ${folder}: whoever collects cannot`, `chmod 755 '${folder}'`);
    return ok(`${path} can be written`);
  } catch (error) {
    throw textfileError(path, error);
  }
}
