import type { Ora } from 'ora';
import type { DocumentResult, RunEvent, RunSummary } from '../../lib/contracts/apex.ts';
import { ERROR_CODES } from '../../lib/contracts/error-codes.ts';
import { closingTable, type SetAside, setAsideLines, setAsideOf } from './closing.ts';
import { counted, shownDuration, shownPlace } from './figures.ts';
import { LiveLine } from './live-line.ts';
import { columns, isLive, printError, printJson, printLine, printNote, printWarning } from './output.ts';
import { rejectionJson, rejectionText } from './rejection.ts';
import { isColourless, type Style, styleOf } from './style.ts';
import { safeText, withHelp } from './text.ts';

/** Shows runs while they go on and when they have ended. */
export interface Progress {
  show(event: RunEvent): void;
  /** Shows that an interruption was heard. */
  stopping(): void;
  /** Stops what moves on the screen. */
  stop(): void;
}

/** One JSON object a line on standard output; notes for people go to standard error. */
export function jsonProgress(): Progress {
  return {
    show(event) {
      if (event.kind === 'document') printJson({ event: 'document', ...event.result });
      else if (event.kind === 'problem')
        printJson({ event: 'problem', uri: event.uri, code: event.code, message: event.message });
      else if (event.kind === 'rejected') printJson(rejectionJson(event));
      else if (event.kind === 'warning') warn(event, String);
      else if (event.kind === 'waiting_store') {
        const { role, reason, since, maxOutageMs } = event;
        printJson({ event: 'waiting_store', role, reason, since, max_outage_ms: maxOutageMs });
      } else if (event.kind === 'store_back') printJson({ event: 'store_back', role: event.role });
      else if (event.kind === 'run_ended') {
        printJson({ event: 'summary', ...event.summary });
        noteStop(event.summary, String);
      }
    },
    stopping: () => {},
    stop: () => {},
  };
}

/** A live line on a terminal, plain lines elsewhere; a closing table, and what was set aside with what to do about it. */
export function textProgress(): Progress {
  return new TextProgress();
}

/** A line that moves on a terminal and is gone when the work is done; nothing where there is no terminal or the work is short. */
export class MovingLine {
  readonly #text: (width: number) => string;
  readonly #begin: NodeJS.Timeout | null;
  #redraw: NodeJS.Timeout | null = null;
  #spinner: Ora | null = null;
  #isStopped = false;

  constructor(text: (width: number) => string) {
    this.#text = text;
    this.#begin = isLive() ? setTimeout(() => void this.#start(), QUIET_MS) : null;
    this.#begin?.unref();
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#begin !== null) clearTimeout(this.#begin);
    if (this.#redraw !== null) clearInterval(this.#redraw);
    this.#spinner?.stop();
    this.#spinner = null;
  }

  /** What draws is loaded only now: most commands end before, or have no terminal. */
  async #start(): Promise<void> {
    const { default: ora } = await import('ora');
    if (this.#isStopped) return;
    this.#spinner = ora({
      text: this.#fitting(),
      stream: process.stderr,
      color: isColourless() ? false : 'cyan',
      isEnabled: true,
      // Else the terminal is put into raw mode, and Ctrl-C is a key that nobody reads.
      discardStdin: false,
    }).start();
    this.#redraw = setInterval(() => {
      if (this.#spinner !== null) this.#spinner.text = this.#fitting();
    }, REDRAW_MS);
    this.#redraw.unref();
  }

  /** What fits beside the mark that turns. */
  #fitting(): string {
    return this.#text(columns('stderr') - MARK_COLUMNS);
  }
}

/** Work shorter than this shows nothing moving. */
const QUIET_MS = 500;
const REDRAW_MS = 100;
const MARK_COLUMNS = 3;

/** Problems of listing that are shown as they come; the others are counted. */
const SHOWN_PROBLEMS = 20;

/** What one run has shown. */
interface RunView {
  readonly line: LiveLine;
  readonly setAside: SetAside[];
  problems: number;
  rejected: number;
}

class TextProgress implements Progress {
  readonly #out = styleOf('stdout');
  readonly #notes = styleOf('stderr');
  /** A file or a pipe gets a line a document, and so does a terminal that cannot redraw. */
  readonly #isPlain = !isLive();
  #run = newView();
  #moving = this.#newLine();

