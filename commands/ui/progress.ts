import chalk from 'chalk';
import ora, { type Ora } from 'ora';
import type { DocumentResult, RunEvent, RunSummary } from '../../lib/contracts/apex.ts';
import { ERROR_CODES } from '../../lib/contracts/error-codes.ts';
import { clipped, columns, printJson, printLine, printNote, safeText, shownDuration, table } from './output.ts';

/** Shows a run while it goes on and when it has ended. */
export interface Progress {
  show(event: RunEvent): void;
  end(summary: RunSummary): void;
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
      else if (event.kind === 'warning') printNote(`warning: ${event.message}`);
    },
    end: (summary) => printJson({ event: 'summary', ...summary }),
    stop: () => {},
  };
}

/** A live line on a terminal, plain lines elsewhere; a closing table, and what was set aside with what to do about it. */
export function textProgress(): Progress {
  return new TextProgress();
}

/** Work shorter than this shows nothing moving. */
const QUIET_MS = 500;

class TextProgress implements Progress {
  readonly #startedMs = performance.now();
  readonly #setAside: DocumentResult[] = [];
  readonly #timer: NodeJS.Timeout | null;
  #spinner: Ora | null = null;
  #listed = 0;
  #isListed = false;
  #done = 0;
  #step = 'list';

  constructor() {
    this.#timer = process.stderr.isTTY ? setTimeout(() => this.#start(), QUIET_MS) : null;
    this.#timer?.unref();
  }

  show(event: RunEvent): void {
    if (event.kind === 'listed') [this.#listed, this.#isListed] = [event.documents, event.isFinal];
    else if (event.kind === 'step') this.#step = event.step;
    else if (event.kind === 'document') this.#document(event.result);
    else if (event.kind === 'problem') this.#note(`${chalk.yellow('!')} ${safeText(event.message)}`);
    else if (event.kind === 'warning') this.#note(`${chalk.yellow('!')} ${safeText(event.message)}`);
    else if (event.kind === 'run_settled') {
      const { runId, finished, discarded, parked } = event;
      this.#note(`settled run ${runId}: ${finished} batches finished, ${discarded} discarded, ${parked} parked`);
    }
    if (this.#spinner !== null) this.#spinner.text = this.#line();
  }

  end(summary: RunSummary): void {
    this.stop();
    const { documents, added, updated, unchanged, deleted, quarantined, failed, chunks, entities, relations } = summary;
    const rows = [
      ['documents', String(documents)],
      ...Object.entries({ added, updated, unchanged, deleted, quarantined, failed })
        .filter(([, count]) => count > 0)
        .map(([name, count]) => [`  ${name}`, String(count)]),
      ...(chunks > 0
        ? [
            ['chunks', String(chunks)],
            ['entities', String(entities)],
            ['relations', String(relations)],
          ]
        : []),
      ['time', shownDuration(summary.duration_ms)],
      ['run', `${summary.run_id} (${summary.state.replace('_', ' ')})`],
    ];
    for (const line of table(rows)) printLine(line);
    for (const { source_uri, document_id, error } of this.#setAside) {
      if (error === undefined) continue;
      printLine(chalk.yellow(clipped(`✗ ${safeText(nameOf(source_uri) || document_id)}: ${error.code}`, columns())));
      printLine(`    ${safeText(error.message)}`);
      printLine(`    ${ERROR_CODES[error.code].help}`);
    }
    if (summary.error !== null && summary.error.code !== 'ABORTED') {
      printNote(`${chalk.red('stopped:')} ${safeText(summary.error.message)}`);
      printNote(`${ERROR_CODES[summary.error.code].help}`);
    }
    if (summary.state === 'interrupted') printNote(`Continue with: apex resume ${summary.run_id}`);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#spinner?.stop();
    this.#spinner = null;
  }

  #start(): void {
    this.#spinner = ora({ text: this.#line(), stream: process.stderr }).start();
  }

  #document(result: DocumentResult): void {
    this.#done += 1;
    if (result.error !== undefined) this.#setAside.push(result);
    if (this.#spinner === null && this.#timer === null && result.outcome !== 'unchanged') {
      printLine(
        `${result.outcome} ${safeText(nameOf(result.source_uri) || result.document_id)}${result.error === undefined ? '' : ` (${result.error.code})`}`,
      );
    }
  }

  #note(line: string): void {
    this.#spinner?.clear();
    printNote(line);
  }

  #line(): string {
    const seconds = (performance.now() - this.#startedMs) / 1_000;
    const rate = this.#done / seconds;
    const left =
      this.#isListed && rate > 0 ? `, ${shownDuration(((this.#listed - this.#done) / rate) * 1_000)} left` : '';
    const listed = this.#isListed ? `/${this.#listed}` : '';
    return clipped(`${this.#done}${listed} documents, ${rate.toFixed(1)}/s${left}, ${this.#step}`, columns() - 3);
  }
}

/** A location as a person knows it: the path of a file, percent signs decoded where that gives text. */
function nameOf(uri: string): string {
  try {
    return decodeURIComponent(uri.replace(/^file:\/\//, ''));
  } catch {
    return uri;
  }
}
