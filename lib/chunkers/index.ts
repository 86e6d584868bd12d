// Chunkers: cut a parsed document into the spans that are embedded and cited.
// May import lib/contracts and lib/support.
// Must be pure: the same document gives the same chunks.

/** The chunkers, each loaded when it is asked for. */
export const CHUNKERS = {
  structure: () => import('./structure.ts'),
} as const;
