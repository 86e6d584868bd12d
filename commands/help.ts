import { HELP } from './help-text.ts';

/** The width of a terminal that does not tell its own, and of what is none. */
const NARROW_COLUMNS = 80;

/**
 * What `apex --help` shows on so many columns, or null where its lines would have to be wrapped otherwise.
 *
 * Building the command tree takes longer than all else that the help needs, so what comes of it is kept ready for the usual widths.
 */
export function readyHelp(columns: number): string | null {
  if (columns === NARROW_COLUMNS) return HELP.narrow.join('\n');
  return columns >= HELP.wideColumns ? HELP.wide.join('\n') : null;
}
