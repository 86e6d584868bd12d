import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Finished, newFolder } from '../helpers/program.ts';
import { writeDocuments, writeFirstState, writeSecondState } from './documents.ts';
import type { Recovery } from './scenario.ts';
import { demand, type Environment, type Looked, look, makeHomes, run, type ServerHome } from './server-homes.ts';

/** As `Scenario`, on servers: nothing can be copied there, so every case takes a memory that `make` made. */
export interface ServerScenario {
  /** What an uninterrupted ingest of the second state gives. */
  readonly reference: Record<string, unknown[]>;
  /** The calls of stores that it passes, each once. */
  readonly points: readonly string[];
  /** Makes memories for so many cases. */
  make(cases: number): Promise<void>;
  /** @throws when a command of the recovery ends as it should not. */
  killAndRecover(point: string, recovery: Recovery): Promise<ServerOutcome>;
  remove(): void;
}

export interface ServerOutcome extends Looked {
  readonly killed: Finished;
}

const STORE_POINT = /^(?:records|graph|vectors|cache)\./;

/** Learns what an uninterrupted ingest gives. @param newEnvironment names servers, and places of its own in them. */
export async function openServerScenario(newEnvironment: () => Environment): Promise<ServerScenario> {
  const root = newFolder('crash-servers');
  const documents = join(root, 'documents');
  const others = join(root, 'others');
  writeDocuments(others, { 'other.md': '# Other\n\nLoad LD-900001 is carried by Farrow Freight LLC.\n' });
  let made = 0;
  const homesOf = async (count: number) => {
    rmSync(documents, { recursive: true, force: true });
    writeFirstState(documents);
    made += 1;
    const environments = Array.from({ length: count }, newEnvironment);
    const homes = await makeHomes(environments, { root: join(root, String(made)), documents });
    writeSecondState(documents);
    return homes;
  };
  const [undisturbed] = (await homesOf(1)) as [ServerHome];
  const homes: ServerHome[] = [];
  const log = join(root, 'points.log');
  await demand(run({ ...undisturbed, env: { ...undisturbed.env, APEX_CRASH_LOG: log } }, 'ingest', documents), 3);
  const passed = [...new Set(readFileSync(log, 'utf8').trim().split('\n'))];
  return {
    reference: (await look(undisturbed)).dump,
    points: passed.filter((point) => STORE_POINT.test(point)),
    make: async (cases) => {
      homes.push(...(await homesOf(cases)));
    },
    killAndRecover: async (point, recovery) => {
      const place = homes.pop();
      if (place === undefined) throw new Error('there are more cases than memories were made for');
      const killed = await run({ ...place, env: { ...place.env, APEX_CRASH_POINT: point } }, 'ingest', documents);
      await recover(place, { documents, others }, recovery);
      return { killed, ...(await look(place, (sourceUri) => !sourceUri.includes('/others/'))) };
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
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
  const resumed = recovery === 'rollback' ? null : await demand(run(place, 'resume'), 0, 3);
  if (resumed === null || resumed.stdout === '') await demand(run(place, 'ingest', documents), 3);
}
