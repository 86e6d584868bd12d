import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { workThrough } from '../../src/pipeline/bounded.ts';
import { dumpStores } from '../helpers/dump-stores.ts';
import { assembleMachine } from '../helpers/machine.ts';
import { apex, type Finished, newFolder } from '../helpers/program.ts';
import { writeDocuments, writeFirstState, writeSecondState } from './documents.ts';
import type { Recovery } from './scenario.ts';

type Environment = Readonly<Record<string, string>>;

/** A memory on servers that holds the first state of the documents. */
interface ServerHome {
  readonly home: string;
  readonly env: Environment;
}

/** As `Scenario`, on servers: nothing can be copied there, so every case has a memory that was made for it. */
export interface ServerScenario {
  /** What an uninterrupted ingest of the second state gives. */
  readonly reference: Record<string, unknown[]>;
  /** The calls of stores that it passes, each once. */
  readonly points: readonly string[];
  killAndRecover(point: string, recovery: Recovery): Promise<ServerOutcome>;
  remove(): void;
}

export interface ServerOutcome {
  readonly killed: Finished;
  readonly verified: Finished;
  readonly dump: Record<string, unknown[]>;
}

/** Small batches, so that a handful of documents passes every point several times; one at a time, so that points come in order. */
const SETTINGS = { APEX_BATCH_SIZE: '3', APEX_CONCURRENCY: '1' };
const STORE_POINT = /^(?:records|graph|vectors|cache)\./;
/** How many memories are made side by side. */
const JOBS = 2;

/**
 * Makes memories for so many cases, and learns what an uninterrupted ingest gives.
 *
 * @param newEnvironment names servers, and places of its own in them.
 */
export async function openServerScenario(cases: number, newEnvironment: () => Environment): Promise<ServerScenario> {
  const root = newFolder('crash-servers');
  const documents = join(root, 'documents');
  const others = join(root, 'others');
  writeFirstState(documents);
  writeDocuments(others, { 'other.md': '# Other\n\nLoad LD-900001 is carried by Farrow Freight LLC.\n' });
  const homes = Array.from({ length: cases + 1 }, (_, index): ServerHome => {
    return { home: join(root, `home-${index}`), env: { ...SETTINGS, ...newEnvironment() } };
  });
  await workThrough([...homes], JOBS, async (place) => {
    await demand(run(place, 'ingest', documents), 3);
  });
  writeSecondState(documents);
  const undisturbed = homes.pop()!;
  const log = join(root, 'points.log');
  await demand(run({ ...undisturbed, env: { ...undisturbed.env, APEX_CRASH_LOG: log } }, 'ingest', documents), 3);
  const passed = [...new Set(readFileSync(log, 'utf8').trim().split('\n'))];
  return {
    reference: await dumpOf(undisturbed),
    points: passed.filter((point) => STORE_POINT.test(point)),
    killAndRecover: async (point, recovery) => {
      const place = homes.pop();
      if (place === undefined) throw new Error('there are more cases than memories were made for');
      const killed = await run({ ...place, env: { ...place.env, APEX_CRASH_POINT: point } }, 'ingest', documents);
      await recover(place, { documents, others }, recovery);
      return { killed, verified: await run(place, 'verify'), dump: await dumpOf(place) };
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

function run({ home, env }: ServerHome, ...args: string[]): Promise<Finished> {
  return apex([...args, '--json'], { home, env });
}

async function recover(
  place: ServerHome,
  { documents, others }: { readonly documents: string; readonly others: string },
  recovery: Recovery,
): Promise<void> {
  if (recovery === 'rollback') {
    const { lines } = await run(place, 'runs', 'list');
    const interrupted = lines.find(({ state }) => state === 'running' || state === 'interrupted');
    if (interrupted !== undefined) await demand(run(place, 'rollback', String(interrupted['run_id'])), 4);
  } else if (recovery === 'cleanup first') await demand(run(place, 'cleanup'), 0);
  else if (recovery === 'second ingest first') await demand(run(place, 'ingest', others), 0);
  const resumed = recovery === 'rollback' ? null : await run(place, 'resume');
  if (resumed === null || resumed.stdout === '') await run(place, 'ingest', documents);
}

async function dumpOf({ home, env }: ServerHome): Promise<Record<string, unknown[]>> {
  const { parts, close } = await assembleMachine(home, { env });
  try {
    return await dumpStores(parts.stores, (sourceUri) => !sourceUri.includes('/others/'));
  } finally {
    await close();
  }
}

async function demand(running: Promise<Finished>, exitCode: number): Promise<void> {
  const finished = await running;
  if (finished.exitCode !== exitCode)
    throw new Error(`exit ${finished.exitCode}, expected ${exitCode}: ${finished.stdout}\n${finished.stderr}`);
}
