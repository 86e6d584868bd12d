import type { VersionRecord } from '../../contracts/store.ts';

type Extraction = Pick<VersionRecord, 'entities' | 'mentions'>;

/** What extraction found, in the shape it was kept in; nothing where that is damaged. */
export function extractionOf(kept: unknown): Extraction {
  const { entities, mentions } = isObject(kept) ? kept : {};
  const isWhole =
    isListOf(entities, ['entityId', 'type', 'key', 'name'], []) &&
    isListOf(mentions, ['mentionId', 'entityId', 'chunkId', 'quote'], ['start', 'end']);
  if (!isWhole) return { entities: [], mentions: [] };
  return { entities: entities as Extraction['entities'], mentions: mentions as Extraction['mentions'] };
}

function isListOf(value: unknown, texts: readonly string[], numbers: readonly string[]): boolean {
  return (
    Array.isArray(value) &&
    value.every(
      (item) =>
        isObject(item) &&
        texts.every((name) => typeof item[name] === 'string') &&
        numbers.every((name) => typeof item[name] === 'number'),
    )
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
