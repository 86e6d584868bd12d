/** 31 bits of a digest, so that a sum of four thousand million of them is exact in 64 bits, and in a double up to four million. */
export function markOf(digest: string): number {
  return Number.parseInt(digest.slice(0, 8), 16) >>> 1;
}

/** What a series keeps of its readings beside their number: another sum tells that other readings are there. */
export function markSum(digests: readonly string[]): number {
  return digests.reduce((sum, digest) => sum + markOf(digest), 0);
}
