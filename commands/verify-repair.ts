import type { RepairReport, RunEvent } from '../lib/contracts/apex.ts';
import { type CommonFlags, withInterruptibleApex } from './host.ts';
import { type SetAside, setAsideLines } from './ui/closing.ts';
import { counted } from './ui/figures.ts';
import { repairJson } from './ui/json.ts';
import { outliveClosedOutput, printError, printJson, printLine } from './ui/output.ts';
import { MovingLine, noteAside, type Progress } from './ui/progress.ts';
import { styleOf } from './ui/style.ts';
import { clipped, safeText, withHelp } from './ui/text.ts';
import { showDifferences } from './verify.ts';

/** `apex verify --repair`: heals what differs, and says what became of each difference. */
export async function repairMemory(flags: CommonFlags): Promise<void> {
  outliveClosedOutput();
  const watch = new Watch();
  let report: RepairReport;
  try {
    report = await withInterruptibleApex(
      flags,
      async (apex, onEvent, signal) => {
        const ended = await apex.repair(onEvent, signal);
        process.exitCode = ended.exit_status;
        return ended;
      },
      watch,
    );
  } finally {
    watch.stop();
  }
  if (flags.json === true) for (const line of repairJson(report)) printJson(line);
  else showReport(report);
}

/** What a repair is at, as a line that moves. */
class Watch implements Progress {
  #compared = 0;
  #healed = 0;
  #isStopping = false;
  readonly #line = new MovingLine((width) => clipped(this.#text(), width));

  show(event: RunEvent): void {
    if (event.kind === 'compared') this.#compared = event.documents;
    else if (event.kind === 'document') this.#healed += 1;
    else noteAside(event);
  }

  stopping(): void {
    this.#isStopping = true;
  }

  stop(): void {
    this.#line.stop();
  }

  #text(): string {
    const healed = this.#healed === 0 ? '' : `, ${counted(this.#healed, 'document')} healed`;
    return `${counted(this.#compared, 'document')} compared${healed}${this.#isStopping ? ', stopping' : ''}`;
  }
}

function showReport({ isDone, documents, items, differences, run }: RepairReport): void {
  if (!isDone) {
    printLine('Another repair is at work; nothing was done.');
    return;
  }
  const healed = differences.filter((difference) => difference.healed);
  const left = differences.filter((difference) => !difference.healed);
  showDifferences(differences, 'apex verify --repair --json');
  for (const line of setAsideLines(reasonsOf(left), styleOf('stdout'))) printLine(line);
  if (left.length > 0) printLine('');
  const verdict =
    differences.length === 0
      ? 'no difference'
      : `${counted(differences.length, 'difference')} found, ${healed.length} healed, ${left.length} left`;
  printLine(`${counted(documents, 'document')}, ${counted(items, 'item')} compared: ${verdict}`);
  if (run === null || run.error === null) return;
  if (run.error.code !== 'ABORTED') printError(`stopped: ${safeText(withHelp(run.error))}`);
  printError('Go on with: apex verify --repair');
}

/** Each document that is left, once for each reason. */
function reasonsOf(left: RepairReport['differences']): SetAside[] {
  const reasons = left.flatMap(({ document_id, role, kind, error }) =>
    error === null ? [] : [{ place: document_id || `${role} ${kind}`, code: error.code, message: error.message }],
  );
  return [...new Map(reasons.map((reason) => [JSON.stringify(reason), reason])).values()];
}
