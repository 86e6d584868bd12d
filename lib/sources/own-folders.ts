import { realpathSync } from 'node:fs';
import type { RawPath } from './files.ts';

/**
 * The folders that apex keeps its own data in. They are no documents, wherever a listing comes upon them: each run would find
 * what the run before it wrote.
 */
export class OwnFolders {
  readonly #real: readonly string[];

  constructor(paths: readonly string[]) {
    this.#real = paths.map(realOf).filter((path) => path !== null);
  }

  /** Is it one of them, or inside one, also by way of links? */
  hold(path: RawPath): boolean {
    const real = realOf(path);
    return real !== null && this.#real.some((own) => real === own || real.startsWith(`${own}/`));
  }
}

/** The path without links, each byte as one character; null when nothing is there. */
function realOf(path: RawPath): string | null {
  try {
    return realpathSync.native(path, 'buffer').toString('latin1');
  } catch {
    return null;
  }
}
