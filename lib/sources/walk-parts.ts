import type { StreamState } from './feed-cursor.ts';
import type { Gathered } from './feed-records.ts';

/** A part of a walk: what was gathered, and the state once that is kept. */
export interface WalkPart extends Gathered {
  readonly after: StreamState;
  readonly isLast: boolean;
  /** All there is has been listed with this part, from its beginning: what was not met is not there any more. */
  readonly isWhole: boolean;
}

/** Where a page leads. */
export interface Passage {
  readonly before: StreamState;
  readonly after: StreamState;
  readonly isLast: boolean;
  readonly isWhole: boolean;
}

/** Records of one part, about: a page whose rows have long threads does not fill the memory. */
const MAX_PART_RECORDS = 1_000;

/** Nothing gathered yet. */
export function nothing(): Gathered {
  return { records: [], rejected: [] };
}

/** The records of a page in parts, at least one. Only the last moves the state: what of a page is not kept is fetched again. */
export async function* inParts(
  gathered: AsyncIterable<Gathered>,
  { before, after, isLast, isWhole }: Passage,
): AsyncGenerator<WalkPart> {
  let held = nothing();
  for await (const { records, rejected } of gathered) {
    if (held.records.length > 0 && held.records.length + records.length > MAX_PART_RECORDS) {
      yield { ...held, after: before, isLast: false, isWhole: false };
      held = nothing();
    }
    held.records.push(...records);
    held.rejected.push(...rejected);
  }
  yield { ...held, after, isLast, isWhole };
}
