import { type ErrorReport, groupNamed } from '../../lib/contracts/errors.ts';
import type { RunPlan, RunRegistry } from '../../lib/contracts/journal.ts';
import { type SourceItem, type SourceProblem, STAGED_SOURCE } from '../../lib/contracts/source.ts';
import type { IsAtWork, StagedItem, Staging } from '../../lib/contracts/staging.ts';
import type { RunReplay } from '../journal/replay.ts';
import type { RunSession } from '../pipeline/session.ts';

/** Does the run take what waits in staging? */
export function takesStaged({ plan }: { readonly plan: Pick<RunPlan, 'source' | 'listedBy'> }): boolean {
  return plan.source === STAGED_SOURCE || plan.listedBy === STAGED_SOURCE;
}

/**
 * Takes from staging what waits there of the run's group and source: what its targets name, or all. What cannot be taken is a
 * problem where it was named; where it was not, what another run has is left to that.
 *
 * @param replay what earlier processes of this run have brought to its end is not missed.
 */
export async function* takeStaged(session: RunSession, replay: RunReplay): AsyncGenerator<SourceItem | SourceProblem> {
  const { parts, plan, runId, signal } = session;
  const { items } = parts.staging;
  const isOthersWork: IsAtWork = async (other) => other !== runId && (await isOwned(other, parts.registry));
  const isNamed = plan.targets.length > 0;
  for await (const entry of wantedItems(plan, items)) {
    signal.throwIfAborted();
    if (isMissing(entry) && replay.plan !== null) continue;
    if (isProblem(entry)) {
      yield entry;
      continue;
    }
    const taken = await items.take(entry, runId, isOthersWork);
    if (typeof taken !== 'string') yield taken;
    else if (isNamed) yield taken === 'taken' ? held(entry) : missing(entry.itemId);
  }
}

/** What waits, for those who only look. */
export interface WaitingParts {
  readonly items: Pick<Staging['items'], 'find' | 'list' | 'offer'>;
  readonly isAtWork: IsAtWork;
}

/** What a run would take from staging now, taking nothing. Problems as of `takeStaged`. */
export async function* offeredItems(
  request: StagedRequest,
  { items, isAtWork }: WaitingParts,
): AsyncGenerator<SourceItem | SourceProblem> {
  const isNamed = request.targets.length > 0;
  for await (const entry of wantedItems(request, items)) {
    if (isProblem(entry)) {
      yield entry;
      continue;
    }
    const isHeld = entry.takenBy !== null && (await isAtWork(entry.takenBy));
    const offered = isHeld ? null : items.offer(entry);
    if (offered !== null) yield offered;
    else if (isNamed) yield isHeld ? held(entry) : missing(entry.itemId);
  }
}

/** Tells staging what became of what was taken from it: taken in (null), or set aside with a reason. Before its batch counts as done. */
export async function endStaged(
  items: readonly SourceItem[],
  failure: Pick<ErrorReport, 'code' | 'message'> | null,
  { parts, runId }: Pick<RunSession, 'runId'> & { readonly parts: { readonly staging: Pick<Staging, 'items'> } },
): Promise<void> {
  for (const { staged } of items) if (staged !== undefined) await parts.staging.items.end(staged, runId, failure);
}

/** What is asked for of what waits in staging. */
export type StagedRequest = Pick<RunPlan, 'kind' | 'source' | 'targets' | 'group' | 'listedBy'>;

/** What waits of what is asked for; what is not there, or cannot be taken, as a problem where it was named, and also where it is damaged. */
export async function* wantedItems(
  request: StagedRequest,
  items: Pick<Staging['items'], 'find' | 'list'>,
): AsyncGenerator<StagedItem | SourceProblem> {
  const { targets } = request;
  if (targets.length > 0) {
    for (const itemId of new Set(targets)) yield theOne(itemId, await items.find(itemId), request);
    return;
  }
  for await (const item of items.list()) {
    if (item.status === 'damaged') yield damaged(item);
    else if (isTakenUnnamed(item, request)) {
      const alike = (await items.find(item.itemId)).filter((other) => isTakenUnnamed(other, request));
      // Whichever came last would be what the document says.
      if (alike.length <= 1) yield item;
      else if (alike[0]?.source === item.source) yield severalWait(item.itemId, alike);
    }
  }
}

