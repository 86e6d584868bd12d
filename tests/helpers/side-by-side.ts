import { expect } from 'vitest';
import { openCase } from './case.ts';
import { dumpSeries, dumpStores, withoutReadTimes } from './dump-stores.ts';
import { assembleMachine } from './machine.ts';
import type { Finished } from './program.ts';

/** How many processes of each kind work on one memory. */
export interface Mix {
  readonly records: number;
  readonly documents: number;
}

/** All of them, of records only, and of documents only. */
export const MIXES: readonly Mix[] = [
  { records: 10, documents: 0 },
  { records: 0, documents: 10 },
  { records: 5, documents: 5 },
];

/** How much the input is larger than it is by default. */
const TIMES = Number(process.env['APEX_TEST_CONCURRENT'] ?? '1');
const VEHICLES = 12 * TIMES;
const READINGS = 6;
const START_MS = Date.parse('2025-10-19T12:00:00Z');
const MINUTE_MS = 60_000;

/** A cache server that is overrun by ten processes at once may do so. */
const WITHOUT_CACHE = /^warning: the cache does not answer; the run goes on without it .*\n?/gm;

type Environment = Readonly<Record<string, string>>;
type Memory = ReturnType<typeof openCase>;

/**
 * Runs a mix of commands side by side over one memory, each over input that overlaps with that of others: all end with 0, `verify`
 * finds nothing, and the memory is that of one process that took everything. Prints how long it took.
 *
 * @param env names the stores of the memory; the one that it is compared with has embedded ones.
 */
export async function expectSideBySide(mix: Mix, env: Environment = {}): Promise<void> {
  const since = Date.now();
  const files = { ...recordFiles(mix.records), ...documentFiles(mix.documents) };
  const [memory, alone] = [openCase(files, env), openCase()];
  const startedMs = performance.now();
  const runs = await Promise.all(commandsOf(mix, memory.documents).map((args) => timed(memory, args)));
  tell(mix, performance.now() - startedMs, runs);
  expect(runs.map(({ finished: { exitCode, stderr } }) => [exitCode, stderr.replaceAll(WITHOUT_CACHE, '')])).toEqual(
    runs.map(() => [0, '']),
  );
  const verified = await memory.run('verify');
  expect(verified.lines.filter(({ event }) => event === 'difference')).toEqual([]);
  expect(verified.exitCode).toBe(0);
  await takeAll(mix, alone, memory.documents);
  expect(await dumpOf(memory, since)).toEqual(await dumpOf(alone, since));
}

/** Each process has a file of its own; what is in it is told by its neighbours, too. */
function commandsOf({ records, documents }: Mix, folder: string): string[][] {
  const places = (count: number) => Array.from({ length: count }, (_, index) => index);
  return [
    ...places(records).map((index) => ['ingest-json', '--source', 'samsara', `${folder}/records-${index}.ndjson`]),
    ...places(documents).map((index) => {
      const own = [0, 1, 2].map((offset) => `${folder}/document-${(index + offset) % documents}.txt`);
      return ['ingest', ...own];
    }),
  ];
}

async function takeAll({ records, documents }: Mix, { run }: Memory, folder: string): Promise<void> {
  if (records > 0) expect((await run('ingest-json', '--source', 'samsara', `${folder}/*.ndjson`)).exitCode).toBe(0);
  if (documents > 0) expect((await run('ingest', `${folder}/*.txt`)).exitCode).toBe(0);
}

/** All vehicles in every file: described at another time and with another driver, and moving on from half way of the file before. */
function recordFiles(count: number): Record<string, string> {
  const at = (minutes: number) => new Date(START_MS + minutes * MINUTE_MS).toISOString();
  const described = (file: number, vehicle: number) => ({
    ...{
      id: `28147${vehicle}`,
      name: `TRUCK-${vehicle}`,
      vin: `1XPTESTVIN00${10_000 + vehicle}`,
      notes: `Seen in yard ${file}.`,
    },
    staticAssignedDriver: { id: `507${(file + vehicle) % VEHICLES}`, name: `Driver ${(file + vehicle) % VEHICLES}` },
    updatedAtTime: at(file * READINGS),
  });
  const moving = (file: number, vehicle: number) => ({
    ...{ id: `28147${vehicle}`, name: `TRUCK-${vehicle}` },
    gps: Array.from({ length: 2 * READINGS }, (_, index) => file * READINGS + index).map((minutes) => ({
      ...{ time: at(minutes), latitude: 41 + minutes / 1_000, longitude: -87 - vehicle / 100, speedMilesPerHour: 50 },
      ...(minutes % 5 < 2 && { address: { id: `44${minutes % 3}`, name: `Yard ${minutes % 3}` } }),
    })),
  });
  const lines = (file: number) =>
    Array.from({ length: VEHICLES }, (_, vehicle) => [described(file, vehicle), moving(file, vehicle)]).flat();
  return Object.fromEntries(
    Array.from({ length: count }, (_, file) => [
      `records-${file}.ndjson`,
      lines(file)
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    ]),
  );
}

function documentFiles(count: number): Record<string, string> {
  const sentence = (index: number) =>
    `Load number: LD-70000${index}\nCarrier: Farrow Freight LLC\n\nBay ${index} is free.\n`;
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`document-${index}.txt`, sentence(index).repeat(TIMES)]),
  );
}

interface Timed {
  readonly finished: Finished;
  readonly ms: number;
}

async function timed({ run }: Memory, args: readonly string[]): Promise<Timed> {
  const startedMs = performance.now();
  return { finished: await run(...args), ms: performance.now() - startedMs };
}

function tell({ records, documents }: Mix, wallMs: number, runs: readonly Timed[]): void {
  const ordered = runs.map(({ ms }) => ms).sort((a, b) => a - b);
  const part = (share: number) => Math.round(ordered[Math.ceil(share * ordered.length) - 1]!);
  const times = `wall ${Math.round(wallMs)} ms, a process P50 ${part(0.5)} ms, P95 ${part(0.95)} ms`;
  console.log(`${records} of records and ${documents} of documents side by side: ${times}`);
}

async function dumpOf({ home, env }: Memory, since: number): Promise<Record<string, unknown[]>> {
  const { parts, close } = await assembleMachine(home, { env });
  try {
    return withoutReadTimes({ ...(await dumpStores(parts.stores)), ...(await dumpSeries(parts.stores)) }, since);
  } finally {
    await close();
  }
}
