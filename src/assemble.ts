import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CHUNKERS } from '../lib/chunkers/index.ts';
import type { Apex, OnEvent, Runs } from '../lib/contracts/apex.ts';
import { ConfigError, UsageError } from '../lib/contracts/errors.ts';
import type { FeedPage } from '../lib/contracts/feed-source.ts';
import type { RunRegistry } from '../lib/contracts/journal.ts';
import type { Embedder, FeedReader, Price } from '../lib/contracts/parts.ts';
import type { Planner } from '../lib/contracts/plan.ts';
import { STAGED_SOURCE } from '../lib/contracts/source.ts';
import type { StagedItems } from '../lib/contracts/staging.ts';
import { EMBEDDERS, type OpenAiSettings, PRICES } from '../lib/embedders/index.ts';
import { EXTRACTORS } from '../lib/extractors/index.ts';
import { loadFeeds } from '../lib/feeds/index.ts';
import { inspectDataFolder, isAtWork, openDataFolder, openRegistry } from '../lib/journal/index.ts';
import { MAPPERS } from '../lib/mappers/index.ts';
import { openLedger } from '../lib/metrics/index.ts';
import { openParserPool } from '../lib/parsers/index.ts';
import { loadHeaderFile } from '../lib/settings/index.ts';
import type { HttpsSource } from '../lib/sources/https.ts';
import { FEEDS, loadAttachments, loadFeedWalker, SOURCES } from '../lib/sources/index.ts';
import { makeTemporaryFolder, openStaging, readWaiting } from '../lib/staging/index.ts';
import { type OpenServer, openStores, readStores } from '../lib/stores/index.ts';
import type { DownloadLimits } from '../lib/support/download-settings.ts';
import { crashProbe, type Probe, probed } from '../lib/support/probe.ts';
import type { CommitProbe } from '../lib/support/sql-thread.ts';
import { Machine } from './apex.ts';
import { openBuckets } from './assemble-s3.ts';
import { type Places, placesOf } from './config/report.ts';
import { serversOf, waitedFor } from './config/servers.ts';
import { environmentOf, type Settings } from './config/settings.ts';
import type { Engine } from './engines/engine.ts';
import { LocalEngine } from './engines/local.ts';
import { PatientEngine } from './engines/patient.ts';
import type { StepContext, Surroundings } from './pipeline/context.ts';
import { prepareDocument } from './pipeline/document.ts';
import type { IsolatedRequest, Parts } from './pipeline/parts.ts';
import type { EmbeddingUse } from './pipeline/use.ts';
import { tellingWaits } from './pipeline/waits.ts';
import { planIngest } from './plan/plan.ts';
import { planRecords } from './plan/records.ts';
import { ListedRuns } from './runs.ts';
import { isOutage } from './saga/circuit.ts';
import { Outages } from './saga/outages.ts';

/** What apex takes from the process it runs in. */
export interface HostOptions {
  readonly settings: Settings;
  /** Where data lies when the settings do not say. */
  readonly defaultHome: string;
  readonly stdin: NodeJS.ReadableStream;
  /** Name of standard input as a document; null names it by its content. */
  readonly stdinName: string | null;
  /** Starts a process that prepares one document; see `Parts.prepareIsolated`. */
  readonly prepareIsolated: Parts['prepareIsolated'];
  /** Of the data directory, and of sources that are waited for. */
  readonly onWarning: (warning: { readonly code: string; readonly message: string }) => void;
  /** Of apex: what APIs are told that they are asked by. */
  readonly version: string;
  /** Whole addresses by the locations that they are known by (`readLocations`); absent: each location is all of its address. */
  readonly addresses?: ReadonlyMap<string, string>;
}

/** Who waits until servers that are out of reach can be opened: what hears of it, and what ends the wait. */
export interface Waiting {
  readonly onEvent: OnEvent;
  readonly signal: AbortSignal;
}

/**
 * Opens the data directory and assembles the parts that the settings name. Errors: ConfigError, StoreError, JournalError.
 *
 * @param waiting absent: a server that is out of reach is an error at once.
 */
