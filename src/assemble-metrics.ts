import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { openDataFolder, openRegistry } from '../lib/journal/index.ts';
import { openLedger, writeTextfile } from '../lib/metrics/index.ts';
import { openStaging } from '../lib/staging/index.ts';
import { loadSetAside } from '../lib/stores/index.ts';
import { type HostOptions, stagingSettings, systemSurroundings } from './assemble.ts';
import { placesOf } from './config/report.ts';
import { serversOf } from './config/servers.ts';
import { collect, noteCommand } from './metrics/collect.ts';
import { expositionOf, type MetricReport } from './metrics/exposition.ts';

/** What counts, and tells what was counted. */
export interface Metrics {
  /** Counts the end of a command. */
  noteCommand(ended: { readonly command: string; readonly exitStatus: number }): Promise<void>;
  /** All metrics; null when other processes are counting for too long. */
  report(signal: AbortSignal): Promise<readonly MetricReport[] | null>;
  /** The same as text. */
  text(signal: AbortSignal): Promise<string | null>;
  /** Puts them into a file. @returns false as `report` gives null. @throws ConfigError. */
  write(path: string, signal: AbortSignal): Promise<boolean>;
  close(): Promise<void>;
}

/** Opens what metrics are collected from; no store is opened. Errors: ConfigError, JournalError. */
export async function openMetrics({
  settings,
  defaultHome,
}: Pick<HostOptions, 'settings' | 'defaultHome'>): Promise<Metrics> {
  const places = placesOf(settings, defaultHome);
  openDataFolder(places.home);
  const ledger = openLedger(places.home);
  const surroundings = systemSurroundings(settings.graceSeconds * 1_000);
  const registry = await openRegistry({
    folder: places.home,
    createJournalId: randomUUID,
    now: surroundings.now,
    probe: null,
  });
  const staging = openStaging(stagingSettings(settings, places, null));
  const setAside = async (signal: AbortSignal) => {
    const { countSetAside } = await loadSetAside();
    return countSetAside({ path: join(places.home, 'memory.db') }, serversOf(settings).records, signal);
  };
  const parts = { ledger, registry, staging, surroundings, setAside };
  const shown = (reports: readonly MetricReport[]) => expositionOf(reports, settings.metricsName);
  return {
    noteCommand: (ended) => noteCommand(ended, parts),
    report: (signal) => collect(parts, (reports) => reports, signal),
    text: (signal) => collect(parts, shown, signal),
    write: async (path, signal) =>
      (await collect(parts, (reports) => writeTextfile(path, shown(reports)), signal)) !== null,
    close: async () => {
      await staging.close();
      await registry.close();
      await ledger.close();
    },
  };
}
