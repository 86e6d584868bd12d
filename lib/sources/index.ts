// Sources: deliver documents from where they lie.
// May import lib/contracts, lib/support and its own vendor packages.
// Must never parse a document or write to a store.

/** The sources that apex reads from, each loaded when it is asked for. */
export const SOURCES = {
  local_upload: () => import('./local.ts'),
} as const;

/** What came inside other documents. No source of its own: nothing can be listed in it. */
export const loadAttachments = () => import('./attachments.ts');
