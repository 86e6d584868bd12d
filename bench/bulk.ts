// How much do apex's stores add to what a bare script with the same statements takes? Chunk rows into each of the four servers through
// apex and past it, in turns, each in a process and a place of its own.
//
//   npm run bench -- bulk [--rows 100000] [--pairs 3] [--stores records,graph,vectors,cache]
import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Loaded, MEASURED, type Measured } from './parts/bulk/loader.ts';
import { type BenchServer, benchServer, neo4jBytes } from './parts/bulk/servers.ts';
import { against, median, save, shown, table } from './parts/report.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    pairs: { type: 'string', default: '3' },
    stores: { type: 'string', default: MEASURED.join(',') },
  },
});
const rows = Number(values.rows);
const pairs = Number(values.pairs);
const stores = MEASURED.filter((store) => values.stores.split(',').includes(store));

const MAX_RATIO = 1.5;
const DIMENSIONS = 1_024;
/** What a stand-in in JavaScript holds, and no more is learned from more. */
const STAND_IN = { rows: 20_000, dimensions: 512 };

interface Pair {
  readonly apex: Loaded;
  readonly bare: Loaded;
}

interface Measurement {
  readonly store: Measured;
  readonly server: BenchServer;
  readonly rows: number;
  readonly dimensions: number;
  readonly pairs: readonly Pair[];
}

/** Of a graph of so many chunks the files are measured. */
const SIZED_ROWS = 10_000;

const measurements: Measurement[] = [];
for (const store of stores) measurements.push(await measure(store));
const graphBytes = stores.includes('graph') ? await bytesOfGraph() : null;
save({
  name: 'bulk',
  input: `${rows} chunks of 800 characters in documents of 10, two mentions each of 5,000 entities, batches of 256 documents, ${pairs} pairs in turns`,
  body: [ratios(), shares(), held(), sizes(), noise()].join('\n\n'),
});

async function measure(store: Measured): Promise<Measurement> {
  const server = await benchServer(store);
  try {
    const isSmall = store === 'vectors' && server.isStandIn;
    // Only these two hold vectors.
    const dimensions = store === 'vectors' || store === 'cache' ? DIMENSIONS : 1;
    const size = isSmall ? { ...STAND_IN, rows: Math.min(rows, STAND_IN.rows) } : { rows, dimensions };
    const load = (side: keyof Pair, count: number) => loaded(side, store, server.url, { ...size, rows: count });
    // The first load after a start meets cold files and a cold server, whoever makes it.
    for (const side of ['bare', 'apex'] as const) load(side, Math.min(size.rows, 2_560));
    const measured: Pair[] = [];
    for (let pair = 0; pair < pairs; pair += 1) {
      const order = pair % 2 === 0 ? (['bare', 'apex'] as const) : (['apex', 'bare'] as const);
      const [first, second] = order.map((side) => [side, load(side, size.rows)] as const);
      const both = Object.fromEntries([first!, second!]) as unknown as Pair;
      assertSame(store, both);
      console.log(
        `${store}, pair ${pair + 1}: bare ${shown(seconds(both.bare))} s, apex ${shown(seconds(both.apex))} s`,
      );
      measured.push(both);
    }
    return { store, server, ...size, pairs: measured };
  } finally {
    await server.stop();
  }
}

function loaded(
  side: keyof Pair,
  store: Measured,
  url: string,
  {
    rows: count,
    dimensions,
    isKept = false,
  }: { readonly rows: number; readonly dimensions: number; readonly isKept?: boolean },
): Loaded {
  const script = fileURLToPath(new URL('./parts/bulk/load.ts', import.meta.url));
  const args = [script, side, store, String(count), String(dimensions), url, ...(isKept ? ['keep'] : [])];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Loaded;
}

/** A comparison of two loads that are not the same would say nothing. */
function assertSame(store: Measured, { apex, bare }: Pair): void {
  const [a, b] = [apex, bare].map(({ counts }) => JSON.stringify(counts));
  if (a !== b) throw new Error(`${store}: through apex ${a}, by the bare script ${b}`);
}

function seconds({ writeMs, showMs }: Loaded): number {
  return (writeMs + showMs) / 1_000;
}

function ratios(): string {
  const head = ['store', 'rows', 'bare script s', 'apex s', 'of that, to make it visible', 'ratio, median of pairs'];
  const body = measurements.map(({ store, rows: count, dimensions, pairs: all }) => {
    const of = (figure: (pair: Pair) => number) => median(all.map(figure));
    const ratio = of(({ apex, bare }) => seconds(apex) / seconds(bare));
    return [
      store,
      dimensions > 1 ? `${count} × ${dimensions}` : String(count),
      shown(of(({ bare }) => seconds(bare))),
      shown(of(({ apex }) => seconds(apex))),
      shown(of(({ apex }) => apex.showMs / 1_000)),
      against(ratio, ratio <= MAX_RATIO, `at most ${MAX_RATIO}`),
    ];
  });
  return table([head, ...body]);
}

/** By thousand chunks, since not all stores were given as many. */
function shares(): string {
  const each = measurements.map(({ rows: count, pairs: all }) => ({
    apexMs: (median(all.map(({ apex }) => seconds(apex))) * 1e6) / count,
    ownMs: (median(all.map(({ apex }) => apex.ownMs)) * 1e3) / count,
  }));
  const sum = each.reduce((total, { apexMs }) => total + apexMs, 0);
  const head = ['store', 'apex, ms for 1,000 chunks', 'share', 'of that, processor time of apex'];
  const body = measurements.map(({ store }, index) => {
    const { apexMs, ownMs } = each[index]!;
    return [store, shown(apexMs), `${shown((100 * apexMs) / sum)} %`, shown(ownMs)];
  });
  return table([head, ...body]);
}

function held(): string {
  const lines = measurements.map(({ store, server, pairs: all }) => {
    const counts = Object.entries(all[0]?.apex.counts ?? {}).map(([name, count]) => `${name} ${count}`);
    return `- ${store} (${server.what}): ${counts.join(', ')}`;
  });
  return `Held after each load, the same by both:\n\n${lines.join('\n')}`;
}

function sizes(): string {
  const told = measurements.flatMap(({ store, rows: count, dimensions, pairs: all }) =>
    Object.entries(all[0]?.apex.sizes ?? {}).map(([name, bytes]) => {
      const vectors = dimensions > 1 ? ` with ${dimensions} dimensions` : '';
      return `- ${store}, ${name}: ${shown(Math.round(bytes / count))}${vectors}`;
    }),
  );
  const files =
    graphBytes === null ? [] : [`- graph, files of a Neo4j with ${SIZED_ROWS} chunks: ${shown(graphBytes)}`];
  return `Bytes for each chunk, with all indexes:\n\n${[...told, ...files].join('\n')}`;
}

async function bytesOfGraph(): Promise<number> {
  const size = { rows: SIZED_ROWS, dimensions: 1, isKept: true };
  const full = await neo4jBytes((url) => loaded('apex', 'graph', url, size));
  const empty = await neo4jBytes((url) => loaded('apex', 'graph', url, { ...size, rows: 1 }));
  return Math.round((full - empty) / SIZED_ROWS);
}

function noise(): string {
  const [one = 0] = loadavg();
  return `Load of the machine over the last minute: ${shown(one)}. The bare script's time is that of its statements and of making their rows; making the records is nobody's.`;
}
