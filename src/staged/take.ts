import type { ErrorReport } from '../../lib/contracts/errors.ts';
import { type SourceItem, type SourceProblem, STAGED_SOURCE } from '../../lib/contracts/source.ts';
import type { StagedItem, Staging } from '../../lib/contracts/staging.ts';
import type { RunReplay } from '../journal/replay.ts';
import type { RunSession } from '../pipeline/session.ts';

/** Does the run take what waits in staging? */
export function takesStaged({ plan }: Pick<RunSession, 'plan'>): boolean {
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
  const atWork = new Set((await parts.registry.list()).filter(({ isOwned }) => isOwned).map((run) => run.runId));
  const isNamed = plan.targets.length > 0;
  for await (const entry of isNamed ? namedItems(plan.targets, items) : items.list()) {
    signal.throwIfAborted();
    if (typeof entry === 'string') {
      if (replay.plan === null) yield missing(entry);
      continue;
    }
    const problem = problemOf(entry, session, isNamed);
    if (problem !== null) yield problem;
    if (problem !== null || !isWanted(entry, session, isNamed)) continue;
    const taken = await items.take(entry.itemId, runId, (other) => other !== runId && atWork.has(other));
    if (typeof taken !== 'string') yield taken;
    else if (isNamed) yield taken === 'taken' ? held(entry) : missing(entry.itemId);
  }
}

/** Tells staging what became of what was taken from it: taken in (null), or set aside with a reason. Before its batch counts as done. */
export async function endStaged(
  items: readonly SourceItem[],
  failure: Pick<ErrorReport, 'code' | 'message'> | null,
  { parts, runId }: Pick<RunSession, 'runId'> & { readonly parts: { readonly staging: Pick<Staging, 'items'> } },
): Promise<void> {
  for (const { staged } of items)
    if (staged !== undefined) await parts.staging.items.end(staged.itemId, runId, failure);
}

/** The items of these ids, and the ids that none has. */
async function* namedItems(
  itemIds: readonly string[],
  items: Pick<Staging['items'], 'get'>,
): AsyncGenerator<StagedItem | string> {
  for (const itemId of new Set(itemIds)) yield (await items.get(itemId)) ?? itemId;
}

function isWanted({ status, ...item }: StagedItem, session: RunSession, isNamed: boolean): boolean {
  return isNamed || (status === 'active' && isOfRun(item, session));
}

function isOfRun({ kind, source, group }: Pick<StagedItem, 'kind' | 'source' | 'group'>, { plan }: RunSession) {
  return (
    group === plan.group &&
    (plan.kind === 'records' ? kind === 'records' && source === plan.source : kind === 'document')
  );
}

function problemOf(item: StagedItem, session: RunSession, isNamed: boolean): SourceProblem | null {
  const { itemId, status, group, kind, source } = item;
  if (status === 'damaged') return { uri: itemId, code: 'CORRUPT', message: `${itemId}: ${item.error?.message ?? ''}` };
  if (!isNamed || isOfRun(item, session)) return null;
  const refused = (message: string): SourceProblem => ({ uri: itemId, code: 'APEX_USAGE', message });
  if (group !== session.plan.group)
    return refused(`${itemId} was staged for ${group === '' ? 'no group' : `group ${group}`}: give that --group`);
  const command = kind === 'document' ? 'apex ingest --staged' : `apex ingest-json --source ${source} --staged`;
  return refused(`${itemId} is taken by ${command} ${itemId}`);
}

function missing(itemId: string): SourceProblem {
  const message = `nothing waits in staging as ${itemId}: it was taken, or never staged; see apex staging list`;
  return { uri: itemId, code: 'NOT_FOUND', message };
}

function held({ itemId, takenBy }: StagedItem): SourceProblem {
  return { uri: itemId, code: 'LOCKED', message: `${itemId} is being taken by run ${takenBy ?? ''}` };
}
