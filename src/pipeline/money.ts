import type { Price } from '../../lib/contracts/parts.ts';

/** Money is counted in billionths of a US dollar, whole, so that sums are exact. */
const NANOS_A_DOLLAR = 1_000_000_000;

/** What so many tokens cost, in billionths of a dollar, rounded up; null when the price is not known. */
export function costOf(tokens: number, price: Price | null): number | null {
  return price === null ? null : Math.ceil((tokens * price.picosPerToken) / 1_000);
}

/** Dollars of a sum of money, for JSON; null stays null. */
export function dollarsOf(nanos: number | null): number | null {
  return nanos === null ? null : nanos / NANOS_A_DOLLAR;
}

/** Billionths of a dollar of an amount in dollars. */
export function nanosOf(dollars: number): number {
  return Math.round(dollars * NANOS_A_DOLLAR);
}

/** Money for people: four decimals, and more where a sum would read as nothing. */
export function shownDollars(nanos: number): string {
  const dollars = nanos / NANOS_A_DOLLAR;
  return `$${nanos === 0 || nanos >= 100_000 ? dollars.toFixed(4) : dollars.toFixed(9).replace(/0+$/, '')}`;
}
