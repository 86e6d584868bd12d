const DELIMITERS = [',', ';', '\t', '|'];
const SAMPLE_LINES = 50;

/** The delimiter that splits the first lines into the most equal number of fields, or null when none splits them. */
export function findDelimiter(text: string): string | null {
  const lines = sampleLines(text);
  let best: { delimiter: string; score: number } | null = null;
  for (const delimiter of DELIMITERS) {
    const counts = lines.map((line) => countOutsideQuotes(line, delimiter));
    const usual = mostCommon(counts.filter((count) => count > 0));
    const score = counts.filter((count) => count === usual).length / Math.max(1, lines.length);
    if (usual > 0 && score >= 0.5 && (best === null || score > best.score)) best = { delimiter, score };
  }
  return best?.delimiter ?? null;
}

function sampleLines(text: string): string[] {
  const head = text.slice(0, 64 * 1024).split('\n', SAMPLE_LINES + 1);
  return head.slice(0, SAMPLE_LINES).filter((line) => line.trim() !== '');
}

function countOutsideQuotes(line: string, delimiter: string): number {
  let count = 0;
  let isQuoted = false;
  for (const character of line) {
    if (character === '"') isQuoted = !isQuoted;
    else if (character === delimiter && !isQuoted) count += 1;
  }
  return count;
}

function mostCommon(counts: readonly number[]): number {
  const frequencies = new Map<number, number>();
  for (const count of counts) frequencies.set(count, (frequencies.get(count) ?? 0) + 1);
  return [...frequencies].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0;
}
