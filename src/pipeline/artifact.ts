import type { StagingFolder } from '../../lib/contracts/staging.ts';

/**
 * A step's result: what an earlier attempt left under the same key, else computed and left for the next attempt.
 *
 * The key names everything the result depends on, so a changed input or a changed part computes anew.
 */
export async function artifact<T>(
  folder: StagingFolder,
  name: string,
  key: string,
  compute: () => Promise<T>,
): Promise<T> {
  const left = await folder.readArtifact(name, key);
  if (left !== null) return JSON.parse(Buffer.from(left).toString('utf8')) as T;
  const made = await compute();
  await folder.writeArtifact(name, key, Buffer.from(JSON.stringify(made)));
  return made;
}
