// Sources: deliver documents from where they lie.
// May import lib/contracts, lib/support and its own vendor packages.
// Must never parse a document or write to a store.

/** The sources that apex reads from. */
export const sourceNames = ['local_upload'] as const;

export { createAttachmentSource } from './attachments.ts';
export { createLocalSource } from './local.ts';
