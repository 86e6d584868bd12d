import type { RunEvent } from '../../lib/contracts/apex.ts';
import { ERROR_CODES, EXIT } from '../../lib/contracts/error-codes.ts';
import { isApexError } from '../../lib/contracts/errors.ts';
import { assembleMachine } from '../helpers/machine.ts';
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
  delete: async (machine, ids, listen) => (await machine.delete(ids, listen, never)).exit_status,
  resume: async (machine, [runId = null], listen) =>
    (await machine.resume(runId, listen, never))?.exit_status ?? EXIT.done,
  rollback: async (machine, [runId = ''], listen) => (await machine.rollback(runId, listen, never)).exit_status,
  cleanup: async (machine, _, listen) => (await machine.cleanup(listen, never)).exit_status,
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
export const inProcess: Driver = async ([name, ...args], home, env) => {
  const texts: string[] = [];
  const listen: Listen = (event) => {
    if (event.kind === 'warning' || event.kind === 'problem') texts.push(event.message);
    else if (event.kind === 'run_ended') texts.push(event.summary.error?.message ?? '');
  };
  const told = (exitCode: number) => ({ exitCode, text: texts.join('\n') });
  try {
    const { machine, close } = await assembleMachine(home, { env });
    try {
      return told(await COMMANDS[name!]!(machine, args, listen));
    } finally {
      await close();
    }
  } catch (error) {
    if (!isApexError(error)) return { exitCode: EXIT.bug, text: String((error as Error).stack) };
    texts.push(error.message);
    return told(ERROR_CODES[error.code].exit);
  }
};
