import type { Command } from 'commander';
import type { Difference, VerifyReport } from '../lib/contracts/apex.ts';
import { UsageError } from '../lib/contracts/errors.ts';
import { groupFlag } from './group-flag.ts';
import { type CommonFlags, withApex } from './host.ts';
import { counted } from './ui/figures.ts';
import { verifyJson } from './ui/json.ts';
import { printError, printJson, printLine, printNote, printWarning } from './ui/output.ts';
import { table } from './ui/table.ts';
import { clipped } from './ui/text.ts';

/** Differences that are shown to a person. */
const SHOWN_DIFFERENCES = 50;

interface VerifyFlags extends CommonFlags {
  readonly repair?: boolean;
}

/** `apex verify`: compares every store with what it should hold. */
export function registerVerify(program: Command): void {
  program
    .command('verify')
    .summary('prove that every store holds what it should')
    .description(
      'Compares ids and digests of content in all stores. Exit status 0 only when there is no difference, else 5.',
    )
    .option('--repair', 'heal what differs, then compare again')
    .addOption(groupFlag('compare only the documents of this group (tenant); by default all'))
    .option('--json', 'one JSON object a line on standard output and nothing else')
    .addHelpText('after', '\nExamples:\n  $ apex verify\n  $ apex verify --json | tail -1\n  $ apex verify --repair')
    .action(async ({ repair = false, ...flags }: VerifyFlags) => {
      if (repair && flags.group !== undefined)
        throw new UsageError('--repair heals the whole memory: leave out --group', { code: 'APEX_USAGE' });
      if (repair) {
        const { repairMemory } = await import('./verify-repair.ts');
        return repairMemory(flags);
      }
      const report = await verified(flags);
      process.exitCode = report.exit_status;
      if (flags.json === true) for (const line of verifyJson(report)) printJson(line);
      else showReport(report);
    });
}

async function verified(flags: CommonFlags): Promise<VerifyReport> {
  const { MovingLine } = await import('./ui/progress.ts');
  let documents = 0;
  const moving = new MovingLine((width) => clipped(`${counted(documents, 'document')} compared`, width));
  try {
    return await withApex(flags, (apex, signal) =>
      apex.verify(
        signal,
        (compared) => {
          documents = compared;
        },
        flags.group ?? null,
      ),
    );
  } finally {
    moving.stop();
  }
}

function showReport({ documents, items, differences, uncompared }: VerifyReport): void {
  for (const role of uncompared) printWarning(`the ${role} does not answer, and was not compared`);
  showDifferences(differences, 'apex verify --json');
  const verdict = differences.length === 0 ? 'no difference' : counted(differences.length, 'difference');
  printLine(`${counted(documents, 'document')}, ${counted(items, 'item')} compared: ${verdict}`);
  if (differences.length > 0) printError('Heal with: apex verify --repair');
}

const COLUMNS = [
  { header: 'problem' },
  { header: 'store' },
  { header: 'kind' },
  { header: 'document' },
  { header: 'id' },
];

/** The first differences as a table. @param all the command that lists all of them. */
export function showDifferences(differences: readonly Difference[], all: string): void {
  if (differences.length === 0) return;
  const rows = differences
    .slice(0, SHOWN_DIFFERENCES)
    .map(({ problem, role, kind, document_id, id }) => [problem, role, kind, document_id, id]);
  for (const line of table(COLUMNS, rows)) printLine(line);
  const hidden = differences.length - SHOWN_DIFFERENCES;
  if (hidden > 0) printNote(`… and ${counted(hidden, 'more difference', 'more differences')}; ${all} lists all`);
}
