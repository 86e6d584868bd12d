// Sources: deliver documents from where they lie.
// May import lib/contracts, lib/support and its own vendor packages.
// Must never parse a document or write to a store.

import type { FeedSourceName } from '../contracts/feed.ts';

/** The sources that apex reads from, each loaded when it is asked for. */
export const SOURCES = {
  frontapp: () => import('./front-attachments.ts'),
  https: () => import('./https.ts'),
  local_upload: () => import('./local.ts'),
  s3: () => import('./s3.ts'),
} as const;

/** What came inside other documents. No source of its own: nothing can be listed in it. */
export const loadAttachments = () => import('./attachments.ts');

/** The sources of records, each loaded when it is asked for. */
export const FEEDS = {
  frontapp: () => import('./frontapp.ts'),
  samsara: () => import('./samsara.ts'),
  turvo: () => import('./turvo.ts'),
} as const satisfies Record<FeedSourceName, unknown>;

/** What the doctor looks at. */
export const loadFeedChecks = () => import('./feed-checks.ts');

/** What the doctor looks at of buckets. */
export const loadBucketCheck = () => import('./s3-checks.ts');

/** What fetches their records. */
export const loadFeedWalker = () => import('./feed-walker.ts');