export async function openApex(options: HostOptions, waiting?: Waiting): Promise<Apex> {
  const { settings } = options;
  const outages = outagesOf(settings);
  const open = () => openParts(options, waiting && patiently(outages, waiting.signal));
  const { parts, close } = await (waiting === undefined ? open() : outages.tellDuring(waiting.onEvent, open));
  const engine = engineOf(parts, outages);
  return new Machine({ parts, engine, group: settings.group, close });
}

function outagesOf(settings: Settings): Outages {
  const maxOutageMs = settings.maxOutageSeconds * 1_000;
  const surroundings = systemSurroundings(settings.graceSeconds * 1_000);
  return new Outages({ roles: waitedFor(serversOf(settings)), maxOutageMs, surroundings });
}

function patiently(outages: Outages, signal: AbortSignal): OpenServer {
  return (role, open) => outages.open(role, open, signal);
}

/** The engine, which waits for servers that are out of reach. */
function engineOf(parts: Parts, outages: Outages): Engine {
  if (outages.roles.length === 0) return new LocalEngine(parts);
  return new PatientEngine(new LocalEngine({ ...parts, stores: outages.guard(parts.stores), outages }), outages);
}

/** Opens what tells of runs: also while a server is out of reach, when a run may be waiting for it. Errors as `openApex`. */
export async function openRuns(options: HostOptions): Promise<Runs> {
  try {
    return await openApex(options);
  } catch (error) {
    if (!isOutage(error)) throw error;
    const { home } = placesOf(options.settings, options.defaultHome);
    const registry = await openRegistry({ folder: home, createJournalId: randomUUID, now: Date.now, probe: null });
    return new ListedRuns({ registry, records: null, close: () => registry.close() });
  }
}

/** Prepares one document for another process, leaving its artifacts in staging: what a document that kills processes is left to. */
export async function prepareAlone(
  request: IsolatedRequest,
  options: HostOptions,
  { onStep, use }: { readonly onStep: StepContext['onStep']; readonly use: EmbeddingUse },
): Promise<void> {
  const { parts, close } = await openParts(options);
  try {
    const { runId, source: sourceName, documentId, parentId, item } = request;
    const context = { runId, signal: new AbortController().signal, surroundings: parts.surroundings, onStep };
    await prepareDocument(
      { documentId, parentId, sourceName, item, baseVersion: null, keptVersion: null, contentDigest: '' },
      { ...parts, use, onCacheFailure: () => {} },
      context,
    );
  } finally {
    await close();
  }
}

const MEGABYTE = 1_048_576;
const GIGABYTE = 1_073_741_824;
const HOUR_MS = 3_600_000;
/** Bytes of source documents in one batch. */
const BATCH_BYTES = 4 * MEGABYTE;
/** What an archive may inflate to. */
const MAX_INFLATED_BYTES = 200 * MEGABYTE;
/**
 * The bound on discarding a batch, and before that on asking whether its pivot happened. Three tries at the latter, each of which may
 * wait 55 s for locks of a silent transaction (`PostgresLimits`), fit into it with their delays.
 */
const DISCARD_TIMEOUT_MS = 300_000;
/** The bound on one request to a provider. */
const PROVIDER_TIMEOUT_MS = 60_000;

