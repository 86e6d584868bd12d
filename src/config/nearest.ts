/** The most letters in which a near name may differ. */
const MAX_DISTANCE = 3;

/** The name most like the given one, or null when none is near. */
export function nearest(name: string, names: readonly string[]): string | null {
  const ranked = names
    .filter(({ length }) => Math.abs(length - name.length) <= MAX_DISTANCE)
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.min(MAX_DISTANCE, name.length / 2) ? best.candidate : null;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
