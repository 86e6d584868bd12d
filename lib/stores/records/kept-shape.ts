import {
  type DocumentVersion,
  type InventoryRow,
  ROLES,
  type Role,
  type VersionRecord,
} from '../../contracts/store.ts';

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

/** What each store must hold of a version, as it was kept. A damaged inventory expects nothing: all that is there is then told as extra. */
export function* expectedRows(
  kept: unknown,
  version: DocumentVersion,
): Generator<InventoryRow & { readonly role: Role }> {
  const isWhole =
    isObject(kept) &&
    Object.entries(kept).every(
      ([role, items]) => (ROLES as readonly string[]).includes(role) && isListOf(items, ['kind', 'id', 'digest'], []),
    );
  if (!isWhole) return;
  const inventory = kept as Partial<VersionRecord['inventory']>;
  for (const role of ROLES) for (const item of inventory[role] ?? []) yield { ...version, role, ...item };
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
