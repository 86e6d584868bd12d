import type { IngestRequest, RecordsRequest } from '../lib/contracts/apex.ts';
import type { PlanEvent, Planner, PlanSummary } from '../lib/contracts/plan.ts';
import { type CommonFlags, withPlanner } from './host.ts';
import { outliveClosedOutput } from './ui/output.ts';
import { jsonPlan, textPlan } from './ui/plan.ts';

/** `apex ingest … --dry-run`: what the ingest would do, and nothing of it done. */
export function planCommand(request: IngestRequest, flags: CommonFlags): Promise<void> {
  return showPlan(request, flags, (planner, onEvent, signal) => planner.plan(request, onEvent, signal));
}

/** `apex ingest-json … --dry-run`: the same for records. */
export function planRecordsCommand(request: RecordsRequest, flags: CommonFlags): Promise<void> {
  return showPlan({ onError: 'continue' }, flags, (planner, onEvent, signal) =>
    planner.planRecords(request, onEvent, signal),
  );
}

async function showPlan(
  stops: Pick<IngestRequest, 'caps' | 'onError'>,
  flags: CommonFlags,
  work: (planner: Planner, onEvent: (event: PlanEvent) => void, signal: AbortSignal) => Promise<PlanSummary>,
): Promise<void> {
  outliveClosedOutput();
  const view = flags.json === true ? jsonPlan() : textPlan(stops);
  try {
    await withPlanner(flags, async (planner, signal) => {
      const summary = await work(planner, (event) => view.show(event), signal);
      process.exitCode = summary.exit_status;
    });
  } finally {
    view.stop();
  }
}