/** Opens the data directory and the parts that the settings name, for a machine to be put over them. Errors as `openApex`. */
export async function openParts(
  options: HostOptions,
  openServer?: OpenServer,
): Promise<{ parts: Parts; close: () => Promise<void> }> {
  const { settings, prepareIsolated, version } = options;
  const { home, stagingBase } = placesOf(settings, options.defaultHome);
  for (const warning of openDataFolder(home)) options.onWarning(warning);
  const probe = probeOf(settings);
  const withProbe = <Part extends object>(name: string, part: Part): Part =>
    probe === null ? part : probed(name, part, probe);
  const commitProbe = commitPoint(settings.crashPoint);
  const embedder = await openEmbedder(settings);
  // Each of the first two starts a thread of its own, meanwhile the code of the third is loaded.
  const [memory, registry, readers] = await openTogether(
    openStores(
      { path: join(home, 'memory.db'), embedder, createMemoryId: randomUUID, probe: commitProbe },
      serversOf(settings),
      openServer,
    ),
    openRegistry({ folder: home, createJournalId: randomUUID, now: Date.now, probe: commitProbe }),
    openReaders({ ...options, embedder, ownFolders: [home, stagingBase] }),
  );
  const surroundings = systemSurroundings(settings.graceSeconds * 1_000);
  const staging = openStaging(stagingSettings(settings, { home, stagingBase }, probe));
  const ledger = openLedger(home);
  const { stores } = memory;
  const { parsers, source, attachments, extractor } = readers;
  const parts: Parts = {
    source: (name) => withProbe('source', name === STAGED_SOURCE ? staging.source : source(name)),
    attachments: withProbe('attachments', attachments),
    parsers: withProbe('parsers', parsers),
    chunker: readers.chunker,
    feeds: probe === null ? openFeeds(settings, version) : probedFeeds(openFeeds(settings, version), probe),
    extractor: withProbe('extractor', extractor),
    embedder: withProbe('embedder', embedder),
    stores: {
      records: withProbe('records', stores.records),
      graph: withProbe('graph', stores.graph),
      vectors: withProbe('vectors', stores.vectors),
      cache: withProbe('cache', stores.cache),
    },
    staging: probe === null ? staging : probedStaging(staging, probe),
    registry: probe === null ? registry : probedRegistry(registry, probe),
    ...{ surroundings, ledger, prepareIsolated },
    limits: readers.limits,
  };
  const close = async () => {
    await readers.close();
    await staging.close();
    await ledger.close();
    await registry.close();
    await memory.close();
  };
  return { parts, close };
}

/** What the settings say of the staging area, which all processes of the data directory share. */
export function stagingSettings(settings: Settings, { home, stagingBase }: Places, probe: Probe | null) {
  return {
    base: stagingBase,
    maxBytes: settings.stagingMaxGigabytes * GIGABYTE,
    failedRetentionMs: settings.stagingRetentionHours * HOUR_MS,
    now: Date.now,
    home,
    locks: join(home, 'locks'),
    ...(probe !== null && { probe }),
  };
}

/** Kills or stops this process at a point that a test names; null where none is named. */
export function probeOf({ crashPoint, crashLog }: Settings): Probe | null {
  return crashPoint === '' && crashLog === '' ? null : crashProbe(crashPoint, crashLog);
}

/** Pages of one walk of an API: a walk that has not ended then goes on in the next run. */
const MAX_PAGES = 10_000;
/** The largest record that is read whole. */
const MAX_RECORD_BYTES = 16 * MEGABYTE;

/** What reads records, loaded when the first is read. */
function openFeeds(settings: Settings, version: string): FeedReader {
  const open: FeedReader['open'] = async (name, listeners) => {
    const { default: source } = await FEEDS[name]();
    const { openRealFeed } = await loadFeedWalker();
    const values = new Map(Object.entries(environmentOf(settings)));
    return openRealFeed(source, values, { version, maxPages: MAX_PAGES, ...listeners });
  };
  return {
    async *read(bytes, signal) {
      const { readFeed } = await loadFeeds();
      yield* readFeed(bytes, { maxRecordBytes: MAX_RECORD_BYTES, signal });
    },
    assertReady: async (name) => (await open(name, { onWaiting: () => {}, onWarning: () => {} })).close(),
    open,
    mapper: async (source) => (await MAPPERS[source]()).mapper,
  };
}

interface ReaderOptions
  extends Pick<HostOptions, 'settings' | 'stdin' | 'stdinName' | 'version' | 'addresses' | 'onWarning'> {
  readonly embedder: Embedder;
  /** Where apex keeps its own data, which is never listed. */
  readonly ownFolders: readonly string[];
}

type SourceOptions = Omit<ReaderOptions, 'embedder'>;

