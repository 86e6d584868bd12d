/** The seven steps in order. */
export const STEPS = ['stage', 'parse', 'chunk', 'extract', 'embed', 'write', 'cleanup'] as const;
/** The name of one of the seven steps. */
export type StepName = (typeof STEPS)[number];

/** Where a document stands. The design page's words. */
export type DocumentStatus =
  | 'pending'
  | 'staging'
  | 'staged'
  | 'parsed'
  | 'chunked'
  | 'entities_extracted'
  | 'embeddings_generated'
  | 'written'
  | 'cleaning_staging'
  | 'completed'
  | 'quarantined'
  | 'failed'
  | 'rolled_back'
  | 'needs_attention';

/** What became of a document in a run. */
export type DocumentOutcome = 'added' | 'updated' | 'unchanged' | 'deleted' | 'quarantined' | 'failed';
