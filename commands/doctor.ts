import type { Command } from 'commander';
import type { Diagnosis } from '../src/doctor/doctor.ts';
import type { CommonFlags } from './host.ts';
import { findingLines, verdictOf } from './ui/findings.ts';
import { doctorJson } from './ui/json.ts';
import { columns, printError, printJson, printLine } from './ui/output.ts';
import { clipped } from './ui/text.ts';
import { readVersion } from './version.ts';

interface DoctorFlags extends CommonFlags {
  readonly online?: boolean;
}

/** `apex doctor`: looks at everything that apex would use, and says what is wrong and what to do. */
export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .summary('look at everything apex uses, and say what to do')
    .description(
      'Looks at Node, SQLite, the settings, the data directory, its disk, the runs, the memory, the embedder, and of buckets, APIs and the folder of metrics those that are set, and says what is wrong and what to do. Changes nothing, and works whatever is wrong. Exit status 0 when nothing is a problem.',
    )
    .option('--online', 'also embed one word, where an embedder takes money for it')
    .option('--json', 'one JSON object a check on standard output')
    .addHelpText('after', '\nExamples:\n  $ apex doctor\n  $ apex doctor --json | tail -1')
    .action(async (flags: DoctorFlags, command: Command) => {
      const diagnosis = await examined(flags);
      const { quiet = false } = command.optsWithGlobals<{ quiet?: boolean }>();
      process.exitCode = diagnosis.exitStatus;
      if (flags.json === true) for (const line of doctorJson(diagnosis)) printJson(line);
      else if (quiet) await tellProblems(diagnosis);
      else await showFindings(diagnosis);
      // Nothing else would end a check that waits for a disk or a server without an end.
      if (diagnosis.isCheckLeft) process.exit();
    });
}

async function examined({ online }: DoctorFlags): Promise<Diagnosis> {
  const [{ examine }, { inspectedSettings }, { MovingLine }] = await Promise.all([
    import('../src/assemble-checks.ts'),
    import('./settings.ts'),
    import('./ui/progress.ts'),
  ]);
  const { inspection, defaultHome } = await inspectedSettings();
  let progress = 'looking';
  const moving = new MovingLine((width) => clipped(progress, width));
  const onEnded = (count: number, all: number) => {
    progress = `${count} of ${all} checks`;
  };
  try {
    return await examine({ inspection, defaultHome, isOnline: online === true, version: readVersion(), onEnded });
  } finally {
    moving.stop();
  }
}

async function showFindings({ findings }: Diagnosis): Promise<void> {
  const { styleOf } = await import('./ui/style.ts');
  for (const line of findingLines(findings, styleOf('stdout'))) printLine(line);
  printLine('');
  printLine(verdictOf(findings));
}

/** What keeps apex from its work is told also when all else is silent. */
async function tellProblems({ findings }: Diagnosis): Promise<void> {
  const problems = findings.filter(({ level }) => level === 'problem');
  if (problems.length === 0) return;
  const { styleOf } = await import('./ui/style.ts');
  for (const line of findingLines(problems, styleOf('stderr'), columns('stderr'))) printError(line);
}
