/** What a list of hosts is made of, for people. */
export const EXPECTED_HOSTS = 'give names, addresses or networks such as 10.1.0.0/16, divided by commas';

const NAME = /^(?:\*?\.)?[a-z\d_](?:[a-z\d_-]{0,62})(?:\.[a-z\d_-]{1,63})*\.?$/i;
const SHORT = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/;
const LONG = /^\[?[\da-f:.]*:[\da-f:.]*\]?(?:\/(\d{1,3}))?$/i;

/** The first entry of a list of hosts that is none; null when all are. */
export function wrongHost(list: string): string | null {
  const entries = list.split(/[\s,]+/).filter((entry) => entry !== '');
  return entries.find((entry) => !isHost(entry)) ?? null;
}

function isHost(entry: string): boolean {
  const short = SHORT.exec(entry);
  if (short !== null) return short.slice(1, 5).every((part) => Number(part) <= 255) && Number(short[5] ?? 0) <= 32;
  const long = LONG.exec(entry);
  if (long !== null) return Number(long[1] ?? 0) <= 128;
  // What has digits and full stops alone is meant as an address.
  return NAME.test(entry) && !/^[\d.]+$/.test(entry);
}
