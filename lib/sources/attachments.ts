import { join } from 'node:path';
import type { Attachment } from '../contracts/document.ts';
import type { Source, SourceItem } from '../contracts/source.ts';
import { locatorOf } from './listing.ts';
import { createLocalSource, type LocalSettings } from './local.ts';

/** Reads files that came inside a document, from that document's staging folder. It lists nothing. */
export function createAttachmentSource(settings: LocalSettings): Source & {
  itemOf(attachment: Attachment, folder: string, named: { readonly id: string; readonly uri: string }): SourceItem;
} {
  const files = createLocalSource(settings);
  return {
    name: 'attachment',
    async *list() {},
    gone: async () => [],
    itemAt: () => null,
    digest: (item, signal) => files.digest(item, signal),
    read: (item, signal) => files.read(item, signal),
    copy: (...args) => files.copy(...args),
    fromCopy: (item, copy) => files.fromCopy(item, copy),
    itemOf: ({ name, mediaType, digest, bytes }, folder, { id, uri }) => ({
      id,
      uri,
      name,
      mediaType,
      bytes,
      // Attachments lie there under their digests, never under the names the mail gives.
      locator: locatorOf(join(folder, digest)),
      isRepeatable: true,
    }),
  };
}
