// Records of Samsara and Turvo through the built program: how fast, in how much memory, with how many syncs, what doing it again writes,
// and what it takes beside two bare scripts: one that reads and maps as it does, one that only inserts the rows that came of it.
//
//   npm run bench -- records [--readings 100000] [--shipments 20000] [--megabytes 0] [--batch-size 256] [--servers]
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { visibleByMemory } from './parts/bulk/neo4j.ts';
import { type BenchServer, benchServer } from './parts/bulk/servers.ts';
import { writeReadings, writeShipments } from './parts/feeds.ts';
import { inFolder } from './parts/folders.ts';
import { type MeasuredRun, measured } from './parts/program.ts';
import { against, megabytes, save, shown, table } from './parts/report.ts';

const { values } = parseArgs({
  options: {
    readings: { type: 'string', default: '100000' },
    shipments: { type: 'string', default: '20000' },
    /** A file of readings of this size is taken once more, and its memory watched. */
    megabytes: { type: 'string', default: '0' },
    /** `APEX_BATCH_SIZE` of apex. */
    'batch-size': { type: 'string', default: '256' },
    servers: { type: 'boolean', default: false },
  },
});

/** What the system that apex re-creates took for a record: 20 s at the least; and how many times as fast apex has to be. */
const ORIGINAL_SECONDS = 20;
const MIN_SPEED_UP = 1_000;
const MAX_RATIO = 1.5;
const MAX_RESIDENT_BYTES = 300e6;
/** Synced commits of the journal: so many a batch, and so many a run besides. */
const COMMITS_A_BATCH = 4;
const COMMITS_A_RUN = 2;

/** So many warm the servers before, at the most: Neo4j takes twice as long for the first 1,500 shipments, whoever writes them. */
const WARMING_RECORDS = 2_000;

/** Tables that are filled with what the records say. */
const TABLES = ['document', 'chunk', 'fact', 'reading', 'point', 'entity', 'mention', 'relation'];

/** Of every run of apex. */
const SETTINGS = { APEX_BATCH_SIZE: values['batch-size'] };

const BARE_RECORDS = new URL('./parts/bare-records.ts', import.meta.url);

interface Feed {
  readonly name: string;
  readonly source: string;
  readonly count: number;
  readonly write: (path: string, count: number) => number;
}

const FEEDS: readonly Feed[] = [
  { name: 'readings', source: 'samsara', count: Number(values.readings), write: writeReadings },
  { name: 'shipments', source: 'turvo', count: Number(values.shipments), write: writeShipments },
];

const HEAD = [
  ...['records', 'into', 'count', 'seconds', 'records a second', `times as fast as ${ORIGINAL_SECONDS} s a record`],
  ...[
    'batches',
    'synced commits',
    'peak memory',
    'again: seconds',
    'again: writes',
    'bare script s',
    'ratio',
    'rows alone s',
    'ratio',
  ],
];

const BARE =
  'The bare script reads the same file and maps, folds, describes, extracts and embeds with the same parts; it holds everything in memory, writes each thing once and has no journal, no pivot, no digests to check by, and no look at what is known; into servers it writes to all four at once, by the statements of `bulk`. *Rows alone*: inserts the rows of the memory that apex made into an empty one, by prepared statements in transactions of 10,000 rows, and does nothing else. Loading modules is counted for neither.';

await inFolder('records', async (folder) => {
  const rows: (readonly (string | number)[])[] = [HEAD];
  for (const feed of FEEDS.filter(({ count }) => count > 0)) {
    const path = join(folder, `${feed.name}.ndjson`);
    console.log(`${feed.name}: ${megabytes(feed.write(path, feed.count))}`);
    rows.push(await embedded(feed, path, folder));
    if (values.servers) rows.push(await intoServers(feed, path, folder));
  }
  const large = Number(values.megabytes) > 0 ? await largeFile(Number(values.megabytes) * 1e6, folder) : '';
  save({
    name: 'records',
    input: `${values.readings} generated position readings of 100 vehicles and ${values.shipments} generated shipments, one a line; batches of ${values['batch-size']}`,
    body: [table(rows), BARE, large].join('\n\n').trim(),
  });
});

async function embedded(feed: Feed, path: string, folder: string): Promise<readonly (string | number)[]> {
  const home = join(folder, `home-${feed.name}`);
  const words = ['ingest-json', '--source', feed.source, path];
  const first = await measured(words, { home, settings: SETTINGS, isWatched: false });
  const memory = join(home, 'memory.db');
  const barePath = join(folder, `bare-${feed.name}.db`);
  const bare = secondsOf(BARE_RECORDS, [feed.source, path, barePath]);
  assertSame(feed, rowsIn(memory), rowsIn(barePath));
  const rowsAlone = secondsOf(new URL('./parts/bare-rows.ts', import.meta.url), [
    memory,
    join(folder, `rows-${feed.name}.db`),
  ]);
  const again = await measured(words, { home, settings: SETTINGS, isWatched: false });
  const watched = await measured(words, { home: join(folder, `watched-${feed.name}`), settings: SETTINGS });
  return row(feed, 'embedded stores', {
    ...{ first, again, bare, rowsAlone },
    peak: against(watched.peakBytes / 1e6, watched.peakBytes < MAX_RESIDENT_BYTES, 'under 300', ' MB'),
  });
}

