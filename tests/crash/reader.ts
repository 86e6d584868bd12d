import { setTimeout as delay } from 'node:timers/promises';
import type { SearchRequest } from '../../lib/contracts/apex.ts';
import { createLexicalEmbedder } from '../../lib/embedders/lexical.ts';
import { search } from '../../src/search/search.ts';
import type { Memory } from './memories.ts';

/** More hits than there are documents: whatever is visible is among them. */
const LIMIT = 100;

/** Leaves the machine to those who are watched. */
const PAUSE_MS = 10;

const QUERIES: readonly Pick<SearchRequest, 'text' | 'mode'>[] = [
  { text: 'lighthouse', mode: 'keyword' },
  { text: 'lighthouse', mode: 'vector' },
  { text: 'lighthouse', mode: 'hybrid' },
  { text: 'LD-999999', mode: 'graph' },
];

/** Somebody who searches all the time while others write and are killed. */
export interface Reader {
  /** What was seen that must never be. */
  close(): Promise<{ readonly searches: number; readonly problems: readonly string[] }>;
}

/**
 * Searches in every mode for a document that changes in every round and is never deleted: it is found each time, once, and never
 * in an older state than before. Where each store has a commit of its own, that holds for each mode: between the pivot and the
 * publishing of a store, its mode finds the older one yet.
 */
export async function openReader(memory: Memory): Promise<Reader> {
  const embedder = createLexicalEmbedder();
  const { stores, close } = await memory.openStores();
  const problems = new Set<string>();
  let searches = 0;
  let isOpen = true;
  const newest = new Map<string, number>();
  const signal = new AbortController().signal;
  /** For whoever asks why it was not found. */
  const currentAnchor = async () => {
    const all = await stores.records.documents({ afterDocumentId: null, limit: LIMIT, group: null }, signal);
    return JSON.stringify(
      all.filter(({ name }) => name === 'anchor.md').map(({ version, runId }) => ({ version, runId })),
    );
  };
  const look = async ({ text, mode }: (typeof QUERIES)[number]) => {
    const hits = await search({ text, mode, limit: LIMIT }, { stores, embedder, group: '' }, signal);
    const rounds = hits.flatMap((hit) => /lighthouse is in round (\d+)/.exec(hit.text)?.slice(1).map(Number) ?? []);
    searches += 1;
    if (rounds.length !== 1)
      problems.add(`a reader found ${rounds.length} versions by ${mode}; current was ${await currentAnchor()}`);
    const seenBy = memory.hasOneCommit ? 'any' : mode;
    const before = newest.get(seenBy) ?? 0;
    if (rounds.some((round) => round < before)) problems.add(`a reader saw round ${rounds} after ${before} by ${mode}`);
    newest.set(seenBy, Math.max(before, ...rounds));
  };
  const reading = (async () => {
    while (isOpen) {
      for (const query of QUERIES) await look(query);
      await delay(PAUSE_MS);
    }
  })();
  return {
    close: async () => {
      isOpen = false;
      await reading;
      await close();
      return { searches, problems: [...problems] };
    },
  };
}
