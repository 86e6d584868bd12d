import { isApexError } from '../../lib/contracts/errors.ts';
import type { StepName } from '../../lib/contracts/pipeline.ts';
import type { StepContext } from './context.ts';

/** How often a step is tried and how long it waits in between. The one owner of retries: client libraries have theirs off. */
export interface RetryPolicy {
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

/** The seven steps' retry policies, from the table in section 3 of the design. Delays double. */
export const RETRIES: { readonly [step in StepName]: RetryPolicy } = {
  stage: { attempts: 3, firstDelayMs: 1_000, maxDelayMs: 30_000 },
  parse: { attempts: 3, firstDelayMs: 1_000, maxDelayMs: 30_000 },
  chunk: { attempts: 1, firstDelayMs: 0, maxDelayMs: 0 },
  extract: { attempts: 3, firstDelayMs: 1_000, maxDelayMs: 30_000 },
  embed: { attempts: 5, firstDelayMs: 1_000, maxDelayMs: 30_000 },
  write: { attempts: 3, firstDelayMs: 1_000, maxDelayMs: 30_000 },
  cleanup: { attempts: 2, firstDelayMs: 1_000, maxDelayMs: 10_000 },
};

/**
 * Runs the operation until it succeeds, fails for good or has used its attempts; then its last error is thrown.
 *
 * A provider's own waiting time (`details.retryAfterMs`) replaces the computed delay, up to five minutes.
 */
export async function withRetries<T>(
  policy: RetryPolicy,
  context: Pick<StepContext, 'signal' | 'surroundings' | 'onRetry'>,
  operation: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    context.signal.throwIfAborted();
    try {
      return await operation();
    } catch (error) {
      if (!isApexError(error) || !error.retryable || attempt >= policy.attempts) throw error;
      const ms = delayMs(policy, attempt, error.details['retryAfterMs']);
      context.onRetry?.({ error, ms });
      await context.surroundings.sleep(ms, context.signal);
    }
  }
}

const MAX_ASKED_DELAY_MS = 300_000;

function delayMs(policy: RetryPolicy, attempt: number, askedMs: unknown): number {
  if (typeof askedMs === 'number' && askedMs >= 0) return Math.min(askedMs, MAX_ASKED_DELAY_MS);
  return Math.min(policy.firstDelayMs * 2 ** (attempt - 1), policy.maxDelayMs);
}
