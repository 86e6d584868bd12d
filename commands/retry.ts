import type { Command } from 'commander';
import type { ErrorCode } from '../lib/contracts/error-codes.ts';
import { UsageError } from '../lib/contracts/errors.ts';
import { addCaps, type CapFlags, capsOf } from './caps.ts';
import { groupFlag } from './group-flag.ts';
import { type CommonFlags, runCommand } from './host.ts';
import { quarantineReason } from './reason.ts';

interface RetryFlags extends CommonFlags, CapFlags {
  readonly all?: boolean;
  readonly reason?: string;
}

/** `apex retry <document …> | --all | --reason <code>`: what was set aside is read again from its source. */
export function registerRetry(program: Command): void {
  const retry = program
    .command('retry')
    .summary('try documents in quarantine again')
    .description(
      'Reads documents in quarantine again from where they came and takes them through all steps, also when nothing about them has changed. What works leaves quarantine; what fails again stays, with the new reason. What came in a mail is read with its mail. The same command again goes on with an interrupted one.',
    )
    .argument('[document...]', 'ids of documents, as `apex documents list --quarantined` shows them')
    .option('--all', 'all that is in quarantine')
    .option('--reason <code>', 'all that is in quarantine for this reason')
    .addOption(groupFlag())
    .option('--json', 'one JSON object a line on standard output and nothing else');
  addCaps(retry)
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex retry doc-61b3fe0bbcb843863e63839d\n  $ apex retry --reason TIMEOUT\n  $ apex retry --all --json',
    )
    .action(async (documentIds: string[], flags: RetryFlags) => {
      assertOneWay(documentIds, flags);
      const reason = flags.reason === undefined ? null : await quarantineReason(flags.reason);
      await runCommand(
        flags,
        (apex, onEvent, signal) => apex.retry({ documentIds, reason, caps: capsOf(flags) }, onEvent, signal),
        nothingToRetry(reason),
      );
    });
}

function assertOneWay(documentIds: readonly string[], { all, reason }: RetryFlags): void {
  const ways = [documentIds.length > 0, all === true, reason !== undefined].filter((isGiven) => isGiven).length;
  const refuse = (problem: string) => {
    throw new UsageError(problem, { code: 'APEX_USAGE' });
  };
  if (documentIds.includes('')) refuse('a document is empty: give its id');
  if (ways === 0) refuse('say what is to be tried again: ids of documents, --all, or --reason with a code');
  if (ways > 1) refuse('give either ids of documents, or --all, or --reason: not several of them');
}

function nothingToRetry(reason: ErrorCode | null): string {
  return reason === null ? 'Nothing is in quarantine.' : `Nothing is in quarantine for ${reason}.`;
}
