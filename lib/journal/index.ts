import type { RunRegistry } from '../contracts/journal.ts';
import { FileRunRegistry, type RegistrySettings } from './registry.ts';

export { inspectDataFolder, openDataFolder } from './data-folder.ts';
export { isAtWork } from './registry.ts';

/** Opens the runs of a data directory. Errors: JournalError; ConfigError NEWER_FORMAT. */
export function openRegistry(settings: RegistrySettings): Promise<RunRegistry> {
  return FileRunRegistry.open(settings);
}

/** What `apex doctor` looks at in a data directory, loaded when it does. */
export const loadChecks = () => import('./checks.ts');
