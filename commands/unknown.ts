import type { Apex } from '../lib/contracts/apex.ts';
import { UsageError } from '../lib/contracts/errors.ts';

/** What is said of an id that names nothing, with the one that was probably meant. */
export async function unknownId(
  kind: 'document' | 'run',
  id: string,
  apex: Apex,
  signal: AbortSignal,
): Promise<UsageError> {
  const { hintOf } = await import('../src/config/near-ids.ts');
  const hint = hintOf(await apex.nearId(kind, id, signal));
  return new UsageError(`there is no ${kind} ${id}${hint}`, { code: 'NOT_FOUND' });
}
