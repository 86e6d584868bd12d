import { Command, Option } from 'commander';
import type { GlobalFlags } from './begin.ts';
import { registerCleanup } from './cleanup.ts';
import { registerCompletion } from './completion.ts';
import { registerConfig } from './config.ts';
import { registerDelete } from './delete.ts';
import { registerDoctor } from './doctor.ts';
import { registerDocuments } from './documents.ts';
import { registerIngest } from './ingest.ts';
import { registerIngestJson } from './ingest-json.ts';
import { registerMetrics } from './metrics.ts';
import { registerPrepareAlone } from './prepare-alone.ts';
import { registerReconcile } from './reconcile.ts';
import { registerRecords } from './records.ts';
import { registerResume } from './resume.ts';
import { registerRetry } from './retry.ts';
import { registerRollback } from './rollback.ts';
import { registerRuns } from './runs.ts';
import { registerSearch } from './search.ts';
import { registerShow } from './show.ts';
import { registerStage } from './stage.ts';
import { registerStaging, registerStats } from './staging.ts';
import { registerStatus } from './status.ts';
import { registerTrace } from './trace.ts';
import { safeText } from './ui/text.ts';
import { registerVerify } from './verify.ts';
import { readVersion } from './version.ts';

const AFTER_HELP = `
Begin with:
  $ apex ingest <folder>
  $ apex search "<question>"
  $ apex verify

Exit status: 0 done, 2 wrong usage, 3 some documents quarantined, 4 rolled back, 5 needs attention, 75 try again later,
78 a setting is wrong, 130 interrupted. The data directory is APEX_HOME.`;

/** From the least to the most that is logged. */
const LOG_LEVELS = ['error', 'warn', 'info', 'debug'];

/** The command tree; building it runs nothing. @param onBegun hears which command is about to begin. */
export function createProgram(onBegun: (command: Command) => void = () => {}): Command {
  const program = new Command('apex')
    .description('Documents in, one knowledge memory out: resumable, verifiable, offline by default.')
    .version(readVersion(), '-V, --version')
    .addHelpText('after', AFTER_HELP)
    .addOption(new Option('--quiet', 'print nothing but errors; the exit status says how it went'))
    .addOption(new Option('--log-file <path>', 'append a log to this file, one JSON object a line'))
    .addOption(
      new Option('--log-level <level>', 'how much is logged (info), to standard error without a file').choices(
        LOG_LEVELS,
      ),
    )
    .hook('preAction', async (program, command) => {
      const { begin } = await import('./begin.ts');
      await begin(program.opts<GlobalFlags>(), command);
      onBegun(command);
    })
    .showHelpAfterError('Run with --help for what may be given.')
    .configureOutput({ outputError: (text, write) => write(text.split('\n').map(safeText).join('\n')) })
    .exitOverride();
  const registers = [
    registerIngest,
    registerIngestJson,
    registerStage,
    registerResume,
    registerRetry,
    registerRecords,
    registerShow,
    registerRollback,
    registerVerify,
    registerSearch,
    registerDocuments,
    registerDelete,
    registerRuns,
    registerStatus,
    registerTrace,
    registerStaging,
    registerStats,
    registerCleanup,
    registerMetrics,
    registerDoctor,
    registerReconcile,
    registerConfig,
    registerCompletion,
    registerPrepareAlone,
  ];
  for (const register of registers) register(program);
  for (const command of program.commands) command.exitOverride();
  return program;
}
