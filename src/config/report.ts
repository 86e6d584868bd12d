import { join } from 'node:path';
import type { ApexError } from '../../lib/contracts/errors.ts';
import { redacted } from './redact.ts';
import { type Inspection, SETTINGS, type SettingEntry, type SettingOrigin, type SettingPlace } from './settings.ts';

/** Where apex keeps its data. */
export interface Places {
  readonly home: string;
  readonly stagingBase: string;
}

/** The folders that the settings name, or what stands for those that they do not. @param defaultHome the platform's. */
export function placesOf({ home, stagingBase }: Places, defaultHome: string): Places {
  const folder = home === '' ? defaultHome : home;
  return { home: folder, stagingBase: stagingBase === '' ? join(folder, 'staging') : stagingBase };
}

/** A setting as it may be shown to anybody: no secret, whole or in part. */
export interface ReportedSetting {
  readonly name: string;
  /** What counts, a default too; empty where there is none. */
  readonly value: string;
  readonly origin: SettingOrigin;
  readonly path: string | null;
  readonly place: SettingPlace | null;
  readonly isSecret: boolean;
  readonly problem: string | null;
}

/** Every setting as it may be shown, and what is wrong: with all of them, or with one. */
export interface SettingsReport {
  readonly settings: readonly ReportedSetting[];
  /** The settings files that are there. */
  readonly files: readonly string[];
  readonly problems: readonly ApexError[];
}

/** What `apex config` tells. */
export function reportSettings(
  { settings, values, problems }: Inspection,
  { files, defaultHome }: { readonly files: readonly string[]; readonly defaultHome: string },
): SettingsReport {
  const places: { readonly [key: string]: string } = { ...placesOf(settings, defaultHome) };
  const reported = values.map(({ key, value, problem, ...origin }): ReportedSetting => {
    const entry: SettingEntry = SETTINGS[key];
    const shown = value === '' ? (places[key] ?? '') : value;
    return {
      name: entry.name,
      value: redacted(entry, shown),
      ...origin,
      isSecret: entry.isSecret === true,
      problem: problem?.message ?? null,
    };
  });
  return { settings: reported, files, problems };
}

/** What is wrong with one setting, or hides it: the files that could not be read, and its own value. */
export function problemsOf(report: SettingsReport, name: string): readonly ApexError[] {
  return report.problems.filter(({ details }) => details['name'] === undefined || details['name'] === name);
}
