import type { ErrorCode } from '../../lib/contracts/error-codes.ts';
import { isApexError } from '../../lib/contracts/errors.ts';
import type { ProviderUse } from '../../lib/contracts/journal.ts';
import type { Embedder, Embedding } from '../../lib/contracts/parts.ts';
import { NO_USE, plus } from '../journal/provider-use.ts';
import type { Allowance } from './allowance.ts';
import { costOf } from './money.ts';

/** Failures of requests that nobody bills. After others the answer may have been lost, and is counted as it was before. */
const UNBILLED: ReadonlySet<ErrorCode> = new Set(['RATE_LIMITED', 'PROVIDER_REFUSED']);

/** What embedding took so far in one process's work on a run, under its caps, and what is being embedded now. */
export class EmbeddingUse {
  /** By cache key: two documents with the same text, prepared side by side, pay once. */
  readonly underWay = new Map<string, Promise<ReadonlyMap<string, Float32Array>>>();
  readonly #allowance: Allowance;
  readonly #onUsed: (since: ProviderUse) => void;
  #total = NO_USE;
  /** Tokens billed for each one counted, at the most so far: what is counted may be too little for a provider. */
  #billedPerCounted = 1;

  /** @param onUsed hears of each request before it is made, and of what is corrected after it. */
  constructor(allowance: Allowance, onUsed: (since: ProviderUse) => void = () => {}) {
    this.#allowance = allowance;
    this.#onUsed = onUsed;
  }

  get total(): ProviderUse {
    return this.#total;
  }

  /**
   * Makes a request for the texts, its price reserved before and settled after.
   *
   * @throws ProviderError CAP_REACHED when it would cross a cap: then it is not made. Else what the request throws.
   */
  async pay(
    texts: readonly string[],
    embedder: Pick<Embedder, 'countBilledTokens' | 'price'>,
    request: () => Promise<Embedding>,
  ): Promise<Embedding['vectors']> {
    const { price } = embedder;
    const counted = texts.reduce((sum, text) => sum + embedder.countBilledTokens(text), 0);
    const reserved = Math.ceil(counted * this.#billedPerCounted);
    this.#allowance.reserve(costOf(reserved, price) ?? 0);
    this.#note({ calls: 1, texts: 0, tokens: reserved, costNanos: costOf(reserved, price) });
    const settle = (tokens: number, done: number) => {
      const costNanos = price === null ? null : costOf(tokens, price)! - costOf(reserved, price)!;
      this.#allowance.add(0, costNanos ?? 0);
      this.#note({ calls: 0, texts: done, tokens: tokens - reserved, costNanos });
    };
    try {
      const { vectors, tokens } = await request();
      if (tokens !== null && counted > 0) this.#billedPerCounted = Math.max(this.#billedPerCounted, tokens / counted);
      settle(tokens ?? counted, texts.length);
      return vectors;
    } catch (error) {
      if (isApexError(error) && UNBILLED.has(error.code)) settle(0, 0);
      throw error;
    }
  }

  /** Takes in what another process used for this one. */
  add(since: ProviderUse): void {
    this.#allowance.add(since.calls, since.costNanos ?? 0);
    this.#note(since);
  }

  #note(since: ProviderUse): void {
    this.#total = plus(this.#total, since);
    this.#onUsed(since);
  }
}
