import type { RunEvent } from '../../lib/contracts/apex.ts';
import { ERROR_CODES, EXIT } from '../../lib/contracts/error-codes.ts';
import { isApexError } from '../../lib/contracts/errors.ts';
import type { FeedSourceName } from '../../lib/contracts/feed.ts';
import { fetchRecords } from '../helpers/fetch.ts';
import { assembleMachine, CLEANUP } from '../helpers/machine.ts';
import { apex } from '../helpers/program.ts';
import { never } from '../helpers/records.ts';

/** What a command came to: its exit status and all that it said. */
export interface Told {
  readonly exitCode: number | null;
  readonly text: string;
}

/** Does a command over a data directory. */
export type Driver = (args: readonly string[], home: string, env: Readonly<Record<string, string>>) => Promise<Told>;

/** The built program, as users type it. */
export const byProgram: Driver = async (args, home, env) => {
  const { exitCode, stdout, stderr } = await apex([...args, '--json'], { home, env });
  return { exitCode, text: `${stdout}\n${stderr}` };
};

type Machine = Awaited<ReturnType<typeof assembleMachine>>['machine'];
type Listen = (event: RunEvent) => void;

/** What the commands do in this process. Gives the exit status. */
const COMMANDS: {
  readonly [name: string]: (machine: Machine, args: readonly string[], listen: Listen) => Promise<number>;
} = {
  ingest: async (machine, targets, listen) => {
    const request = { targets, source: 'local_upload', documentId: null, onError: 'continue' } as const;
    return (await machine.ingest(request, listen, never)).exit_status;
  },
  'ingest-json': async (machine, [_, source, flag], listen) => {
    const options = { isAll: flag === '--all', isSynced: flag === '--sync', onEvent: listen };
    return (await fetchRecords(machine, source as FeedSourceName, options)).exit_status;
  },
  records: async (machine, _, listen) => (await machine.retryRecords(listen, never))?.exit_status ?? EXIT.done,
  delete: async (machine, ids, listen) => (await machine.delete(ids, listen, never)).exit_status,
  resume: async (machine, [runId = null], listen) =>
    (await machine.resume(runId, listen, never))?.exit_status ?? EXIT.done,
  rollback: async (machine, [runId = ''], listen) => (await machine.rollback(runId, listen, never)).exit_status,
  cleanup: async (machine, _, listen) => (await machine.cleanup(CLEANUP, listen, never)).exit_status,
  verify: async (machine, _, listen) => {
    const { differences, exit_status } = await machine.verify(never);
    listen({ kind: 'warning', code: 'DRIFT', message: JSON.stringify(differences) });
    return exit_status;
  },
  reconcile: async (machine, _, listen) => (await machine.reconcile(listen, never)).exit_status,
  runs: async (machine, [what, runId]) => {
    if (what === 'list') await machine.listRuns();
    else if ((await machine.showRun(runId!)) === null) return EXIT.usage;
    return EXIT.done;
  },
};

/** The same commands in this process, over the same parts: some times faster. */
export const inProcess: Driver = async (args, home, env) => {
  let opened: Awaited<ReturnType<typeof assembleMachine>>;
  try {
    opened = await assembleMachine(home, { env });
  } catch (error) {
    return toldOf(error, []);
  }
  try {
    return await doOn(opened.machine, args);
  } finally {
    await opened.close();
  }
};

/** The same in an apex of this process that stays open. */
export async function doOn(machine: Machine, [name, ...args]: readonly string[]): Promise<Told> {
  const texts: string[] = [];
  const listen: Listen = (event) => {
    if (event.kind === 'warning' || event.kind === 'problem') texts.push(event.message);
    else if (event.kind === 'run_ended') texts.push(event.summary.error?.message ?? '');
  };
  try {
    const exitCode = await COMMANDS[name!]!(machine, args, listen);
    return { exitCode, text: texts.join('\n') };
  } catch (error) {
    return toldOf(error, texts);
  }
}

function toldOf(error: unknown, texts: readonly string[]): Told {
  if (!isApexError(error)) return { exitCode: EXIT.bug, text: String((error as Error).stack) };
  return { exitCode: ERROR_CODES[error.code].exit, text: [...texts, error.message].join('\n') };
}
