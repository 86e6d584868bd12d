import type { IngestRequest } from '../../lib/contracts/apex.ts';
import { PLANNED_ACTIONS, type PlanEvent, type PlannedDocument, type PlanSummary } from '../../lib/contracts/plan.ts';
import { dollarsOf, nanosOf, shownDollars } from '../../src/pipeline/money.ts';
import { recordRows, type SetAside, setAsideLines } from './closing.ts';
import { counted, shownCount, shownDuration, shownPlace } from './figures.ts';
import { columns, isLive, printJson, printLine, printNote, printWarning } from './output.ts';
import { MovingLine } from './progress.ts';
import { rejectionJson, rejectionText } from './rejection.ts';
import { styleOf } from './style.ts';
import { details } from './table.ts';
import { clipped, safeText, withHelp } from './text.ts';

/** What may stop the run before its end. */
type StopOptions = Pick<IngestRequest, 'caps' | 'onError'>;

/** Shows a plan while it is made and when it is whole. */
interface PlanView {
  show(event: PlanEvent): void;
  /** Stops what moves on the screen. */
  stop(): void;
}

/** One JSON object a line on standard output; notes for people go to standard error. */
export function jsonPlan(): PlanView {
  return {
    show(event) {
      if (event.kind === 'planned') printJson({ event: 'planned_document', ...event.document });
      else if (event.kind === 'problem')
        printJson({ event: 'problem', uri: event.uri, code: event.code, message: event.message });
      else if (event.kind === 'rejected') printJson(rejectionJson(event));
      else if (event.kind === 'warning') printWarning(event.message);
      else if (event.kind === 'plan_ended') printJson({ event: 'plan', ...event.summary });
    },
    stop: () => {},
  };
}

/** A line a document, then the table; on a terminal a line that moves until then. */
export function textPlan(request: StopOptions): PlanView {
  return new TextPlan(request);
}

/** Unchanged documents that are named; the others are counted. */
const SHOWN_UNCHANGED = 20;
/** Problems of listing that are told; the others are counted. */
const SHOWN_PROBLEMS = 20;

class TextPlan implements PlanView {
  readonly #request: StopOptions;
  readonly #out = styleOf('stdout');
  readonly #notes = styleOf('stderr');
  /** What moves would be torn by lines between: on a terminal they come when it is gone. */
  readonly #held: string[] = [];
  readonly #isLive = isLive();
  readonly #moving = new MovingLine((width) => clipped(this.#state(), width));
  readonly #setAside: SetAside[] = [];
  #listed = 0;
  #planned = 0;
  #unchanged = 0;
  #problems = 0;
  #rejected = 0;

  constructor(request: StopOptions) {
    this.#request = request;
  }

  show(event: PlanEvent): void {
    if (event.kind === 'listed') this.#listed = event.documents;
    else if (event.kind === 'planned') this.#document(event.document);
    else if (event.kind === 'problem') this.#problem(event);
    else if (event.kind === 'rejected') this.#reject(event);
    else if (event.kind === 'warning') this.#warn(event.message);
    else this.#end(event.summary);
  }

  stop(): void {
    this.#moving.stop();
  }

  #state(): string {
    const total = Math.max(this.#listed, this.#planned);
    return `${shownCount(this.#planned)} of ${counted(total, 'document')} planned`;
  }

  #document(document: PlannedDocument): void {
    this.#planned += 1;
    if (document.error !== undefined)
      this.#setAside.push({ place: shownPlace(document.source_uri), ...document.error });
    if (document.action === 'unchanged') this.#unchanged += 1;
    if (document.action !== 'unchanged' || this.#unchanged <= SHOWN_UNCHANGED) this.#line(lineOf(document));
  }

  #line(line: string): void {
    if (this.#isLive) this.#held.push(line);
    else printLine(line);
  }