async function intoServers(feed: Feed, path: string, folder: string): Promise<readonly (string | number)[]> {
  const servers: BenchServer[] = [];
  try {
    for (const store of ['records', 'graph', 'vectors', 'cache'] as const) servers.push(await benchServer(store));
    const settings = { ...SETTINGS, ...addresses(servers) };
    const words = ['ingest-json', '--source', feed.source, path];
    const options = { home: join(folder, `servers-${feed.name}`), settings, isWatched: false };
    const [records, graph, vectors, cache] = servers.map(({ url }) => url);
    const bareInto = (file: string) =>
      secondsOf(BARE_RECORDS, [feed.source, file, JSON.stringify({ records, graph, vectors, cache })]);
    // The first load after a start meets cold servers, whoever makes it.
    const warming = join(folder, `warming-${feed.name}.ndjson`);
    feed.write(warming, Math.min(WARMING_RECORDS, feed.count));
    bareInto(warming);
    const first = await measured(words, options);
    const again = await measured(words, options);
    const bare = bareInto(path);
    assertSame(feed, ...(await visibleByMemory(graph!)).slice(0, 2));
    const isStandIn = servers.some((server) => server.isStandIn);
    return row(feed, isStandIn ? 'servers, vectors into THE STAND-IN' : 'servers', {
      ...{ first, again, bare, rowsAlone: null },
      peak: '',
    });
  } finally {
    for (const server of servers) await server.stop();
  }
}

function rowsIn(path: string): Record<string, unknown> {
  const db = new Database(path, { readonly: true });
  try {
    return Object.fromEntries(
      TABLES.map((table) => [table, db.prepare(`SELECT count(*) FROM ${table}`).pluck().get()]),
    );
  } finally {
    db.close();
  }
}

/** A comparison with a script that writes something else would say nothing. */
function assertSame({ name }: Feed, ...both: readonly unknown[]): void {
  const [apex, bare] = both.map((counts) => JSON.stringify(counts));
  if (apex !== bare) throw new Error(`${name}: one wrote ${apex}, the other ${bare}`);
}

function addresses([records, graph, vectors, cache]: readonly BenchServer[]): Record<string, string> {
  const address = new URL(graph!.url);
  return {
    DATABASE_URL: records!.url,
    NEO4J_URI: `${address.protocol}//${address.host}`,
    NEO4J_USERNAME: decodeURIComponent(address.username),
    NEO4J_PASSWORD: decodeURIComponent(address.password),
    QDRANT_URL: vectors!.url,
    REDIS_URL: cache!.url,
  };
}

interface Measured {
  readonly first: MeasuredRun;
  readonly again: MeasuredRun;
  readonly bare: number | null;
  readonly rowsAlone: number | null;
  readonly peak: string;
}

function row(
  { name, count }: Feed,
  into: string,
  { first, again, bare, rowsAlone, peak }: Measured,
): readonly (string | number)[] {
  const { batches, journal_commits: commits } = first.summary;
  const speedUp = ORIGINAL_SECONDS / (first.seconds / count);
  const allowed = batches * COMMITS_A_BATCH + COMMITS_A_RUN;
  const written = again.summary.batches;
  return [
    ...[name, into, count, shown(first.seconds), shown(count / first.seconds)],
    against(speedUp, speedUp >= MIN_SPEED_UP, `at least ${MIN_SPEED_UP}`),
    ...[batches, against(commits, commits <= allowed, `at most ${allowed}`), peak],
    ...[shown(again.seconds), against(written, written === 0, '0 batches')],
    ...(bare === null ? ['', ''] : [shown(bare), ratio(first.seconds / bare)]),
    ...(rowsAlone === null ? ['', ''] : [shown(rowsAlone), shown(first.seconds / rowsAlone)]),
  ];
}

function ratio(value: number): string {
  return against(value, value <= MAX_RATIO, `at most ${MAX_RATIO}`);
}

function secondsOf(script: URL, words: readonly string[]): number {
  const output = execFileSync(process.execPath, [fileURLToPath(script), ...words], { encoding: 'utf8' });
  return (JSON.parse(output) as { seconds: number }).seconds;
}

/** Memory must not grow with the input. */
async function largeFile(bytes: number, folder: string): Promise<string> {
  const path = join(folder, 'large.ndjson');
  const sample = 10_000;
  const count = Math.ceil((bytes / writeReadings(path, sample)) * sample);
  const written = writeReadings(path, count);
  const home = join(folder, 'home-large');
  const { peakBytes, seconds } = await measured(['ingest-json', '--source', 'samsara', path], {
    home,
    settings: SETTINGS,
  });
  const peak = against(peakBytes / 1e6, peakBytes < MAX_RESIDENT_BYTES, 'under 300', ' MB');
  return `A file of ${megabytes(written)}, ${count} readings: peak memory ${peak}, ${shown(seconds)} s, memory.db ${megabytes(statSync(join(home, 'memory.db')).size)}.`;
}
