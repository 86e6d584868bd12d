import { type ApexError, isApexError, StoreError } from '../../lib/contracts/errors.ts';
import type { Role } from '../../lib/contracts/store.ts';
import type { Surroundings } from '../pipeline/context.ts';

/** A store that does not answer, and since when. */
export interface Outage {
  readonly role: Role;
  /** Why, as its last call said it. */
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  /** How long it is waited for at most. */
  readonly maxOutageMs: number;
}

interface CircuitSettings {
  readonly role: Role;
  /** How long an outage may last before calls fail; the same for every outage. */
  readonly maxOutageMs: number;
  readonly surroundings: Pick<Surroundings, 'now' | 'elapsed' | 'sleep'>;
  /** Hears when an outage begins, and that it is over (null). */
  readonly onChange: (outage: Outage | null, role: Role) => void;
}

/** So many calls in a row have no answer before it is an outage. */
const OPENS_AFTER = 3;
const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 60_000;

/**
 * Stands before a store that may be out of reach. A call without an answer is made again, which every store allows; after a few of
 * them the circuit is open: calls wait, and one at a time tries whether the store is back. So an outage costs time, and no
 * document an attempt.
 *
 * Only a lack of answers counts (`APEX_STORE`, retryable): a refusal is an answer.
 */
export class Circuit {
  readonly #settings: CircuitSettings;
  #failures = 0;
  #outage: { readonly told: Outage; readonly startedMs: number } | null = null;
  /** Resolves when the call that tries the store has ended; null while none does. */
  #trial: Promise<void> | null = null;
  #isGivenUp = false;

  constructor(settings: CircuitSettings) {
    this.#settings = settings;
  }

  get isOpen(): boolean {
    return this.#outage !== null;
  }

  /**
   * Makes a call as soon as it may have an answer. @throws its error; STORE_DOWN once an outage has lasted too long.
   *
   * @param opensAfter how many calls in a row without an answer make an outage.
   */
  async pass<Answer>(call: () => Promise<Answer>, signal: AbortSignal, opensAfter = OPENS_AFTER): Promise<Answer> {
    for (;;) {
      const endTrial = await this.#turn(signal);
      try {
        const answer = await call();
        this.#close();
        return answer;
      } catch (error) {
        if (!isOutage(error)) {
          if (!signal.aborted) this.#close();
          throw error;
        }
        this.#noteFailure(error, opensAfter);
      } finally {
        endTrial();
      }
      if (this.#outage === null) await this.#settings.surroundings.sleep(this.#delayMs(), signal);
    }
  }

  /** Waits until a call may be made: at once while the circuit is closed, else in turn. @returns what ends the turn. */
  async #turn(signal: AbortSignal): Promise<() => void> {
    while (this.#outage !== null) {
      if (this.#isGivenUp) throw this.#down();
      if (this.#trial === null) return this.#tryAfterDelay(signal);
      await this.#trial;
      signal.throwIfAborted();
    }
    return () => {};
  }

  async #tryAfterDelay(signal: AbortSignal): Promise<() => void> {
    const trial = Promise.withResolvers<void>();
    this.#trial = trial.promise;
    const endTrial = () => {
      this.#trial = null;
      trial.resolve();
    };
    try {
      await this.#settings.surroundings.sleep(this.#delayMs(), signal);
      return endTrial;
    } catch (error) {
      endTrial();
      throw error;
    }
  }

  #delayMs(): number {
    return Math.min(FIRST_DELAY_MS * 2 ** Math.max(0, this.#failures - 1), MAX_DELAY_MS);
  }

  #noteFailure({ message }: ApexError, opensAfter: number): void {
    const { role, surroundings, maxOutageMs, onChange } = this.#settings;
    this.#failures += 1;
    if (this.#failures < opensAfter) return;
    if (this.#outage === null) {
      const told = { role, reason: message, sinceMs: surroundings.now(), maxOutageMs };
      this.#outage = { told, startedMs: surroundings.elapsed() };
      onChange(told, role);
    }
    this.#isGivenUp = surroundings.elapsed() - this.#outage.startedMs >= maxOutageMs;
    if (this.#isGivenUp) throw this.#down();
  }

  #down(): StoreError {
    const { role, maxOutageMs } = this.#settings;
    const { reason } = this.#outage!.told;
    return new StoreError(`the ${role} store has not answered for ${Math.round(maxOutageMs / 1_000)} s: ${reason}`, {
      code: 'STORE_DOWN',
      details: { role },
    });
  }

  #close(): void {
    this.#failures = 0;
    this.#isGivenUp = false;
    if (this.#outage === null) return;
    this.#outage = null;
    this.#settings.onChange(null, this.#settings.role);
  }
}

/** Did a store give no answer? */
export function isOutage(error: unknown): error is ApexError {
  return isApexError(error) && error.code === 'APEX_STORE' && error.retryable;
}

/** What is answered piece by piece: it is not asked for again, because some of it is used by then. */
const STREAMS: ReadonlySet<string | symbol> = new Set(['inventory', 'versions', 'expectedInventory', 'unshared']);

/** A store whose calls wait at a circuit while it is out of reach. */
export function patient<Part extends object>(store: Part, circuit: Circuit): Part {
  return new Proxy(store, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== 'function') return member;
      if (key === 'close' || STREAMS.has(key)) return member.bind(target) as unknown;
      return (...args: unknown[]): unknown => {
        const signal = args.find((argument) => argument instanceof AbortSignal) ?? NEVER;
        return circuit.pass(() => Reflect.apply(member, target, args) as Promise<unknown>, signal);
      };
    },
  });
}

/** Of a call that nobody can stop. */
const NEVER = new AbortController().signal;
