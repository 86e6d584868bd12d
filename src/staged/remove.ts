import { ERROR_CODES, EXIT } from '../../lib/contracts/error-codes.ts';
import type { SourceProblem } from '../../lib/contracts/source.ts';
import type { RemoveEvent, RemoveRequest, RemoveSummary } from '../../lib/contracts/stager.ts';
import type { IsAtWork, StagedItem, StagedItems } from '../../lib/contracts/staging.ts';
import { graver } from '../pipeline/session.ts';
import { held, missing, severalWait } from './take.ts';

/** What items are removed with. */
export interface RemoveParts {
  readonly items: Pick<StagedItems, 'find' | 'list' | 'remove'>;
  readonly isAtWork: IsAtWork;
}

/**
 * Removes what waits in staging, one item after the other: what is named, or all of a source and a status. What a run at work has stays;
 * where it was named that is a problem, and so is what is not there.
 */
export async function removeStaged(
  request: RemoveRequest,
  { items, isAtWork }: RemoveParts,
  onEvent: (event: RemoveEvent) => void,
  signal: AbortSignal,
): Promise<RemoveSummary> {
  let summary: RemoveSummary = { removed: 0, problems: 0, bytes: 0, exit_status: EXIT.done };
  const problem = (found: SourceProblem) => {
    const exit_status = graver(summary.exit_status, ERROR_CODES[found.code].exit);
    summary = { ...summary, problems: summary.problems + 1, exit_status };
    onEvent({ kind: 'problem', ...found });
  };
  const isNamed = request.itemIds.length > 0;
  for await (const entry of isNamed ? named(request, items) : selected(request, items)) {
    signal.throwIfAborted();
    if ('message' in entry) {
      problem(entry);
      continue;
    }
    const outcome = request.isTrial ? await trial(entry, isAtWork) : await items.remove(entry, isAtWork);
    if (outcome === 'removed') {
      summary = { ...summary, removed: summary.removed + 1, bytes: summary.bytes + entry.bytes };
      onEvent({ kind: 'removed', item: entry });
    } else if (isNamed) problem(outcome === 'taken' ? held(entry) : missing(entry.itemId));
  }
  return summary;
}

async function trial({ takenBy }: StagedItem, isAtWork: IsAtWork): Promise<'removed' | 'taken'> {
  return takenBy !== null && (await isAtWork(takenBy)) ? 'taken' : 'removed';
}

async function* named({ itemIds, source }: RemoveRequest, items: RemoveParts['items']) {
  for (const itemId of new Set(itemIds)) {
    const found = (await items.find(itemId)).filter((item) => item.source === (source ?? item.source));
    const [item, ...others] = found;
    if (item === undefined) yield missing(itemId);
    else yield others.length > 0 ? severalWait(itemId, found) : item;
  }
}

async function* selected({ source, status }: RemoveRequest, items: RemoveParts['items']) {
  for await (const item of items.list())
    if (item.source === (source ?? item.source) && item.status === (status ?? item.status)) yield item;
}
