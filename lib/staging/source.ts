import { createHash } from 'node:crypto';
import { closeSync, constants, fchmodSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SourceError } from '../contracts/errors.ts';
import { type Copied, type Source, type SourceItem, STAGED_SOURCE } from '../contracts/source.ts';
import { diskError } from '../support/disk.ts';
import { readParts } from './files.ts';
import { takenPath } from './items.ts';
import { STAGED } from './metadata.ts';

/** Reads what a run has taken from staging: it must be what was staged. It lists nothing. */
export function createStagedSource(base: string): Source {
  return new StagedSource(base);
}

class StagedSource implements Source {
  readonly name = STAGED_SOURCE;
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  async *list() {}

  async gone(): Promise<readonly string[]> {
    return [];
  }

  itemAt(): null {
    return null;
  }

  fromCopy(item: SourceItem): SourceItem {
    return item;
  }

  digest(item: SourceItem, signal: AbortSignal): Promise<{ digest: string; bytes: number }> {
    return this.#pass(item, signal, () => {});
  }

  async *read(item: SourceItem, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for await (const part of this.#parts(item)) {
      signal.throwIfAborted();
      yield part;
    }
  }

  async copy(
    item: SourceItem,
    path: string,
    signal: AbortSignal,
    onBytes: (totalBytes: number) => void = () => {},
  ): Promise<Copied> {
    const copy = onDisk(path, () =>
      openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600),
    );
    try {
      fchmodSync(copy, 0o600);
      const passed = await this.#pass(item, signal, (part, totalBytes) => {
        onBytes(totalBytes);
        onDisk(path, () => {
          for (let written = 0; written < part.byteLength; ) written += writeSync(copy, part, written);
        });
      });
      onDisk(path, () => ftruncateSync(copy, passed.bytes));
      return { ...passed, version: locatorOf(item).version };
    } finally {
      closeSync(copy);
    }
  }

  /** @throws SourceError CORRUPT when the bytes are not those that were staged. */
  async #pass(
    item: SourceItem,
    signal: AbortSignal,
    take: (part: Uint8Array, totalBytes: number) => void,
  ): Promise<{ digest: string; bytes: number }> {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const part of this.#parts(item)) {
      signal.throwIfAborted();
      bytes += part.byteLength;
      hash.update(part);
      take(part, bytes);
    }
    const digest = hash.digest('hex');
    if (digest !== locatorOf(item).digest) throw changed(item);
    return { digest, bytes };
  }

  async *#parts(item: SourceItem): AsyncGenerator<Buffer> {
    const path = join(takenPath(this.#base, item.staged!, locatorOf(item).runId), STAGED);
    try {
      yield* readParts(path);
    } catch (error) {
      const { code } = error as { code?: unknown };
      throw code === 'ENOENT' || code === 'ELOOP' ? changed(item) : diskError(error, path);
    }
  }
}

interface Locator {
  /** Null: no run has it. */
  readonly runId: string | null;
  readonly digest: string;
  /** What the source called the bytes, or null. */
  readonly version: string | null;
}

function locatorOf({ locator }: SourceItem): Locator {
  return JSON.parse(locator) as Locator;
}

function changed({ name, staged }: SourceItem): SourceError {
  const problem = 'what lies in staging is not what was staged; stage it again from where it came';
  return new SourceError(`${name}: ${problem}`, { code: 'CORRUPT', details: { itemId: staged?.itemId ?? '' } });
}

function onDisk<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw diskError(error, path);
  }
}
