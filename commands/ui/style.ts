import { Chalk, type ChalkInstance, chalkStderr } from 'chalk';

/** What a colour says; the word says it too, because not everyone sees colours. */
export interface Style {
  readonly strong: (text: string) => string;
  readonly warning: (text: string) => string;
  readonly failure: (text: string) => string;
}

/** Colours of a stream: none when it is no terminal, or when NO_COLOR is set. Source: https://no-color.org */
export function styleOf(stream: 'stdout' | 'stderr'): Style {
  const chalk = chalkOf(stream);
  return { strong: chalk.bold, warning: chalk.yellow, failure: chalk.red };
}

/** True when colours are not wanted. */
export function isColourless(): boolean {
  return (process.env['NO_COLOR'] ?? '') !== '';
}

function chalkOf(stream: 'stdout' | 'stderr'): ChalkInstance {
  if (isColourless()) return new Chalk({ level: 0 });
  return stream === 'stderr' ? chalkStderr : new Chalk();
}
