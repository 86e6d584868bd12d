import { JournalError, StoreError } from '../../lib/contracts/errors.ts';
import { probed } from '../../lib/support/probe.ts';

/**
 * What parts do, in one log, and what goes wrong with them. Points are those of the crash tests: `graph.write:before` and
 * `:after`, `journal.append.pivot_planned:before`.
 */
export class Faults {
  readonly #points: string[] = [];
  readonly #actions = new Map<string, (() => void)[]>();

  /** The calls in the order in which they began. */
  get calls(): string[] {
    return this.#points.filter((point) => point.endsWith(':before')).map((point) => point.slice(0, -':before'.length));
  }

  /** Every point passed, begins and ends, in order. */
  get points(): readonly string[] {
    return this.#points;
  }

  /** Forgets what was passed so far. */
  forget(): void {
    this.#points.length = 0;
  }

  /** The part, watched. A call that fails before it begins is rejected, as one that cannot reach its server is. */
  wrap<Part extends object>(name: string, part: Part): Part {
    const watched = probed(name, part, (point) => {
      this.#points.push(point);
      for (const action of this.#actions.get(point) ?? []) action();
    });
    return new Proxy(watched, {
      get(target, key) {
        const member: unknown = Reflect.get(target, key, target);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => {
          try {
            return Reflect.apply(member, target, args);
          } catch (error) {
            return Promise.reject(error);
          }
        };
      },
    });
  }

  /** Does something whenever a point is passed. */
  at(point: string, action: () => void): void {
    this.#actions.set(point, [...(this.#actions.get(point) ?? []), action]);
  }

  /** Fails the next `times` calls at a point: `:before` it nothing is done, `:after` it all is done and the answer lost. */
  fail(point: string, error: Error, times = Number.POSITIVE_INFINITY): void {
    let left = times;
    this.at(point, () => {
      left -= 1;
      if (left >= 0) throw error;
    });
  }
}

/** A store that does not answer; the same call may succeed later. */
export function noAnswer(): StoreError {
  return new StoreError('the store does not answer', { code: 'APEX_STORE', retryable: true });
}

/** A store that will never take this. */
export function refusal(): StoreError {
  return new StoreError('the store refuses this', { code: 'STORE_REFUSED' });
}

export function journalFailure(): JournalError {
  return new JournalError('the journal failed', { code: 'APEX_JOURNAL' });
}