/** The sources of documents, by name. */
export async function openSources(options: SourceOptions): Promise<Pick<Parts, 'source'> & { close(): Promise<void> }> {
  const { createLocalSource } = await SOURCES.local_upload();
  const download = await downloadSettings(options);
  const web = await openWeb(options, download);
  const buckets = await openBuckets({ ...options, ...download, onWaiting: tellingWaits('s3', options.onWarning) });
  const front = await openFront(options, download);
  const local = createLocalSource(localSettings(options));
  return {
    source: (name) => {
      if (name === local.name) return local;
      if (name === 'https') return web.source();
      if (name === 's3') return buckets.source();
      if (name === front.name) return front;
      throw new UsageError(`there is no source ${name}`, { code: 'APEX_USAGE', details: { name } });
    },
    close: async () => {
      await web.close();
      await buckets.close();
      await front.close();
    },
  };
}

function localSettings({ settings, stdin, stdinName, ownFolders }: SourceOptions) {
  return { maxBytes: settings.maxFileMegabytes * MEGABYTE, stdin, stdinName, ownFolders };
}

interface Readers extends Pick<Parts, 'source' | 'attachments' | 'parsers' | 'chunker' | 'extractor' | 'limits'> {
  close(): Promise<void>;
}

/** The parts that make of documents what is stored, whatever it is stored in. */
async function openReaders(options: ReaderOptions): Promise<Readers> {
  const { settings, embedder } = options;
  const { createStructureChunker } = await CHUNKERS.structure();
  const { createAttachmentSource } = await loadAttachments();
  const sources = await openSources(options);
  const parsers = openParserPool({
    maxProcesses: Math.max(1, Math.min(2, settings.concurrency)),
    limits: {
      timeoutMs: settings.parseTimeoutSeconds * 1_000,
      memoryBytes: settings.parseMemoryMegabytes * MEGABYTE,
      maxPages: settings.parseMaxPages,
      maxInflatedBytes: MAX_INFLATED_BYTES,
    },
  });
  return {
    source: sources.source,
    attachments: createAttachmentSource(localSettings(options)),
    parsers,
    chunker: createStructureChunker({ maxTokens: settings.chunkTokens, countTokens: embedder.countTokens }),
    extractor: (await EXTRACTORS.rules()).create(),
    limits: {
      batchSize: settings.batchSize,
      batchBytes: BATCH_BYTES,
      concurrency: settings.concurrency,
      discardTimeoutMs: DISCARD_TIMEOUT_MS,
    },
    close: async () => {
      await sources.close();
      await parsers.close();
    },
  };
}

/** How long a web server's answer is waited for, and each further part of it. */
const WEB_ANSWER_MS = 30_000;

function webLimits({ answerMs, sourceTimeoutSeconds, sourceMinBytesPerSecond }: Settings): DownloadLimits {
  const ms = answerMs === 0 ? WEB_ANSWER_MS : answerMs;
  return {
    ...{ connectMs: ms, readMs: ms, totalMs: sourceTimeoutSeconds * 1_000 },
    minBytesPerSecond: sourceMinBytesPerSecond,
  };
}

/** How files are fetched, wherever they are. */
export async function downloadSettings({ settings, version }: Pick<SourceOptions, 'settings' | 'version'>) {
  const { createGuard, parseAllowedHosts, resolveBy, systemResolve } = await import('../lib/support/guard.ts');
  const { dnsServer, sourceAllowedHosts, sourceAllowHttp } = settings;
  const resolve = dnsServer === '' ? systemResolve : resolveBy(dnsServer);
  const guardOf = (ownHosts: string) => createGuard(parseAllowedHosts(`${sourceAllowedHosts} ${ownHosts}`), resolve);
  return {
    ...{ version, maxBytes: settings.maxFileMegabytes * MEGABYTE, isHttpAllowed: sourceAllowHttp === 'on' },
    ...{ guard: guardOf(''), guardOf, limits: webLimits(settings) },
  };
}

type OwnDownloads = Awaited<ReturnType<typeof downloadSettings>>;

