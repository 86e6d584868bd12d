import { UsageError } from '../lib/contracts/errors.ts';
import type { SettingsReport } from '../src/config/report.ts';
import {
  type Inspection,
  inspectSettings,
  mergeSettings,
  SETTINGS,
  type SettingLayer,
  type Settings,
} from '../src/config/settings.ts';
import type { LogLevel } from './ui/log-record.ts';

/** Flags that settings stand for when they are not given. */
interface SettingFlags {
  readonly group?: string;
  /** Milliseconds. */
  readonly maxOutage?: number;
  readonly headerFile?: string;
  readonly allowHttp?: boolean;
}

/** The settings of this process, and where data lies when they do not say. @throws ConfigError. */
export async function readSettings({ group, maxOutage, headerFile, allowHttp }: SettingFlags): Promise<{
  settings: Settings;
  defaultHome: string;
}> {
  const { defaultHome, readLayers } = await import('../lib/settings/index.ts');
  const flags = new Map<string, string>();
  if (group !== undefined) flags.set(SETTINGS.group.name, group);
  if (maxOutage !== undefined) flags.set(SETTINGS.maxOutageSeconds.name, String(Math.ceil(maxOutage / 1_000)));
  if (headerFile !== undefined) flags.set(SETTINGS.sourceHeaderFile.name, headerFile);
  if (allowHttp === true) flags.set(SETTINGS.sourceAllowHttp.name, 'on');
  const layers: SettingLayer[] = [{ origin: 'flag', values: flags }, ...readLayers(workingFolder())];
  return { settings: mergeSettings(layers).settings, defaultHome: defaultHome() };
}

/** The settings of this process with all that is wrong with them. */
export async function inspectedSettings(): Promise<{
  inspection: Inspection;
  files: readonly string[];
  defaultHome: string;
}> {
  const { defaultHome, inspectLayers } = await import('../lib/settings/index.ts');
  const layers = inspectLayers(workingFolder());
  return {
    inspection: inspectSettings(layers),
    files: layers.flatMap(({ path }) => path ?? []),
    defaultHome: defaultHome(),
  };
}

/** What the outputs of this process need of the settings; wrong ones are for the command to report, and count as not given. */
export async function outputSettings(flags: { readonly logFile?: string; readonly logLevel?: LogLevel }): Promise<{
  secrets: readonly string[];
  logFile: string;
  /** Null when nobody says. */
  logLevel: LogLevel | null;
  folder: string;
}> {
  const { secretsOf } = await import('../src/config/secrets.ts');
  const folder = folderOrRoot();
  const { inspectLayers } = await import('../lib/settings/index.ts');
  const layers = inspectLayers(folder);
  const { settings, values } = inspectSettings(layers);
  const isSaid = values.some(({ key, origin, problem }) => key === 'logLevel' && origin !== 'default' && !problem);
  return {
    secrets: secretsOf(layers),
    logFile: flags.logFile ?? settings.logFile,
    logLevel: flags.logLevel ?? (isSaid ? (settings.logLevel as LogLevel) : null),
    folder,
  };
}

/** A working folder that is gone is for the command to report. */
function folderOrRoot(): string {
  try {
    return process.cwd();
  } catch {
    return '/';
  }
}

/** What may be shown of the settings of this process. */
export async function reportedSettings(): Promise<SettingsReport> {
  const { reportSettings } = await import('../src/config/report.ts');
  const { inspection, files, defaultHome } = await inspectedSettings();
  return reportSettings(inspection, { files, defaultHome });
}

/** The folder that the command was given in. @throws UsageError when it has been removed meanwhile. */
export function workingFolder(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new UsageError('the working folder is gone: change to one that is there', { code: 'NOT_FOUND', cause });
  }
}
