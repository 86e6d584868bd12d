// Embedders: texts in, vectors out.
// May import lib/contracts, lib/support and their own vendor packages.
// Must never retry: the pipeline owns retries.

export type { OpenAiSettings } from './openai.ts';

/** The embedders, each loaded when it is asked for. */
export const EMBEDDERS = {
  lexical: () => import('./lexical.ts'),
  openai: () => import('./openai.ts'),
} as const;

/** What their models cost, loaded when it is asked for. */
export const PRICES = () => import('./prices.ts');

/** What `apex doctor` asks an endpoint, loaded when it does. */
export const loadChecks = () => import('./checks.ts');
