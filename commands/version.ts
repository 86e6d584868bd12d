import { readFileSync } from 'node:fs';

/** The package's version: beside the sources, and two floors above the build. */
export function readVersion(): string {
  const place = import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json';
  return (JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as { version: string }).version;
}
