import type { Json } from '../../lib/contracts/document.ts';
import type { FieldRow } from '../../lib/contracts/feed.ts';

/** A value of a record that is no container, or an empty one, by its path in the form of the tables of fields. */
export interface Leaf {
  readonly path: string;
  readonly value: Json;
}

/** The leaves of a value in their order; an empty container is one with null. */
export function leavesOf(value: Json, path = ''): Leaf[] {
  if (value === null || typeof value !== 'object') return [{ path, value }];
  const inner = Array.isArray(value)
    ? value.flatMap((item) => leavesOf(item, `${path}[]`))
    : Object.entries(value).flatMap(([name, item]) => leavesOf(item, path === '' ? name : `${path}.${name}`));
  return inner.length === 0 ? [{ path, value: null }] : inner;
}

const isSubtree = ({ goesTo }: FieldRow) => 'raw' in goesTo || 'dropped' in goesTo;
const isBelow = (path: string, above: string) => path.startsWith(`${above}.`) || path.startsWith(`${above}[`);

/** The rows that a leaf is told by: its own, else that of all names of its map, else that of the subtree it is in. */
export function rowsOf(rows: readonly FieldRow[], { path, value }: Leaf): FieldRow[] {
  const exact = rows.filter((row) => row.path === path || row.path === `${path}[]`);
  if (exact.length > 0) return exact;
  const ofMap = rows.filter((row) => row.path.endsWith('.*') && path.startsWith(row.path.slice(0, -1)));
  if (ofMap.length > 0) return ofMap;
  const ofSubtree = rows.filter((row) => isSubtree(row) && isBelow(path, row.path));
  if (ofSubtree.length > 0) return ofSubtree;
  return value === null ? rows.filter((row) => isBelow(row.path, path)).slice(0, 1) : [];
}

/** Does a field say anything? */
export function hasValue(value: Json): boolean {
  return value !== null && value !== '';
}