/** The item that an id stands for: of several the one that can be taken, where that is only one. */
function theOne(itemId: string, found: readonly StagedItem[], request: StagedRequest): StagedItem | SourceProblem {
  const ofSource = found.filter(({ source }) => source === (sourceOf(request) ?? source));
  const [first, ...others] = ofSource.length > 0 ? ofSource : found;
  if (first === undefined) return missing(itemId);
  const [fitting, ...rest] = ofSource.filter((item) => isAskedFor(item, request));
  const item = fitting ?? (others.length === 0 ? first : undefined);
  if (rest.length > 0 || item === undefined) return severalWait(itemId, ofSource.length > 0 ? ofSource : found);
  if (item.status === 'damaged') return damaged(item);
  return problemOf(item, request) ?? item;
}

/** Which of several is meant has to be said. */
export function severalWait(itemId: string, items: readonly StagedItem[]): SourceProblem {
  const sources = items.map(({ source }) => source).join(', ');
  const message = `${itemId} waits in staging from several sources (${sources}): say which with --source`;
  return { uri: itemId, code: 'APEX_USAGE', message };
}

function isTakenUnnamed(item: StagedItem, request: StagedRequest): boolean {
  return item.status === 'active' && isAskedFor(item, request);
}

/** Is the item of the source, the group and the kind that are asked for? */
function isAskedFor(item: StagedItem, request: StagedRequest): boolean {
  return (
    item.group === request.group && item.kind === kindOf(request) && item.source === (sourceOf(request) ?? item.source)
  );
}

function kindOf({ kind }: StagedRequest): StagedItem['kind'] {
  return kind === 'records' ? 'records' : 'document';
}

/** The source that items must be of, or null. */
function sourceOf({ kind, source, listedBy }: StagedRequest): string | null {
  return kind === 'records' ? source : (listedBy ?? null);
}

function problemOf(item: StagedItem, request: StagedRequest): SourceProblem | null {
  const { itemId, group, kind, source } = item;
  if (isAskedFor(item, request)) return null;
  const refused = (message: string): SourceProblem => ({ uri: itemId, code: 'APEX_USAGE', message });
  if (group !== request.group) return refused(`${itemId} was staged for ${groupNamed(group)}: give that --group`);
  if (kind === 'document' && kindOf(request) === kind)
    return refused(`${itemId} waits in staging from ${source}, not from ${sourceOf(request)}: give that --source`);
  const command = kind === 'document' ? 'apex ingest --staged' : `apex ingest-json --source ${source} --staged`;
  return refused(`${itemId} is taken by ${command} ${itemId}`);
}

function damaged({ itemId, error }: StagedItem): SourceProblem {
  return { uri: itemId, code: 'CORRUPT', message: `${itemId}: ${error?.message ?? ''}` };
}

function isMissing(entry: StagedItem | SourceProblem): boolean {
  return isProblem(entry) && entry.code === 'NOT_FOUND';
}

function isProblem(entry: StagedItem | SourceProblem): entry is SourceProblem {
  return 'message' in entry;
}

/** Is a run at work now? */
async function isOwned(runId: string, registry: Pick<RunRegistry, 'get'>): Promise<boolean> {
  return (await registry.get(runId))?.isOwned === true;
}

/** Nothing waits under this id. */
export function missing(itemId: string): SourceProblem {
  const message = `nothing waits in staging as ${itemId}: it was taken, or never staged; see apex staging list`;
  return { uri: itemId, code: 'NOT_FOUND', message };
}

/** A run at work has it. */
export function held({ itemId, takenBy }: StagedItem): SourceProblem {
  return { uri: itemId, code: 'LOCKED', message: `${itemId} is being taken by run ${takenBy ?? ''}` };
}
