import type { IngestRequest } from '../lib/contracts/apex.ts';
import { type CommonFlags, withPlanner } from './host.ts';
import { outliveClosedOutput } from './ui/output.ts';
import { jsonPlan, textPlan } from './ui/plan.ts';

/** `apex ingest … --dry-run`: what the ingest would do, and nothing of it done. */
export async function planCommand(request: IngestRequest, flags: CommonFlags): Promise<void> {
  outliveClosedOutput();
  const view = flags.json === true ? jsonPlan() : textPlan(request);
  try {
    await withPlanner(flags, async (planner, signal) => {
      const summary = await planner.plan(request, (event) => view.show(event), signal);
      process.exitCode = summary.exit_status;
    });
  } finally {
    view.stop();
  }
}
