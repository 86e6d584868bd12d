import type { Command } from 'commander';
import { type CommonFlags, withApex } from './host.ts';
import { printJson, printLine, table } from './ui/output.ts';

/** `apex verify`: compares every store with what it should hold. */
export function registerVerify(program: Command): void {
  program
    .command('verify')
    .summary('prove that every store holds what it should')
    .description(
      'Compares ids and digests of content in all stores. Exit status 0 only when there is no difference, else 5.',
    )
    .option('--json', 'one JSON object a line on standard output and nothing else')
    .action(async (flags: CommonFlags) => {
      const { differences, ...summary } = await withApex(flags, (apex, signal) => apex.verify(signal));
      process.exitCode = summary.exit_status;
      if (flags.json === true) {
        for (const difference of differences) printJson({ event: 'difference', ...difference });
        printJson({ event: 'summary', ...summary, differences: differences.length });
        return;
      }
      const rows = differences.map(({ problem, role, kind, id, document_id }) => [
        problem,
        role,
        kind,
        id,
        document_id,
      ]);
      if (rows.length > 0)
        for (const line of table([['problem', 'store', 'kind', 'id', 'document'], ...rows])) printLine(line);
      const verdict = differences.length === 0 ? 'no difference' : `${differences.length} differences`;
      printLine(`${summary.documents} documents, ${summary.items} items compared: ${verdict}`);
    });
}
