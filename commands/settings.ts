import { mergeSettings, type Settings } from '../src/config/settings.ts';

/** The settings of this process, and where data lies when they do not say. @throws ConfigError. */
export async function readSettings(): Promise<{ settings: Settings; defaultHome: string }> {
  const { defaultHome, readLayers } = await import('../lib/settings/index.ts');
  return { settings: mergeSettings(readLayers(process.cwd())).settings, defaultHome: defaultHome() };
}
