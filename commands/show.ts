import type { Command } from 'commander';
import { UsageError } from '../lib/contracts/errors.ts';
import { groupFlag } from './group-flag.ts';
import { type CommonFlags, withApex } from './host.ts';
import { entityJson } from './ui/json.ts';
import { printJson, printLine } from './ui/output.ts';

interface ShowFlags extends CommonFlags {
  readonly at?: string;
}

/** `apex show <entity>`: what is known of it, now or at a time, and what says so. */
export function registerShow(program: Command): void {
  program
    .command('show')
    .summary('what is known of an entity, now or at a time')
    .description(
      'An entity with what it is, what holds of it now, what held before, and which document says so. Named by its key, or by a number that names it: of a shipment, a purchase order, a vehicle, a phone.',
    )
    .argument('<entity>', 'a key as `apex documents list` shows it, or a number or address')
    .option('--at <time>', 'as of this time, ISO 8601')
    .addOption(groupFlag())
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex show turvo:shipment:1000324868\n  $ apex show SHIP-2025-10-19-002\n  $ apex show TRUCK-6520 --at 2025-10-19T12:00:00Z',
    )
    .action(async (key: string, flags: ShowFlags) => {
      const at = flags.at === undefined ? null : timeOf(flags.at);
      const { entityLines } = await import('./ui/entity.ts');
      await withApex(flags, async (apex, signal) => {
        const report = await apex.showEntity(key, at, signal);
        if (report === null)
          throw new UsageError(`nothing is known of ${key}; apex documents list shows the keys of what is`, {
            code: 'NOT_FOUND',
            details: { key },
          });
        if (flags.json === true) printJson({ event: 'entity', ...entityJson(report) });
        else for (const line of entityLines(report)) printLine(line);
      });
    });
}

/** The time in UTC. @throws UsageError when it is none. */
function timeOf(text: string): string {
  const time = new Date(text);
  if (!Number.isNaN(time.getTime()) && /^\d{4}-\d{2}/.test(text)) return time.toISOString();
  throw new UsageError(`--at ${text} is no time: give one as 2025-10-19T12:00:00Z`, { code: 'APEX_USAGE' });
}