/** The source of web addresses, made when it is first asked for: what is wrong with its settings is no other command's concern. */
async function openWeb({ settings, addresses = new Map() }: SourceOptions, download: OwnDownloads) {
  const { createHttpsSource } = await SOURCES.https();
  const { readHeaderFile } = await loadHeaderFile();
  const { sourceHeaderFile } = settings;
  let source: HttpsSource | null = null;
  const create = () => {
    const headers = sourceHeaderFile === '' ? new Map() : readHeaderFile(sourceHeaderFile);
    return createHttpsSource({ ...download, headers, addresses });
  };
  return {
    source: () => {
      source ??= create();
      return source;
    },
    close: async () => await source?.close(),
  };
}

async function openFront({ settings, onWarning }: SourceOptions, download: OwnDownloads) {
  const { createFrontAttachments } = await SOURCES.frontapp();
  const values = new Map(Object.entries(environmentOf(settings)));
  return createFrontAttachments({
    ...{ ...download, values, maxPages: MAX_PAGES },
    onWaiting: tellingWaits('frontapp', onWarning),
  });
}

/**
 * Opens what a plan is made with: the memory for reading only, and a temporary staging area. Nothing is made or changed in the data
 * directory, which need not be there. Errors as `openApex`.
 */
export async function openPlanner(options: Omit<HostOptions, 'prepareIsolated'>): Promise<Planner> {
  const { settings } = options;
  const { home, stagingBase } = placesOf(settings, options.defaultHome);
  for (const warning of inspectDataFolder(home)) options.onWarning(warning);
  const embedder = await openEmbedder(settings);
  const { stores, close } = await readStores({ path: join(home, 'memory.db'), embedder }, serversOf(settings));
  const temporary = makeTemporaryFolder();
  const ownFolders = [home, stagingBase, temporary.path];
  const readers = await openReaders({ ...options, embedder, ownFolders });
  const surroundings = systemSurroundings(settings.graceSeconds * 1_000);
  const staging = openStaging({
    base: join(temporary.path, 'staging'),
    maxBytes: settings.stagingMaxGigabytes * GIGABYTE,
    failedRetentionMs: settings.stagingRetentionHours * HOUR_MS,
    now: surroundings.now,
  });
  const { source: staged, items } = readWaiting(stagingBase);
  const parts = {
    ...{ ...readers, feeds: openFeeds(settings, options.version), embedder, stores, staging, surroundings },
    source: (name: string) => (name === STAGED_SOURCE ? staged : readers.source(name)),
    waiting: { items, isAtWork: (runId: string) => isAtWork(home, runId) },
  };
  const { group } = settings;
  return {
    plan: (request, onEvent, signal) => planIngest({ request, parts, group, onEvent, signal }),
    planRecords: (request, onEvent, signal) => planRecords({ request, parts, group, onEvent, signal }),
    close: async () => {
      await readers.close();
      await staging.close();
      await close();
      temporary.remove();
    },
  };
}

interface Closable {
  close(): Promise<void>;
}

/** Waits for all; where one cannot be opened the others are closed again. @throws what the first of those says. */
async function openTogether<Opened extends readonly Closable[]>(
  ...opening: { readonly [index in keyof Opened]: Promise<Opened[index]> }
): Promise<Opened> {
  const settled = await Promise.allSettled(opening);
  const failed = settled.find((result) => result.status === 'rejected');
  const opened = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (failed === undefined) return opened as unknown as Opened;
  for (const one of opened) await one.close();
  throw failed.reason;
}

/** The embedder that the settings name. @throws ConfigError when they do not say enough. */
export async function openEmbedder(settings: Settings): Promise<Embedder> {
  if (settings.embedder === 'lexical') return (await EMBEDDERS.lexical()).createLexicalEmbedder();
  if (settings.openAiKey === '') {
    throw new ConfigError(
      'the openai embedder needs OPENAI_API_KEY; set it in the environment, or use APEX_EMBEDDER=lexical',
      { code: 'APEX_CONFIG' },
    );
  }
  const { createOpenAiEmbedder } = await EMBEDDERS.openai();
  return createOpenAiEmbedder(await openAiSettings(settings));
}

