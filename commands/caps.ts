import type { Command } from 'commander';
import type { Caps } from '../lib/contracts/apex.ts';
import { UsageError } from '../lib/contracts/errors.ts';
import { nanosOf } from '../src/pipeline/money.ts';

/** The caps as they are given. */
export interface CapFlags {
  readonly maxCalls?: number;
  readonly maxCost?: number;
  readonly maxDocuments?: number;
  readonly maxDuration?: number;
}

/** Adds the caps to a command that works on documents. */
export function addCaps(command: Command): Command {
  return addUseCaps(command).option(
    '--max-documents <n>',
    'documents to work on at most',
    whole('--max-documents', 'documents'),
  );
}

/** Adds the caps on what a command uses. */
export function addUseCaps(command: Command): Command {
  return command
    .option('--max-calls <n>', 'requests to providers at most, then stop resumably', whole('--max-calls', 'calls'))
    .option('--max-cost <dollars>', 'US dollars to spend at most, as in 0.50', nanos)
    .option('--max-duration <time>', 'begin nothing after this time: 90s, 10m, 2h', timeOf('--max-duration'))
    .option('--max-outage <time>', 'wait so long for a server that is out of reach', timeOf('--max-outage'));
}

/** The caps of a command; what is not given is not capped. */
export function capsOf({ maxCalls, maxCost, maxDocuments, maxDuration }: CapFlags): Caps {
  return {
    maxCalls: maxCalls ?? null,
    maxCostNanos: maxCost ?? null,
    maxDocuments: maxDocuments ?? null,
    maxDurationMs: maxDuration ?? null,
  };
}

function refuse(flag: string, value: string, expected: string): never {
  throw new UsageError(`${flag} ${value}: ${expected}`, { code: 'APEX_USAGE' });
}

function whole(flag: string, unit: string): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number > 0 && Number.isSafeInteger(number)) return number;
    return refuse(flag, value, `give how many ${unit}, a whole number from 1`);
  };
}

/** Dollars to a millionth, in billionths of one. */
function nanos(value: string): number {
  const dollars = Number(value);
  if (/^\d{1,6}(?:\.\d{1,6})?$/.test(value) && dollars > 0) return nanosOf(dollars);
  return refuse('--max-cost', value, 'give US dollars above 0 and below a million, as in 0.50');
}

const UNIT_MS: { readonly [unit: string]: number } = { s: 1_000, m: 60_000, h: 3_600_000 };

/** A flag's time, in milliseconds. */
function timeOf(flag: string): (value: string) => number {
  return (value) => {
    const [, count = '', unit = ''] = /^(\d{1,6})([smh])$/.exec(value) ?? [];
    const ms = Number(count) * (UNIT_MS[unit] ?? 0);
    return ms > 0 ? ms : refuse(flag, value, 'give a time above 0 with its unit, as in 90s, 10m or 2h');
  };
}
