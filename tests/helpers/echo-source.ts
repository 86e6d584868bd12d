import { writeFileSync } from 'node:fs';
import { sha256 } from '../../lib/contracts/identity.ts';
import type { Source, SourceItem } from '../../lib/contracts/source.ts';

/** A source whose items are their own content. */
export const echoSource: Source = {
  name: 'echo',
  async *list() {},
  gone: async () => [],
  itemAt: () => null,
  digest: async ({ id }) => ({ digest: sha256(id), bytes: id.length }),
  async *read({ id }) {
    yield Buffer.from(id);
  },
  fromCopy: (item) => item,
  copy: async ({ id }, path) => {
    writeFileSync(path, id, { mode: 0o600 });
    return { digest: sha256(id), bytes: id.length };
  },
};

/** An item of it. @param bytes null where the source does not say how many there are. */
export function echoItem(content: string, bytes: number | null = content.length): SourceItem {
  return { id: content, uri: 'echo:x', name: 'x.txt', bytes, mediaType: null, locator: '', isRepeatable: true };
}
