import { StoreError } from '../../contracts/errors.ts';
import type { StoredChunk, VersionRecord, WriteRef } from '../../contracts/store.ts';
import { pointOf, type QdrantPoint } from './qdrant-point.ts';

/** What one request holds at most; the server refuses more than 32 MiB, and its makers advise 5 MB. */
const MAX_REQUEST_POINTS = 256;
const MAX_REQUEST_BYTES = 5_000_000;

/** A number in JSON with its comma, and a payload without its text. */
const NUMBER_BYTES = 11;
const PAYLOAD_BYTES = 4_000;
/** How often a text is stored: each reader looks for it elsewhere. In the node it is quoted once more. */
const TEXT_COPIES = 5;

/** The points of these records in requests of bounded size, made when they are asked for. */
export function* requestsOf(
  records: readonly VersionRecord[],
  of: { readonly memoryId: string; readonly ref: WriteRef },
): Generator<readonly QdrantPoint[]> {
  let points: QdrantPoint[] = [];
  let bytes = 0;
  for (const record of records)
    for (const [index, chunk] of record.chunks.entries()) {
      const size = sizeOf(chunk);
      if (points.length === MAX_REQUEST_POINTS || (points.length > 0 && bytes + size > MAX_REQUEST_BYTES)) {
        yield points;
        points = [];
        bytes = 0;
      }
      const known = record.inventory.vectors[index];
      points.push(pointOf(chunk, record, of, known?.id === chunk.chunkId ? known.digest : undefined));
      bytes += size;
    }
  if (points.length > 0) yield points;
}

/** About how many bytes a chunk's point is in JSON, hardly ever less. */
function sizeOf({ text, vector }: StoredChunk): number {
  return Buffer.byteLength(text) * TEXT_COPIES + vector.length * NUMBER_BYTES + PAYLOAD_BYTES;
}

/** JSON has no word for a value that is no number. @throws StoreError STORE_REFUSED. */
export function assertUsable({ chunkId, vector }: StoredChunk, dimensions: number): void {
  if (vector.length === dimensions && areFinite(vector)) return;
  throw new StoreError(`the vector of chunk ${chunkId} is not ${dimensions} finite numbers`, {
    code: 'STORE_REFUSED',
    details: { chunkId, floats: vector.length, dimensions },
  });
}

/** In a loop: `every` calls a function for each of a million numbers in a request or two. */
function areFinite(vector: Float32Array): boolean {
  for (let index = 0; index < vector.length; index += 1) if (!Number.isFinite(vector[index])) return false;
  return true;
}

/**
 * Works on items, so many at once, and takes no further one after a failure.
 *
 * @throws the first failure, when all that was begun has ended.
 */
export async function inParallel<Item>(
  items: Iterable<Item>,
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const worker = async () => {
    for (let next = left.next(); next.done !== true && failures.length === 0; next = left.next())
      await work(next.value).catch((error: unknown) => failures.push(error));
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  if (failures.length > 0) throw failures[0];
}
