/** Date, time, fraction of a second, zone. Digits only where digits belong, so that no engine's own date formats are let in. */
const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?[ ]?(?:[Zz]|([+-])(\d\d):?(\d\d)?)?)?$/;

/** What PostgreSQL and ISO 8601 both hold with four digits of the year. */
const FIRST_INSTANT = instantOf({ year: 1, month: 1, day: 1 });
const END_OF_INSTANTS = instantOf({ year: 10_000, month: 1, day: 1 });

/** Offsets that PostgreSQL takes. Source: PostgreSQL, `MAX_TZDISP_HOUR`. */
const MAX_OFFSET_HOURS = 15;

/** Milliseconds beyond which a number is no time but the largest integer of some language: the end is open. */
const MAX_EPOCH_MS = 8.64e15;

/**
 * A written time (ISO 8601 or RFC 3339) in UTC with milliseconds, or null when it is none or lies outside the years 1 to 9999.
 * One without a zone is in UTC, which is what the sources write, and never in the zone of the machine; a leap second is the next.
 */
export function isoInstant(written: string): string | null {
  const match = ISO.exec(written);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map((group) => Number(match[group] ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const milliseconds = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'));
  const isEndOfDay = hour === 24 && minute === 0 && second === 0 && milliseconds === 0;
  if ((hour > 23 && !isEndOfDay) || minute > 59 || second > 60) return null;
  const offset = offsetMinutes(match);
  if (offset === null || !isDay(year, month, day)) return null;
  const midnight = instantOf({ year, month, day });
  return isoOf(midnight + ((hour * 60 + minute - offset) * 60 + second) * 1000 + milliseconds);
}

/** The time that many seconds after 1970, to the millisecond; null outside the years 1 to 9999. */
export function isoOfSeconds(seconds: number): string | null {
  return isoOf(Math.round(seconds * 1000));
}

/** The time that many milliseconds after 1970; null outside the years 1 to 9999. */
export function isoOfMilliseconds(milliseconds: number): string | null {
  return isoOf(Math.round(milliseconds));
}

/** Whether a number of milliseconds stands for no end: `9223372036854775807`, which as a double is near it. */
export function isOpenEnd(milliseconds: number): boolean {
  return milliseconds > MAX_EPOCH_MS;
}

function isoOf(milliseconds: number): string | null {
  return milliseconds >= FIRST_INSTANT && milliseconds < END_OF_INSTANTS ? new Date(milliseconds).toISOString() : null;
}

function offsetMinutes(match: RegExpExecArray): number | null {
  if (match[8] === undefined) return 0;
  const [hours, minutes] = [Number(match[9]), Number(match[10] ?? 0)];
  if (hours > MAX_OFFSET_HOURS || minutes > 59) return null;
  return (match[8] === '-' ? -1 : 1) * (hours * 60 + minutes);
}

/** `Date.UTC` takes the years below 100 for those of the last century. */
function instantOf({ year, month, day }: { year: number; month: number; day: number }): number {
  return year >= 100 ? Date.UTC(year, month - 1, day) : new Date(0).setUTCFullYear(year, month - 1, day);
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

function isDay(year: number, month: number, day: number): boolean {
  const days = DAYS[month - 1];
  if (days === undefined || day < 1) return false;
  const isLeapFebruary = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (isLeapFebruary ? 29 : days);
}
