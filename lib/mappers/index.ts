// Mappers: what a record of a structured source says of which thing, by rules.
// May import lib/contracts, lib/support and, in the parts built on them, libphonenumber-js and htmlparser2.
// Must be pure: never ask a clock, a model or the network, keep no state between records, and never throw on input.

import type { FeedSourceName, FieldRow, RecordMapper } from '../contracts/feed.ts';

/** What a source's file gives: its mapper, and where each field of its records goes. */
export interface MapperDefinition {
  readonly mapper: RecordMapper;
  readonly fields: readonly FieldRow[];
}

/** Checks the shape of a registry entry at compile time. */
export function defineMapper(definition: MapperDefinition): MapperDefinition {
  return definition;
}

/** The mapper of every source, loaded when it is asked for. */
export const MAPPERS = {
  samsara: async (): Promise<MapperDefinition> => (await import('./samsara.ts')).default,
  turvo: async (): Promise<MapperDefinition> => (await import('./turvo.ts')).default,
  frontapp: async (): Promise<MapperDefinition> => (await import('./frontapp.ts')).default,
} as const satisfies { readonly [name in FeedSourceName]: () => Promise<MapperDefinition> };
