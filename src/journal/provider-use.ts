import type { ProviderUse } from '../../lib/contracts/journal.ts';

/** Nothing has been used yet. */
export const NO_USE: ProviderUse = { calls: 0, texts: 0, tokens: 0, costNanos: 0 };

/** Both together. What is not known of one is not known of the sum. */
export function plus(a: ProviderUse, b: ProviderUse): ProviderUse {
  return combined(a, b, 1);
}

/** What came to `b` to make `a`. */
export function less(a: ProviderUse, b: ProviderUse): ProviderUse {
  return combined(a, b, -1);
}

function combined(a: ProviderUse, b: ProviderUse, sign: 1 | -1): ProviderUse {
  return {
    calls: a.calls + sign * b.calls,
    texts: a.texts + sign * b.texts,
    tokens: a.tokens + sign * b.tokens,
    costNanos: a.costNanos === null || b.costNanos === null ? null : a.costNanos + sign * b.costNanos,
  };
}
