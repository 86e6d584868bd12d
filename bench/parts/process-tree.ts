import { readdirSync, readFileSync } from 'node:fs';

const PAGE_BYTES = 4_096;
/** How often memory is looked at. A peak shorter than this may be missed. */
const POLL_MS = 50;

/** Watches the memory of a process and of everything it started. Linux only: it reads `/proc`. */
export class TreeMemory {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  #peakBytes = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#look(), POLL_MS);
    this.#look();
  }

  /** Ends the watch. @returns the largest sum of resident sizes that was seen; pages that processes share count for each. */
  stop(): number {
    clearInterval(this.#timer);
    return this.#peakBytes;
  }

  /** The largest sum since the last time this was asked. */
  takePeak(): number {
    const peak = this.#peakBytes;
    this.#peakBytes = 0;
    this.#look();
    return peak;
  }

  #look(): void {
    this.#peakBytes = Math.max(this.#peakBytes, treeBytes(this.#pid));
  }
}

/** Resident bytes of a process and its descendants now. */
export function treeBytes(root: number): number {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/u.test(name))
    .flatMap((name) => statOf(Number(name)));
  const tree = new Set([root]);
  // A child may have a smaller number than its parent, so the list is gone through until nothing is added.
  for (let size = 0; size < tree.size; ) {
    size = tree.size;
    for (const { pid, parent } of processes) if (tree.has(parent)) tree.add(pid);
  }
  return processes.filter(({ pid }) => tree.has(pid)).reduce((sum, { bytes }) => sum + bytes, 0);
}

function statOf(pid: number): { pid: number; parent: number; bytes: number }[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold blanks and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return [{ pid, parent: Number(fields[1]), bytes: Number(fields[21]) * PAGE_BYTES }];
  } catch {
    return [];
  }
}
