import type { ApexError } from '../../lib/contracts/errors.ts';
import type { Waiting } from '../../lib/contracts/feed-source.ts';
import type { Surroundings } from './context.ts';

/** Who hears of a wait. */
type Tell = (warning: { readonly kind: 'warning'; readonly code: 'SOURCE_WAITS'; readonly message: string }) => void;

/** Tells that a source is waited for; that it keeps its own pace is nobody's concern. */
export function tellingWaits(source: string, tell: Tell): (waiting: Waiting) => void {
  return ({ reason, ms }) => {
    if (reason === 'pace') return;
    const why = reason === 'limited' ? 'asked to slow down' : 'did not answer';
    const message = `${source} ${why}; it is asked again in ${Math.ceil(ms / 1_000)} s`;
    tell({ kind: 'warning', code: 'SOURCE_WAITS', message });
  };
}

/** An attempt that failed, and the wait before the next. */
export interface Retry {
  readonly error: ApexError;
  readonly ms: number;
}

/** Tells of waits that servers asked for before they give a document: once for all documents that wait at the same time. */
export class AskedWaits {
  readonly #surroundings: Pick<Surroundings, 'elapsed'>;
  readonly #tell: Tell;
  readonly #toldUntil = new Map<string, number>();

  constructor(surroundings: Pick<Surroundings, 'elapsed'>, tell: Tell) {
    this.#surroundings = surroundings;
    this.#tell = tell;
  }

  /** @param source who is waited for, where the error does not name a host. */
  take({ error, ms }: Retry, source: string): void {
    const { retryAfterMs, host } = error.details;
    if (typeof retryAfterMs !== 'number' || ms === 0) return;
    const name = typeof host === 'string' ? host : source;
    const nowMs = this.#surroundings.elapsed();
    if (nowMs < (this.#toldUntil.get(name) ?? Number.NEGATIVE_INFINITY)) return;
    this.#toldUntil.set(name, nowMs + ms);
    tellingWaits(name, this.#tell)({ reason: 'limited', ms });
  }
}
