// One load, in a process of its own: node bench/parts/bulk/load.ts <apex|bare> <store> <rows> <dimensions> <url> [keep]
//
// Prints one JSON object: what it took to write, what to make visible, and what lies in the store then. Making the rows is not timed.
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Loaded, Loader, Measured, Place } from './loader.ts';
import { apexNeo4j, bareNeo4j } from './neo4j.ts';
import { apexPostgres, barePostgres } from './postgres.ts';
import { apexQdrant, bareQdrant } from './qdrant.ts';
import { apexRedis, bareRedis, prepareEntries } from './redis.ts';
import { bulkBatches } from './rows.ts';

const LOADERS: { readonly [store in Measured]: { readonly [side: string]: (place: Place) => Promise<Loader> } } = {
  records: { apex: apexPostgres, bare: barePostgres },
  graph: { apex: apexNeo4j, bare: bareNeo4j },
  vectors: { apex: apexQdrant, bare: bareQdrant },
  cache: { apex: apexRedis, bare: bareRedis },
};

const SETTLE_MS = 20;

const [side = '', store = '', rows = '', dimensions = '', url = '', kept = ''] = process.argv.slice(2);
const place = { url, name: `bench_${randomBytes(6).toString('hex')}`, dimensions: Number(dimensions) };
const loader = await LOADERS[store as Measured][side]!(place);
const loaded = { writeMs: 0, showMs: 0, ownMs: 0 };
let batchNo = 0;
for (const batch of bulkBatches(Number(rows), place.dimensions)) {
  prepareEntries(batch);
  // Making rows holds everything up: connections that the server has closed meanwhile are noticed first.
  await delay(SETTLE_MS);
  const usedBefore = process.cpuUsage();
  const begunMs = performance.now();
  await loader.write(batch, batchNo);
  const writtenMs = performance.now();
  await loader.show(batch, batchNo);
  loaded.writeMs += writtenMs - begunMs;
  loaded.showMs += performance.now() - writtenMs;
  const { user, system } = process.cpuUsage(usedBefore);
  loaded.ownMs += (user + system) / 1_000;
  batchNo += 1;
}
const result: Loaded = { ...loaded, counts: await loader.counts(), sizes: await loader.sizes() };
if (kept === '') await loader.remove();
console.log(JSON.stringify(result));
process.exit();