  #problem(problem: Extract<PlanEvent, { kind: 'problem' }>): void {
    this.#problems += 1;
    if (this.#problems <= SHOWN_PROBLEMS) this.#warn(withHelp(problem));
    else if (this.#problems === SHOWN_PROBLEMS + 1) this.#warn('More cannot be read; --json lists all.');
  }

  #reject(rejection: Extract<PlanEvent, { kind: 'rejected' }>): void {
    this.#rejected += 1;
    if (this.#rejected <= SHOWN_PROBLEMS) printNote(`${this.#notes.warning('rejected')} ${rejectionText(rejection)}`);
    else if (this.#rejected === SHOWN_PROBLEMS + 1) this.#warn('More are rejected; --json lists all.');
  }

  #warn(message: string): void {
    printNote(`${this.#notes.warning('!')} ${safeText(message)}`);
  }

  #end(summary: PlanSummary): void {
    this.#moving.stop();
    for (const line of this.#held) printLine(line);
    const hidden = this.#unchanged - SHOWN_UNCHANGED;
    if (hidden > 0) printLine(`… and ${shownCount(hidden)} more unchanged; --json lists all`);
    if (summary.documents > 0) printLine('');
    for (const line of planTable(summary)) printLine(line);
    for (const line of setAsideLines(this.#setAside, this.#out)) printLine(line);
    printLine('');
    const whole = summary.state === 'completed';
    printLine(`${whole ? 'A plan' : 'Interrupted: a plan of what was seen until then'}; nothing was written.`);
    for (const flag of crossed(summary, this.#request)) printLine(`${flag} would stop the run before its end.`);
  }
}

const ACTION_COLUMNS = Math.max(...PLANNED_ACTIONS.map((action) => action.length));

/** One document on a line that fits: what would be done with it, where it is, and how much it is. */
function lineOf({ action, source_uri, document_id, chunks, embedding_tokens, error }: PlannedDocument): string {
  const amount =
    chunks > 0
      ? `  ${counted(chunks, 'chunk')}, ${embedding_tokens === 0 ? 'nothing to embed' : counted(embedding_tokens, 'token')}`
      : '';
  const end = error === undefined ? amount : `  ${error.code}`;
  const width = Math.max(16, columns() - ACTION_COLUMNS - 2 - end.length);
  const place = clipped(safeText(shownPlace(source_uri) || document_id), width, 'end');
  return `${action.padEnd(ACTION_COLUMNS)}  ${place}${end}`;
}

/** The closing table of a plan. */
export function planTable(summary: PlanSummary): string[] {
  const { rows, price, estimated_from: from } = summary;
  const some = (name: string, count: number): [string, string][] => (count > 0 ? [[name, shownCount(count)]] : []);
  const written = Object.entries(rows).filter(([, count]) => count > 0);
  return details([
    ...recordRows(summary),
    ['documents', shownCount(summary.documents)],
    ...PLANNED_ACTIONS.flatMap((action) => some(`  ${action}`, summary[action])),
    ...some('not read', summary.problems),
    ...some('chunks', summary.chunks),
    ...some('entities', summary.entities),
    ...some('relations', summary.relations),
    ['rows', written.length === 0 ? 'none' : written.map(([role, count]) => `${shownCount(count)} ${role}`).join(', ')],
    ['to embed', embeddingOf(summary)],
    ...(price === null || price.usd_per_million_tokens === 0
      ? []
      : ([['price', `$${price.usd_per_million_tokens} for a million tokens (${price.origin})`]] as [string, string][])),
    ['time', `about ${shownDuration(summary.estimated_ms)}`],
    ['  to prepare', `${shownDuration(from.prepare_ms)}, as measured now`],
    ...(summary.embedding_calls === 0
      ? []
      : ([['  a call', `${from.request_ms} ms assumed, ${from.requests_at_once} at once`]] as [string, string][])),
    ...(written.length === 0 ? [] : ([['  a row', `${from.row_ms} ms assumed`]] as [string, string][])),
  ]);
}

function embeddingOf({ embedded_texts, embedding_calls, embedding_tokens, cost_usd, price }: PlanSummary): string {
  if (embedded_texts === 0) return 'nothing';
  if (price?.usd_per_million_tokens === 0) return `${counted(embedded_texts, 'text')}, which costs nothing`;
  const cost = cost_usd === null ? 'price not known: set OPENAI_EMBEDDING_PRICE' : shownDollars(nanosOf(cost_usd));
  return `${counted(embedded_texts, 'text')}, ${counted(embedding_calls, 'call')}, ${counted(embedding_tokens, 'token')} at most, ${cost}`;
}

/** What would stop the run before its end, as flags. */
function crossed(summary: PlanSummary, { caps, onError }: StopOptions): string[] {
  const { maxCalls = null, maxCostNanos = null, maxDocuments = null, maxDurationMs = null } = caps ?? {};
  const over = (cap: number | null, used: number) => cap !== null && used > cap;
  const flags: readonly [flag: string, isCrossed: boolean][] = [
    [`--max-calls ${maxCalls}`, over(maxCalls, summary.embedding_calls)],
    [`--max-cost ${dollarsOf(maxCostNanos)}`, over(maxCostNanos, nanosOf(summary.cost_usd ?? 0))],
    [`--max-documents ${maxDocuments}`, over(maxDocuments, summary.add + summary.update)],
    ['--max-duration', over(maxDurationMs, summary.estimated_ms)],
    ['--on-error stop', onError === 'stop' && summary.quarantine > 0],
  ];
  return flags.filter(([, isCrossed]) => isCrossed).map(([flag]) => flag);
}
