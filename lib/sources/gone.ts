import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { SourceRoot } from '../contracts/source.ts';
import { type RawPath, Slices } from './files.ts';
import { matchedBy } from './glob.ts';
import { pathOf } from './listing.ts';

/**
 * Those of the locations that belong to the root and have no file any more. A link to a file is one, though a listing passes over
 * it: it may have been named itself.
 */
export async function goneFrom(
  { target, uri: rootUri, isPattern }: SourceRoot,
  uris: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const slices = new Slices();
  const gone = new Map<string, RawPath>();
  for (const uri of uris) {
    await slices.next(signal);
    if (uri !== rootUri && !uri.startsWith(`${rootUri}/`)) continue;
    const path = pathOf(uri);
    if (path !== null && isGone(path)) gone.set(uri, path);
  }
  const paths = isPattern ? new Set((await matchedBy(resolve(target), [...gone.values()])).map(keyOf)) : null;
  return [...gone].filter(([, path]) => paths === null || paths.has(keyOf(path))).map(([uri]) => uri);
}

function keyOf(path: RawPath): string {
  return Buffer.from(path).toString('latin1');
}

function isGone(path: RawPath): boolean {
  try {
    return !statSync(path).isFile();
  } catch (error) {
    return NOTHING_THERE.has(String((error as { code?: unknown }).code));
  }
}

const NOTHING_THERE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);
