import type { ProviderUse } from '../../lib/contracts/journal.ts';
import { shownDollars } from '../../src/pipeline/money.ts';

/** A whole number for people: thousands are set apart. */
export function shownCount(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** So many of something, in the right number. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${shownCount(count)} ${count === 1 ? one : many}`;
}

const SECONDS_A_MINUTE = 60;
const SECONDS_AN_HOUR = 3_600;

/** A duration for people, in two units at most. */
export function shownDuration(ms: number): string {
  const whole = Math.round(ms);
  if (whole < 1_000) return `${whole} ms`;
  const tenths = Math.round(ms / 100);
  if (tenths < 10 * SECONDS_A_MINUTE) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < SECONDS_AN_HOUR) return inTwo(seconds, SECONDS_A_MINUTE, 'min', 's');
  return inTwo(Math.round(seconds / SECONDS_A_MINUTE), SECONDS_A_MINUTE, 'h', 'min');
}

/** Time that is left, by estimate: one unit below an hour, never nothing. */
export function shownTimeLeft(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1_000));
  if (seconds < SECONDS_A_MINUTE) return `${seconds} s`;
  const minutes = Math.ceil(seconds / SECONDS_A_MINUTE);
  return minutes < SECONDS_A_MINUTE ? `${minutes} min` : inTwo(minutes, SECONDS_A_MINUTE, 'h', 'min');
}

function inTwo(count: number, perLarge: number, large: string, small: string): string {
  const rest = count % perLarge;
  return `${shownCount(Math.floor(count / perLarge))} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`;
}

/** How many a second, for people. */
export function shownRate(perSecond: number): string {
  return `${perSecond < 10 ? perSecond.toFixed(1) : shownCount(Math.round(perSecond))}/s`;
}

/** A score for people: three decimals, or two digits of one that would read as nothing. */
export function shownScore(score: number): string {
  return score === 0 || Math.abs(score) >= 0.001 ? score.toFixed(3) : String(Number(score.toPrecision(2)));
}

/** What providers were used for, for people. */
export function shownUse({ calls, tokens, costNanos }: Pick<ProviderUse, 'calls' | 'tokens' | 'costNanos'>): string {
  const cost = costNanos === null ? 'price not known: set OPENAI_EMBEDDING_PRICE' : shownDollars(costNanos);
  return `${counted(calls, 'call')}, ${counted(tokens, 'token')}, ${cost}`;
}

const BYTE_UNITS = ['KB', 'MB', 'GB', 'TB'];

/** Bytes for people, in units of a thousand. */
export function shownBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  let tenths = Math.round(bytes / 100);
  let unit = 0;
  while (tenths >= 10_000 && unit < BYTE_UNITS.length - 1) {
    tenths = Math.round(tenths / 1_000);
    unit += 1;
  }
  return `${(tenths / 10).toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** A moment for people: local time to the second. */
export function shownTime(iso: string): string {
  const time = new Date(iso);
  const two = (number: number) => String(number).padStart(2, '0');
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-');
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')}`;
}

/**
 * A location as a person knows it: a file's path, from the working folder where it lies below; percent signs are decoded, but for those
 * of objects of S3, whose keys stand there as they are.
 */
export function shownPlace(uri: string, folder = process.cwd()): string {
  if (uri.startsWith('s3://')) return uri;
  const place = decoded(uri.replace(/^file:\/\//, ''));
  return place.startsWith(`${folder}/`) ? place.slice(folder.length + 1) : place;
}

/** Percent signs that stand for no text stay. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The last part of a location. */
export function shownName(uri: string): string {
  return shownPlace(uri).split('/').at(-1) ?? uri;
}
