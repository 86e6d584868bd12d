import type {
  DocumentVersion,
  InventoryRow,
  Store,
  Stray,
  VersionRecord,
  WriteRef,
} from '../../../lib/contracts/store.ts';
import { versionOf } from '../records.ts';

/** One version as a fake store holds it. */
export interface Held {
  readonly ref: WriteRef;
  readonly record: VersionRecord;
  /** Written, seen by readers, or superseded. */
  state: 'building' | 'live' | 'old' | 'lost';
}

/** A store in memory. It does nothing under an aborted signal, as a driver does. */
export class FakeStore implements Store {
  readonly name: string;
  readonly identity: string;
  readonly capabilities = { transactional: true };
  protected readonly held = new Map<string, Held>();
  readonly #role: 'records' | 'graph' | 'vectors';

  constructor(role: 'records' | 'graph' | 'vectors') {
    this.#role = role;
    this.name = role;
    this.identity = `fake:${role}`;
  }

  async write(ref: WriteRef, records: readonly VersionRecord[], signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    this.#remove((held) => isSameRef(held.ref, ref));
    for (const record of records) this.held.set(keyOf(record), { ref, record, state: 'building' });
    return this.count(ref, signal);
  }

  async publish(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    for (const { held } of this.heldOf(versions)) held.state = 'live';
  }

  async discard(ref: WriteRef, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#remove((held) => isSameRef(held.ref, ref));
  }

  async retire(versions: readonly DocumentVersion[], signal: AbortSignal): Promise<number[]> {
    signal.throwIfAborted();
    return versions.map((version) => this.#remove(({ record }) => keyOf(record) === keyOf(version)));
  }

  async count(ref: WriteRef, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    return this.#items([...this.held.values()].filter((held) => isSameRef(held.ref, ref)));
  }

  async *inventory(versions: readonly DocumentVersion[], signal: AbortSignal): AsyncGenerator<InventoryRow> {
    signal.throwIfAborted();
    for (const { version, held } of this.heldOf(versions))
      for (const row of held.record.inventory[this.#role]) yield { ...version, ...row };
  }

  async *versions(signal: AbortSignal): AsyncGenerator<DocumentVersion & WriteRef> {
    signal.throwIfAborted();
    for (const { ref, record } of this.held.values()) yield { ...versionOf(record), ...ref };
  }

  /** Everything hangs on a version here. */
  async strays(): Promise<Stray[]> {
    return [];
  }

  async mendStrays(): Promise<void> {}

  async close(): Promise<void> {}

  /** What readers see. */
  protected live(group: string | null = null): VersionRecord[] {
    return [...this.held.values()]
      .filter(({ state, record }) => state === 'live' && (group === null || record.group === group))
      .map(({ record }) => record);
  }

  protected heldOf(versions: readonly DocumentVersion[]): { version: DocumentVersion; held: Held }[] {
    return versions.flatMap((version) => {
      const held = this.held.get(keyOf(version));
      return held === undefined ? [] : [{ version: versionOf(version), held }];
    });
  }

  #remove(isRemoved: (held: Held) => boolean): number {
    const removed = [...this.held].filter(([, held]) => isRemoved(held));
    for (const [key] of removed) this.held.delete(key);
    return this.#items(removed.map(([, held]) => held));
  }

  /** Entities belong to whoever mentions them and are not counted. */
  #items(held: readonly Held[]): number {
    const rows = held.flatMap(({ record }) => record.inventory[this.#role]);
    return rows.filter(({ kind }) => kind !== 'entity').length;
  }
}

/** One text for a version. */
export function keyOf({ documentId, version }: DocumentVersion): string {
  return JSON.stringify([documentId, version]);
}

export function isSameRef(a: WriteRef, b: WriteRef): boolean {
  return a.runId === b.runId && a.batchNo === b.batchNo;
}
