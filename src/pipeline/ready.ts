import type { RunPlan } from '../../lib/contracts/journal.ts';
import { feedSource } from '../things/ingest.ts';
import type { Parts } from './parts.ts';
import { listersOf } from './run.ts';

type Reading = Pick<Parts, 'source' | 'feeds'>;

/** Looks, before a run begins, whether what it would read from can be asked at all. @throws ConfigError as `Source.assertReady`. */
export async function assertPlanReady(plan: RunPlan, parts: Reading): Promise<void> {
  if (plan.fetch === undefined) await assertSourcesReady(listersOf({ plan }).keys(), parts);
  else await parts.feeds.assertReady(feedSource(plan.source));
}

/** As `assertPlanReady`, for sources of documents by their names. */
export async function assertSourcesReady(names: Iterable<string>, { source }: Pick<Reading, 'source'>): Promise<void> {
  for (const name of names) await source(name).assertReady?.();
}
