// The only code that prints: JSON lines for programs, text for people.
// May import lib/contracts, ora and chalk.
// Must never decide anything about documents.

/** Writes one line to standard output. A reader that has gone away ends the program quietly. */
export function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes one JSON object as a line to standard output. */
export function printJson(value: object): void {
  printLine(JSON.stringify(value));
}

/** Writes one line to standard error. */
export function printNote(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Ends quietly when whoever reads the output has closed it (`apex … | head`). */
export function endOnClosedOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
    throw error;
  });
}

/** Outside text as it may be shown on a terminal: control characters could move the cursor or change its colours. */
export function safeText(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return character === '\t' || character === '\n'
      ? ' '
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** The terminal's width, or a wide page where there is none. */
export function columns(): number {
  return process.stdout.columns ?? 120;
}

/** Text cut to a width, with a sign that it was cut. */
export function clipped(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** Milliseconds for people. */
export function shownDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60
    ? `${minutes} min ${Math.round((ms % 60_000) / 1_000)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Bytes for people. */
export function shownBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log(Math.max(1, bytes)) / Math.log(1_000)));
  return power === 0 ? `${bytes} B` : `${(bytes / 1_000 ** power).toFixed(1)} ${units[power]}`;
}

/** A table with aligned columns; the last column takes what room is left. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const safe = rows.map((row) => row.map(safeText));
  const widths = (safe[0] ?? []).map((_, column) => Math.max(...safe.map((row) => row[column]?.length ?? 0)));
  return safe.map((row) =>
    clipped(
      row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))).join('  '),
      columns(),
    ),
  );
}