  show(event: RunEvent): void {
    this.#run.line.take(event);
    if (event.kind === 'document') this.#document(event.result);
    else if (event.kind === 'problem') this.#problem(event);
    else if (event.kind === 'rejected') this.#rejection(event);
    else if (event.kind === 'warning') warn(event, this.#notes.warning);
    else if (event.kind === 'waiting_store' || event.kind === 'store_back') noteWait(event);
    else if (event.kind === 'run_settled') {
      const { runId, finished, discarded, parked } = event;
      const batches = counted(finished, 'batch', 'batches');
      printNote(`Settled run ${runId}: ${batches} finished, ${discarded} discarded, ${parked} parked.`);
    } else if (event.kind === 'run_ended') {
      this.#moving.stop();
      this.#end(event.summary);
      [this.#run, this.#moving] = [newView(), this.#newLine()];
    }
  }

  stopping(): void {
    this.#run.line.stopping();
  }

  stop(): void {
    this.#moving.stop();
  }

  #newLine(): MovingLine {
    return new MovingLine((width) => this.#run.line.text(width));
  }

  #document(result: DocumentResult): void {
    const setAside = setAsideOf(result);
    this.#run.setAside.push(...setAside);
    if (!this.#isPlain || result.outcome === 'unchanged') return;
    const name = safeText(shownPlace(result.source_uri) || result.document_id);
    printLine(`${result.outcome} ${name}${setAside.map(({ code }) => ` (${code})`).join('')}`);
  }

  #problem(problem: Extract<RunEvent, { kind: 'problem' }>): void {
    this.#run.problems += 1;
    if (this.#run.problems > SHOWN_PROBLEMS + 1) return;
    const isShown = this.#run.problems <= SHOWN_PROBLEMS;
    const text = isShown ? withHelp(problem) : 'More cannot be read; --json lists all.';
    printError(`${this.#notes.failure('error:')} ${safeText(text)}`);
  }

  #rejection(rejection: Extract<RunEvent, { kind: 'rejected' }>): void {
    this.#run.rejected += 1;
    if (this.#run.rejected <= SHOWN_PROBLEMS)
      printError(`${this.#notes.warning('rejected')} ${rejectionText(rejection)}`);
  }

  #end(summary: RunSummary): void {
    const { problems, setAside } = this.#run;
    for (const line of closingTable(summary, problems)) printLine(line);
    for (const line of setAsideLines(setAside, this.#out)) printLine(line);
    if (summary.quarantined > 0) {
      printLine('');
      printLine('What is in quarantine, with the reason: apex documents list --quarantined');
    }
    if ((summary.records?.rejected ?? 0) > 0) {
      printLine('');
      printLine('What was rejected, with the reason: apex records list --rejected');
    }
    noteStop(summary, this.#notes.failure);
  }
}

/** What is told of work that shows only its result: warnings, and what is waited for. */
export function noteAside(event: RunEvent): void {
  if (event.kind === 'warning') printWarning(event.message);
  else if (event.kind === 'waiting_store' || event.kind === 'store_back') noteWait(event);
}

function noteWait(event: Extract<RunEvent, { kind: 'waiting_store' | 'store_back' }>): void {
  if (event.kind === 'store_back') {
    printNote(`The ${event.role} store is back.`);
    return;
  }
  const { role, reason, since, maxOutageMs } = event;
  const time = `since ${since.slice(11, 19)} UTC, for ${shownDuration(maxOutageMs)} at most`;
  printWarning(`waiting for the ${role} store ${time}: ${safeText(reason)}`);
}

/** What has a code of the error table earns an exit status, so it is said also where all else is silent. */
function warn({ code, message }: { readonly code: string; readonly message: string }, shown: Style['warning']): void {
  if (code in ERROR_CODES) printError(`${shown('warning:')} ${safeText(message)}`);
  else printWarning(message, shown);
}

/** Why a run stopped before its end, and how it is gone on with. */
function noteStop({ error, state, run_id }: RunSummary, shown: (text: string) => string): void {
  if (error !== null && error.code !== 'ABORTED') {
    printError(`${shown('stopped:')} ${safeText(error.message)}`);
    printError(ERROR_CODES[error.code].help);
  }
  // What a cap stopped has said how it is gone on with, and by which flag.
  if (state === 'interrupted' && error?.code !== 'CAP_REACHED') printError(`Continue with: apex resume ${run_id}`);
}

function newView(): RunView {
  return { line: new LiveLine(() => performance.now()), setAside: [], problems: 0, rejected: 0 };
}
