// Extractors: which entities a document names and which relations it states.
// May import lib/contracts, lib/support and, in the part built on it, libphonenumber-js.
// Must never decide when to extract, touch a store or the network unasked, or keep state between documents.

import type { Extractor } from '../contracts/parts.ts';

/** One choice of extractor: its name in settings, a line for the help text, and how to make it. */
export interface ExtractorDefinition {
  readonly name: string;
  readonly summary: string;
  create(): Extractor;
}

/** Checks the shape of a registry entry at compile time. */
export function defineExtractor(definition: ExtractorDefinition): ExtractorDefinition {
  return definition;
}

/** Every extractor by name, loaded when it is asked for. */
export const EXTRACTORS = {
  rules: async (): Promise<ExtractorDefinition> => (await import('./rules.ts')).default,
} as const;
