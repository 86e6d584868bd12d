import type { FeedRecord, Observation, RecordMapper, RejectedRecord } from '../../lib/contracts/feed.ts';

/** What a record says, or why it is rejected. One of which nothing is to be remembered says nothing. Pure. */
export function mapRecord(
  mapper: RecordMapper,
  { value, place, stream }: FeedRecord,
): { readonly observations: readonly Observation[] } | { readonly rejected: RejectedRecord } {
  const shape = mapper.shapeOf(value, stream);
  if (shape === null) {
    const reason = `it is no record of ${mapper.source}; shapes tried: ${mapper.shapes.join(', ')}`;
    return { rejected: { place, path: '', reason, raw: JSON.stringify(value) } };
  }
  const mapped = mapper.map(value, shape);
  if (mapped.kind === 'problem') return { rejected: { place, ...mapped.problem, raw: JSON.stringify(value) } };
  return { observations: mapped.kind === 'observations' ? mapped.observations : [] };
}
