import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Check, type Finding, ok, problem } from '../lib/contracts/check.ts';
import type { Embedder } from '../lib/contracts/parts.ts';
import { loadChecks as loadEmbedderChecks } from '../lib/embedders/index.ts';
import { loadChecks as loadJournalChecks } from '../lib/journal/index.ts';
import { loadChecks as loadMetricsChecks } from '../lib/metrics/index.ts';
import { loadHeaderFile } from '../lib/settings/index.ts';
import { loadBucketCheck, loadFeedChecks } from '../lib/sources/index.ts';
import { loadChecks as loadStagingChecks } from '../lib/staging/index.ts';
import { loadServerChecks, loadChecks as loadStoreChecks } from '../lib/stores/index.ts';
import { bucketSettings, namesBuckets } from './assemble-s3.ts';
import { placesOf } from './config/report.ts';
import { serversOf } from './config/servers.ts';
import { environmentOf, type Inspection, type Settings } from './config/settings.ts';
import { type Diagnosis, diagnose } from './doctor/doctor.ts';
import { runChecks } from './doctor/run-checks.ts';

interface ExamineOptions {
  /** Also with wrong settings: their defaults stand for them. */
  readonly inspection: Inspection;
  readonly defaultHome: string;
  /** May the provider be asked for something that costs, however little? */
  readonly isOnline: boolean;
  /** Of apex. */
  readonly version: string;
  readonly onEnded: (count: number, all: number) => void;
}

const GIGABYTE = 1_073_741_824;

/** Looks at everything that this process would use, and changes nothing. */
export async function examine({ onEnded, ...examined }: ExamineOptions): Promise<Diagnosis> {
  const checks = await listChecks(examined);
  return diagnose(checks, {
    sleep: async (ms, signal) => {
      await delay(ms, undefined, { signal });
    },
    onEnded: (count) => onEnded(count, checks.length),
  });
}

/** The checks of the parts that the settings name, in the order in which they are told: what the later ones build on comes first. */
async function listChecks({
  inspection,
  defaultHome,
  isOnline,
  version,
}: Omit<ExamineOptions, 'onEnded'>): Promise<Check[]> {
  const { settings } = inspection;
  const places = placesOf(settings, defaultHome);
  const maxStagingBytes = settings.stagingMaxGigabytes * GIGABYTE;
  const servers = serversOf(settings);
  const memory = { path: join(places.home, 'memory.db'), embedder: () => embedderOf(settings) };
  const [{ runtimeChecks }, journal, staging, stores, { serverChecks }, { feedChecks }] = await Promise.all([
    import('../lib/support/runtime-checks.ts'),
    loadJournalChecks(),
    loadStagingChecks(),
    loadStoreChecks(),
    loadServerChecks(),
    loadFeedChecks(),
  ]);
  return [
    ...runtimeChecks(),
    { name: 'settings', run: async () => judgeSettings(inspection) },
    ...journal.dataFolderChecks(places.home),
    journal.diskCheck(places, maxStagingBytes),
    ...staging.stagingChecks({ base: places.stagingBase, home: places.home, maxBytes: maxStagingBytes }),
    ...runChecks(new journal.FolderRunReader(places.home)),
    // Beside records on a server the embedded roles have a file whose name only these know.
    ...(servers.records === null ? stores.embeddedChecks(memory.path, memory.embedder) : []),
    ...(await serverChecks(servers, memory)),
    ...(await embedderChecks(settings, isOnline)),
    ...headerChecks(settings),
    ...(await bucketChecks(settings, version)),
    ...(await feedChecks(new Map(Object.entries(environmentOf(settings))), version)),
    ...(await metricsChecks(settings)),
  ];
}

function judgeSettings({ values, problems }: Inspection): Finding {
  const [first] = problems;
  if (first !== undefined) {
    const more = problems.length === 1 ? '' : `; and ${problems.length - 1} more`;
    return problem(first.code, `${first.message}${more}`, 'See all that is wrong: apex config');
  }
  const chosen = values.filter(({ origin }) => origin !== 'default').length;
  return ok(`${values.length}, ${chosen} of them not at their defaults`);
}

/** What the settings name, or null where they do not say enough: the check of the embedder tells that. */
async function embedderOf(settings: Settings): Promise<Embedder | null> {
  const { openEmbedder } = await import('./assemble.ts');
  return openEmbedder(settings).catch(() => null);
}

/** What private servers are asked with, where that is set. */
function headerChecks({ sourceHeaderFile: path }: Settings): Check[] {
  const run = async () => {
    const { readHeaderFile } = await loadHeaderFile();
    const servers = readHeaderFile(path).size;
    return ok(`${path} has headers for ${servers} ${servers === 1 ? 'server' : 'servers'}`);
  };
  return path === '' ? [] : [{ name: 'header file', run }];
}

/** How buckets are asked, where anything of them is set. */
async function bucketChecks(settings: Settings, version: string): Promise<Check[]> {
  if (!namesBuckets(settings)) return [];
  const { bucketCheck } = await loadBucketCheck();
  const settingsOf = async () => {
    const { downloadSettings } = await import('./assemble.ts');
    return bucketSettings({ settings, ...(await downloadSettings({ settings, version })) });
  };
  return [bucketCheck(settingsOf)];
}

/** Where metrics are left, where that is set. */
async function metricsChecks({ metricsDir, metricsName }: Settings): Promise<Check[]> {
  if (metricsDir === '') return [];
  const { textfileCheck } = await loadMetricsChecks();
  return [textfileCheck(join(metricsDir, `${metricsName}.prom`))];
}

async function embedderChecks(settings: Settings, isOnline: boolean): Promise<Check[]> {
  if (settings.embedder !== 'openai' || settings.openAiKey === '') {
    const run = async () => {
      const { openEmbedder } = await import('./assemble.ts');
      const { model, dimensions } = await openEmbedder(settings);
      return ok(`${model} with ${dimensions} dimensions; it needs no network`);
    };
    return [{ name: 'embedder', run }];
  }
  const { openAiChecks } = await loadEmbedderChecks();
  const { openAiSettings } = await import('./assemble.ts');
  return openAiChecks(await openAiSettings(settings), isOnline);
}
