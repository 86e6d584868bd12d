import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SOURCES = ['local_upload', 'https', 's3'];
/** Items have up to so many bytes. */
const MAX_BYTES = 2_000;
/** Long before every retention time. */
const LONG_AGO = '2020-01-01T00:00:00.000Z';

/**
 * Makes items in a staging area as if each had been staged, without the syncs that staging waits for.
 *
 * @param pattern the path of the `.metadata.json` of an item that waits.
 * @param isExpired they failed, and the time for which they are kept is over.
 */
export function writeStaged(base: string, count: number, pattern: string, isExpired: boolean): void {
  const metadata = JSON.parse(readFileSync(pattern, 'utf8')) as { readonly waiting: object };
  const error = { code: 'CORRUPT', message: 'the file is damaged' };
  const fate = isExpired
    ? { status: 'failed', updated_at: LONG_AGO, waiting: { ...metadata.waiting, error } }
    : { status: 'active' };
  for (let index = 0; index < count; index += 1) {
    const source = SOURCES[index % SOURCES.length]!;
    const bytes = index % MAX_BYTES;
    const folder = join(base, source, `item-${index}`, 'waiting');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const own = { document_id: `item-${index}`, source, file_size_bytes: bytes, ...fate };
    writeFileSync(join(folder, '.metadata.json'), JSON.stringify({ ...metadata, ...own }), { mode: 0o600 });
    writeFileSync(join(folder, 'staged'), 'x'.repeat(bytes), { mode: 0o600 });
  }
}
