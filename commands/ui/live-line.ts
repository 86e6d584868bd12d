import type { RunEvent } from '../../lib/contracts/apex.ts';
import { shownCount, shownRate, shownTimeLeft } from './figures.ts';
import { clipped, displayWidth } from './text.ts';

/** What a run has come to so far, as one line that is drawn again and again. */
export class LiveLine {
  readonly #now: () => number;
  readonly #startedMs: number;
  /** Done but for writing: they wait for their batch. */
  readonly #ready = new Set<string>();
  /** Begun and not done, attachments too, which were not listed. */
  readonly #open = new Set<string>();
  #listed = 0;
  #isListed = false;
  #done = 0;
  #unchanged = 0;
  /** Of a run over records. */
  #records = 0;
  #step = 'list';
  #isStopping = false;
  /** The store that is waited for. */
  #waitingFor: string | null = null;

  /** @param now milliseconds of a clock that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
    this.#startedMs = now();
  }

  take(event: RunEvent): void {
    if (event.kind === 'waiting_store') this.#waitingFor = event.role;
    else if (event.kind === 'store_back') this.#waitingFor = null;
    else if (event.kind === 'records') this.#records = event.counts.records;
    else if (event.kind === 'listed') [this.#listed, this.#isListed] = [event.documents, event.isFinal];
    else if (event.kind === 'step') {
      this.#step = event.step;
      this.#open.add(event.documentId);
    } else if (event.kind === 'prepared') this.#ready.add(event.documentId);
    else if (event.kind === 'document') {
      this.#done += 1;
      if (event.result.outcome === 'unchanged') this.#unchanged += 1;
      this.#ready.delete(event.result.document_id);
      this.#open.delete(event.result.document_id);
    }
  }

  /** Shows that an interruption was heard. */
  stopping(): void {
    this.#isStopping = true;
  }

  /** The line in so many columns: what matters least goes first. */
  text(width: number): string {
    const { counts, short, ready, rate, left } = this.#parts();
    const waiting = this.#waitingFor === null ? this.#step : `waiting for the ${this.#waitingFor} store`;
    const step = this.#isStopping ? 'stopping' : waiting;
    const lines = [
      [counts, ready, rate, left, step],
      [counts, rate, left, step],
      [counts, left, step],
      [short, left, step],
      [short, step],
    ].map((parts) => parts.filter((part) => part !== '').join(', '));
    return lines.find((line) => displayWidth(line) <= width) ?? clipped(lines.at(-1)!, width);
  }

  /** How many records there are is known at their end. */
  #recordParts(seconds: number) {
    const counts = `${shownCount(this.#records)} records`;
    const rate = seconds > 0 ? shownRate(this.#records / seconds) : '';
    return { counts, short: counts, ready: '', rate, left: '' };
  }

  #parts() {
    const begun = this.#done + this.#ready.size;
    // Attachments are found on the way: then there is more than was listed.
    const total = Math.max(this.#listed, this.#done + this.#open.size);
    const seconds = (this.#now() - this.#startedMs) / 1_000;
    // What was found unchanged took no time worth counting, and says nothing of how long the others take.
    const worked = begun > this.#unchanged ? begun - this.#unchanged : begun;
    const rate = seconds > 0 ? worked / seconds : 0;
    const isKnown = this.#isListed && rate > 0 && begun < total;
    const done = shownCount(this.#done);
    if (this.#records > 0) return this.#recordParts(seconds);
    return {
      counts: this.#isListed ? `${done} of ${shownCount(total)} documents` : `${done} documents`,
      short: this.#isListed ? `${done}/${shownCount(total)}` : done,
      ready: this.#ready.size === 0 ? '' : `${shownCount(this.#ready.size)} ready`,
      rate: rate === 0 ? '' : shownRate(rate),
      left: isKnown ? `${shownTimeLeft(((total - begun) / rate) * 1_000)} left` : '',
    };
  }
}
