import type { CacheEntry, CacheStore, DocumentVersion } from '../../../lib/contracts/store.ts';
import { keyOf } from './store.ts';

/** A cache in memory. */
export class FakeCacheStore implements CacheStore {
  readonly name = 'cache';
  readonly identity = 'fake:cache';
  readonly #entries = new Map<string, CacheEntry>();

  async get(keys: readonly string[], signal: AbortSignal): Promise<(Uint8Array | null)[]> {
    signal.throwIfAborted();
    return keys.map((key) => this.#entries.get(key)?.value ?? null);
  }

  async set(entries: readonly CacheEntry[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (const entry of entries) this.#entries.set(entry.key, { ...entry, value: entry.value.slice() });
  }

  async retire(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<number[]> {
    signal.throwIfAborted();
    return versions.map((version) => {
      const entries = [...this.#entries.values()];
      const retired = entries.filter(({ document }) => document !== null && keyOf(document) === keyOf(version));
      for (const { key } of retired) this.#entries.delete(key);
      return retired.length;
    });
  }

  async remove(keys: readonly string[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (const key of keys) this.#entries.delete(key);
  }

  async *versions(signal: AbortSignal): AsyncGenerator<DocumentVersion> {
    signal.throwIfAborted();
    for (const { document } of this.#entries.values()) if (document !== null) yield document;
  }

  async close(): Promise<void> {}
}
