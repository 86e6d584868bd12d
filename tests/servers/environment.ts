import { inject } from 'vitest';
import { environmentOf } from './open.ts';

/** Settings that give every role a server of the tests; each call names places of its own in them. Null without the servers. */
export function serverEnvironment(): Record<string, string> | null {
  return environmentOf(inject('servers'));
}
