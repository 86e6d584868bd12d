import type { Stager } from '../lib/contracts/stager.ts';
import { isAtWork, openDataFolder } from '../lib/journal/index.ts';
import { openLedger } from '../lib/metrics/index.ts';
import { openStaging } from '../lib/staging/index.ts';
import { probed } from '../lib/support/probe.ts';
import {
  type HostOptions,
  openSources,
  probedStaging,
  probeOf,
  stagingSettings,
  systemSurroundings,
} from './assemble.ts';
import { placesOf } from './config/report.ts';
import { removeStaged } from './staged/remove.ts';
import { stageAll } from './staged/stage.ts';

/** Opens what works on the staging area alone: no store is opened, so that it also works while a server is down. Errors: ConfigError. */
export async function openStager(options: Omit<HostOptions, 'prepareIsolated'>): Promise<Stager> {
  const { settings, defaultHome, onWarning } = options;
  const places = placesOf(settings, defaultHome);
  for (const warning of openDataFolder(places.home)) onWarning(warning);
  const probe = probeOf(settings);
  const area = openStaging(stagingSettings(settings, places, probe));
  const staging = probe === null ? area : probedStaging(area, probe);
  const ownFolders = [places.home, places.stagingBase];
  const { source, close } = await openSources({ ...options, ownFolders });
  const ledger = openLedger(places.home);
  const parts = {
    source: (name: string) => (probe === null ? source(name) : probed('source', source(name), probe)),
    staging,
    surroundings: systemSurroundings(settings.graceSeconds * 1_000),
    ...{ group: settings.group, ledger },
  };
  return {
    stage: (request, onEvent, signal) => stageAll(request, parts, onEvent, signal),
    list: () => staging.items.list(),
    find: (itemId) => staging.items.find(itemId),
    remove: (request, onEvent, signal) =>
      removeStaged(
        request,
        { items: staging.items, isAtWork: (runId) => isAtWork(places.home, runId) },
        onEvent,
        signal,
      ),
    stats: (signal) => staging.stats(signal),
    close: async () => {
      await close();
      await ledger.close();
      await staging.close();
    },
  };
}
