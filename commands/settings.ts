import { UsageError } from '../lib/contracts/errors.ts';
import { mergeSettings, type Settings } from '../src/config/settings.ts';

/** The settings of this process, and where data lies when they do not say. @throws ConfigError. */
export async function readSettings(): Promise<{ settings: Settings; defaultHome: string }> {
  const { defaultHome, readLayers } = await import('../lib/settings/index.ts');
  return { settings: mergeSettings(readLayers(workingFolder())).settings, defaultHome: defaultHome() };
}

/** The folder that the command was given in. @throws UsageError when it has been removed meanwhile. */
export function workingFolder(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new UsageError('the working folder is gone: change to one that is there', { code: 'NOT_FOUND', cause });
  }
}