/** What the settings say of the OpenAI-compatible endpoint. */
export async function openAiSettings(settings: Settings): Promise<OpenAiSettings> {
  return {
    apiKey: settings.openAiKey,
    baseUrl: settings.openAiBaseUrl === '' ? null : settings.openAiBaseUrl,
    model: settings.openAiModel,
    dimensions: settings.openAiDimensions,
    price: await openAiPrice(settings),
    timeoutMs: PROVIDER_TIMEOUT_MS,
  };
}

/** What the user says a token costs, else what is listed. */
async function openAiPrice({ openAiPrice, openAiModel }: Settings): Promise<Price | null> {
  const { listedPrice, priceOf } = await PRICES();
  return openAiPrice === '' ? listedPrice(openAiModel) : priceOf(Number(openAiPrice), 'OPENAI_EMBEDDING_PRICE');
}

/** The clock and the ids of this system. */
export function systemSurroundings(graceMs: number): Surroundings {
  return {
    now: () => Date.now(),
    elapsed: () => performance.now(),
    newId: () => randomUUID(),
    sleep: async (ms, signal) => {
      await delay(ms, undefined, { signal });
    },
    graceAfter: (signal) => {
      const late = new AbortController();
      const start = () => setTimeout(() => late.abort(signal.reason), graceMs).unref();
      if (signal.aborted) start();
      else signal.addEventListener('abort', start, { once: true });
      return late.signal;
    },
  };
}

/** Folders and journals are handed out by their part, so they are probed where they are handed out. */
export function probedStaging(staging: Parts['staging'], probe: Probe): Parts['staging'] {
  return {
    items: probedItems(staging.items, probe),
    source: staging.source,
    open: async (...args) => probed('folder', await staging.open(...args), probe),
    staged: (...args) => staging.staged(...args),
    removeRun: (...args) => staging.removeRun(...args),
    forget: (...args) => staging.forget(...args),
    cleanup: (...args) => staging.cleanup(...args),
    stats: (...args) => staging.stats(...args),
    cleanedAt: () => staging.cleanedAt(),
    close: () => staging.close(),
  };
}

function probedItems(items: StagedItems, probe: Probe): StagedItems {
  const outer = probed('items', items, probe);
  return {
    receive: (work) => outer.receive((open) => work(() => probed('folder', open(), probe))),
    list: () => outer.list(),
    find: (...args) => outer.find(...args),
    take: (...args) => outer.take(...args),
    end: (...args) => outer.end(...args),
    offer: (item) => items.offer(item),
    remove: (...args) => outer.remove(...args),
  };
}

/** Each page of a walk passes two points: before it is fetched, and before anything is made of it. */
function probedFeeds(feeds: FeedReader, probe: Probe): FeedReader {
  const outer = probed('feeds', feeds, probe);
  return {
    ...outer,
    open: async (...args) => {
      const feed = await outer.open(...args);
      return { ...feed, walk: (options) => probedPages(feed.walk(options), probe) };
    },
  };
}

async function* probedPages(pages: AsyncGenerator<FeedPage>, probe: Probe): AsyncGenerator<FeedPage> {
  probe('feed.page:before');
  for await (const page of pages) {
    probe('feed.page:after');
    yield page;
    probe('feed.page:before');
  }
}

function probedRegistry(registry: RunRegistry, probe: Probe): RunRegistry {
  const outer = probed('registry', registry, probe);
  return new Proxy(outer, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target);
      if (key !== 'create' && key !== 'claim') return member;
      return async (...args: unknown[]) => {
        const journal = await (member as (...args: unknown[]) => Promise<object | null>)(...args);
        return journal === null ? null : probed('journal', journal, probe);
      };
    },
  });
}

/** Points inside a commit (`….before-commit`) are reached in the thread of the connection, not here. */
function commitPoint(crashPoint: string): CommitProbe | null {
  const [point = '', nth] = crashPoint.split('@');
  return /:(?:before|after)-commit$/.test(point) ? { point, atCount: Number(nth ?? 1) } : null;
}
