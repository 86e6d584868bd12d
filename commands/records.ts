import { type Command, Option } from 'commander';
import { FEED_SOURCES } from '../lib/contracts/feed.ts';
import type { RejectedEntry } from '../lib/contracts/series.ts';
import { refuseUnknown } from './group.ts';
import { groupFlag } from './group-flag.ts';
import { type CommonFlags, runCommand, withApex } from './host.ts';
import { counted, shownPlace } from './ui/figures.ts';
import { rejectedJson } from './ui/json.ts';
import { columns, printJson, printLine, printNote } from './ui/output.ts';
import { clipped, safeText } from './ui/text.ts';

interface ListFlags extends CommonFlags {
  readonly source?: string;
}

/** Rejected records asked for at once. */
const PAGE_RECORDS = 1_000;

/** `apex records list --rejected` and `apex records retry`: what of structured sources could not be taken. */
export function registerRecords(program: Command): void {
  const records = program
    .command('records')
    .summary('list records that were rejected, and try them again')
    .description(
      'Records of structured sources that could not be taken, kept with their text, the field that is wrong and why. Without a subcommand: list.',
    );
  const list = records.command('list', { isDefault: true });
  refuseUnknown(records, list);
  list
    .summary('the rejected records')
    .description('The rejected records, each with where it came from, the field that is wrong, and why.')
    .addOption(new Option('--rejected', 'those that could not be taken; others are documents: apex documents list'))
    .addOption(new Option('--source <name>', 'only of this source').choices([...FEED_SOURCES]))
    .addOption(groupFlag())
    .option('--json', 'one JSON object a record on standard output, with its text')
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex records list --rejected\n  $ apex records list --source samsara --json | tail -1',
    )
    .action(async (flags: ListFlags) => listRejected(flags));
  records
    .command('retry')
    .summary('try rejected records again')
    .description(
      'Takes the rejected records again from their kept text, for when this apex knows more than the one that rejected them. What is taken is rejected no longer.',
    )
    .addOption(groupFlag())
    .option('--json', 'one JSON object a line on standard output and nothing else')
    .addHelpText('after', '\nExample:\n  $ apex records retry')
    .action(async (flags: CommonFlags) => {
      await runCommand(flags, (apex, onEvent, signal) => apex.retryRecords(onEvent, signal), 'No record is rejected.');
    });
}

async function listRejected(flags: ListFlags): Promise<void> {
  await withApex(flags, async (apex, signal) => {
    let count = 0;
    for (let afterId: string | null = null; ; ) {
      const page = await apex.rejectedRecords({ afterId, limit: PAGE_RECORDS, source: flags.source ?? null }, signal);
      for (const entry of page) {
        if (flags.json === true) printJson({ event: 'rejected_record', ...rejectedJson(entry) });
        else for (const line of rejectedLines(entry)) printLine(line);
      }
      count += page.length;
      if (page.length < PAGE_RECORDS) break;
      afterId = page[page.length - 1]!.id;
    }
    if (flags.json === true) return;
    if (count === 0) printNote('No record is rejected.');
    else printNote(`${counted(count, 'record')}. Try them again with: apex records retry`);
  });
}

function rejectedLines({ source, place, sourceUri, path, reason }: RejectedEntry): string[] {
  const where = path === '' ? '' : `${path}: `;
  return [
    clipped(safeText(`${source}  ${place} of ${shownPlace(sourceUri)}`), columns()),
    clipped(`  ${safeText(`${where}${reason}`)}`, columns()),
  ];
}
