import type { Apex } from '../../lib/contracts/apex.ts';
import { openApex } from '../../src/assemble.ts';
import { mergeSettings } from '../../src/config/settings.ts';

/** Opens apex in this process as a program that embeds it does, with these settings and no others. */
export function openLibrary(settings: Readonly<Record<string, string>>): Promise<Apex> {
  const layer = { origin: 'environment', values: new Map(Object.entries(settings)) } as const;
  return openApex({
    settings: mergeSettings([layer]).settings,
    defaultHome: '',
    stdin: process.stdin,
    stdinName: null,
    prepareIsolated: () => Promise.reject(new Error('a measurement has no document that kills processes')),
    onWarning: () => {},
    version: '0.0.0',
  });
}
