import { UsageError } from '../lib/contracts/errors.ts';

/** What is said of an id that names nothing, with the one that was probably meant. */
export async function unknownId<Kind extends 'document' | 'run'>(
  kind: Kind,
  id: string,
  apex: { nearId(kind: Kind, id: string, signal: AbortSignal): Promise<string | null> },
  signal: AbortSignal,
): Promise<UsageError> {
  const { hintOf } = await import('../src/config/near-ids.ts');
  const hint = hintOf(await apex.nearId(kind, id, signal));
  return new UsageError(`there is no ${kind} ${id}${hint}`, { code: 'NOT_FOUND' });
}
