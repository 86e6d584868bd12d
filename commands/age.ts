import { InvalidArgumentError } from 'commander';

const UNIT_MS: { readonly [unit: string]: number } = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** An age as it is typed, in milliseconds. @throws InvalidArgumentError. */
export function parseAge(value: string): number {
  const [, count = '', unit = ''] = /^(\d{1,6})([mhdw])$/.exec(value) ?? [];
  const ms = Number(count) * (UNIT_MS[unit] ?? 0);
  if (ms > 0) return ms;
  throw new InvalidArgumentError('Give an age above 0 with its unit, as in 30m, 36h, 90d or 8w.');
}
