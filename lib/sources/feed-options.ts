import { ConfigError } from '../contracts/errors.ts';
import type { Credentials } from '../support/http-settings.ts';
import type { FeedValues } from './feed-spec.ts';

/** A value that a source cannot do without. @throws ConfigError naming the setting when it is empty. */
export function requiredValue(values: FeedValues, name: string): string {
  const value = values(name).trim();
  if (value === '') throw problem(`${name} is not set.`);
  return value;
}

/** A value that is sent in a header. @throws ConfigError naming the setting when it is empty, or holds what no header may. */
export function headerValue(values: FeedValues, name: string): string {
  const value = requiredValue(values, name);
  if (!/^[\x21-\x7e]+$/.test(value)) throw problem(`${name} holds spaces or letters that no token has.`);
  return value;
}

/** The header of a bearer's token. @throws ConfigError as `headerValue`. */
export function bearerOf(values: FeedValues, name: string): string {
  return `Bearer ${headerValue(values, name)}`;
}

/** A whole number. @throws ConfigError naming the setting and the range. */
export function wholeValue(values: FeedValues, name: string, { min, max }: { min: number; max: number }): number {
  const value = values(name).trim();
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < min || number > max) {
    throw problem(`${name} is "${value.slice(0, 40)}"; a whole number from ${min} to ${max} is needed.`);
  }
  return number;
}

/** Credentials that stay as they are. */
export function fixedCredentials(headers: Readonly<Record<string, string>>): Credentials {
  return { headers: async () => headers, renew: async () => false };
}

function problem(message: string): ConfigError {
  return new ConfigError(message, { code: 'APEX_CONFIG' });
}
