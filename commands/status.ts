import type { Command } from 'commander';
import type { Apex } from '../lib/contracts/apex.ts';
import { UsageError } from '../lib/contracts/errors.ts';
import { type CommonFlags, withApex } from './host.ts';
import { printJson, printLine, table } from './ui/output.ts';

/** `apex status <run|document>`: where it stands. */
export function registerStatus(program: Command): void {
  program
    .command('status')
    .summary('where a run or a document stands')
    .argument('<run-or-document>', 'its id')
    .option('--json', 'one JSON object on standard output')
    .action(async (id: string, flags: CommonFlags) => {
      await withApex(flags, async (apex, signal) => {
        const run = await apex.showRun(id);
        if (run === null) return showDocument(id, apex, flags, signal);
        if (flags.json === true) printJson(run);
        else printLine(`${run.runId}  ${run.state === 'running' && !run.isOwned ? 'interrupted' : run.state}`);
      });
    });
}

/** Shows one document. @throws UsageError NOT_FOUND. */
export async function showDocument(
  documentId: string,
  apex: Apex,
  flags: CommonFlags,
  signal: AbortSignal,
): Promise<void> {
  const details = await apex.showDocument(documentId, signal);
  if (details === null) throw new UsageError(`there is no document ${documentId}`, { code: 'NOT_FOUND' });
  if (flags.json === true) {
    printJson(details);
    return;
  }
  const { document, quarantine, status, runId } = details;
  const rows = [
    ['document', documentId],
    ['status', status],
    ['run', runId ?? '-'],
    ...(document === null
      ? []
      : [
          ['version', String(document.version)],
          ['title', document.title ?? '-'],
          ['location', document.sourceUri],
          ['type', document.mediaType],
          ['chunks', String(document.chunks)],
          ['entities', String(document.entities)],
          ['relations', String(document.relations)],
          ...document.warnings.map(({ message }) => ['warning', message]),
        ]),
    ...(quarantine === null ? [] : [['quarantined', `${quarantine.code}: ${quarantine.message}`]]),
  ];
  for (const line of table(rows)) printLine(line);
}
