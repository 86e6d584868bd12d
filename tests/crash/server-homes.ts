import { join } from 'node:path';
import { workThrough } from '../../src/pipeline/bounded.ts';
import { dumpStores } from '../helpers/dump-stores.ts';
import { assembleMachine } from '../helpers/machine.ts';
import { apex, type Finished } from '../helpers/program.ts';

export type Environment = Readonly<Record<string, string>>;

/** A memory on servers. */
export interface ServerHome {
  readonly home: string;
  /** Names the servers, and what of them is this memory's. */
  readonly env: Environment;
}

/** Small batches, so that a handful of documents passes every point several times; one at a time, so that points come in order. */
const SETTINGS = { APEX_BATCH_SIZE: '3', APEX_CONCURRENCY: '1' };
/** How many memories are made side by side. */
const JOBS = 2;
/** Some of the documents are bad. */
const INGESTED = 3;

/** Makes a memory in each of these places that holds a folder's documents. Nothing can be copied on servers. */
export async function makeHomes(
  environments: readonly Environment[],
  { root, documents }: { readonly root: string; readonly documents: string },
): Promise<ServerHome[]> {
  const homes = environments.map((env, index) => ({
    home: join(root, `home-${index}`),
    env: { ...SETTINGS, ...env },
  }));
  await workThrough([...homes], JOBS, async ({ home, env }) => {
    const { ingest, close } = await assembleMachine(home, { env });
    try {
      const { summary } = await ingest(documents);
      if (summary.exit_status !== INGESTED) throw new Error(`the first ingest ended with ${summary.exit_status}`);
    } finally {
      await close();
    }
  });
  return homes;
}

/** Runs the built program over one. */
export function run({ home, env }: ServerHome, ...args: string[]): Promise<Finished> {
  return apex([...args, '--json'], { home, env });
}

/** What a memory holds, and what `verify` says of it: its exit status and what differs. */
export interface Looked {
  readonly dump: Record<string, unknown[]>;
  readonly verified: { readonly exitStatus: number; readonly differences: readonly unknown[] };
}

/** @param isWanted which documents count, by location. */
export async function look(
  { home, env }: ServerHome,
  isWanted: (sourceUri: string) => boolean = () => true,
): Promise<Looked> {
  const { parts, verify, close } = await assembleMachine(home, { env });
  try {
    const { exit_status: exitStatus, differences } = await verify();
    return { dump: await dumpStores(parts.stores, isWanted), verified: { exitStatus, differences } };
  } finally {
    await close();
  }
}

/** @throws when it ends otherwise. */
export async function demand(running: Promise<Finished>, ...exitCodes: number[]): Promise<Finished> {
  const finished = await running;
  if (finished.exitCode === null || !exitCodes.includes(finished.exitCode))
    throw new Error(`exit ${finished.exitCode}, expected ${exitCodes}: ${finished.stdout}\n${finished.stderr}`);
  return finished;
}
