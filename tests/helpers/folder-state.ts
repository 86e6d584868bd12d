import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../lib/contracts/identity.ts';

/** Every file and folder below a path, with what it holds and when it was changed: equal states are equal to the last byte. */
export function folderState(path: string): Record<string, string> {
  const state: Record<string, string> = {};
  for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' }).sort()) {
    const stats = lstatSync(join(path, name), { bigint: true });
    const content = stats.isFile() ? sha256(readFileSync(join(path, name))) : 'folder';
    state[name] = `${content} ${stats.size} ${stats.mtimeNs} ${stats.mode}`;
  }
  return state;
}
