import type { EntityType, RelationType } from '../contracts/document.ts';
import type { FieldRow, SeriesName } from '../contracts/feed.ts';

type Destination = FieldRow['goesTo'];

/** Rows of one shape, by path. */
export function fieldRows(shape: string, rows: { readonly [path: string]: Destination }): FieldRow[] {
  return Object.entries(rows).map(([path, goesTo]) => ({ shape, path, goesTo }));
}

/** The same rows below a path: those of an object that stands inside another. */
export function rowsBelow(
  prefix: string,
  rows: { readonly [path: string]: Destination },
): { [path: string]: Destination } {
  return Object.fromEntries(Object.entries(rows).map(([path, goesTo]) => [`${prefix}${path}`, goesTo]));
}

/** Into the key or the name of a thing. */
export const KEY: Destination = { key: true };
/** Into the text that is searched. */
export const TEXT: Destination = { text: true };

/** Into an attribute of that name. */
export function toAttribute(attribute: string): Destination {
  return { attribute };
}

/** Into a name of that type. */
export function toName(name: EntityType): Destination {
  return { name };
}

/** Into a statement of that type: its ends, its times or what else it says. */
export function toFact(fact: RelationType): Destination {
  return { fact };
}

/** Into a reading of that series. */
export function toReading(reading: SeriesName): Destination {
  return { reading };
}

/** Only in the raw record, for that reason; also all that lies below the path. */
export function rawOnly(raw: string): Destination {
  return { raw };
}

/** Kept nowhere, for that reason; also all that lies below the path. */
export function dropped(why: string): Destination {
  return { dropped: why };
}
