import type { Price } from '../contracts/parts.ts';

/** The price of what is made on this machine. */
export const FREE: Price = { picosPerToken: 0, origin: 'made on this machine' };

interface ListedPrice {
  readonly model: string;
  /** US dollars for a million tokens. */
  readonly dollarsPerMillion: number;
}

/** When the prices below were looked up. */
const LISTED_ON = '2026-11-26';

/** What OpenAI asks for embeddings by its standard interface. Source: https://platform.openai.com/docs/pricing. */
const LISTED: readonly ListedPrice[] = [
  { model: 'text-embedding-3-small', dollarsPerMillion: 0.02 },
  { model: 'text-embedding-3-large', dollarsPerMillion: 0.13 },
  { model: 'text-embedding-ada-002', dollarsPerMillion: 0.1 },
];

/** The listed price of a model, or null when it is not in the list. */
export function listedPrice(model: string): Price | null {
  const listed = LISTED.find((entry) => entry.model === model);
  return listed === undefined ? null : priceOf(listed.dollarsPerMillion, `OpenAI's list of ${LISTED_ON}`);
}

/** A price in US dollars for a million tokens, exact to a millionth of a dollar. */
export function priceOf(dollarsPerMillion: number, origin: string): Price {
  return { picosPerToken: Math.round(dollarsPerMillion * 1_000_000), origin };
}
