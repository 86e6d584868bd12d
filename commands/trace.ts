import type { Command } from 'commander';
import { type CommonFlags, withApex } from './host.ts';
import { tracedDocumentJson, traceEventJson } from './ui/json-trace.ts';
import { printJson, printLine } from './ui/output.ts';
import { unknownId } from './unknown.ts';

/** `apex trace <document>`: all that happened to it, in order of time. */
export function registerTrace(program: Command): void {
  program
    .command('trace')
    .summary('all that happened to a document')
    .description(
      'One timeline of a document over all runs, steps and stores: attempts, versions, quarantine, times, and what every store should hold of it. Its text is not shown.',
    )
    .argument('<document>', 'its id, as `apex documents list` shows it')
    .option('--json', 'one JSON object an event on standard output, and one of the document at the end')
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex trace doc-61b3fe0bbcb843863e63839d\n  $ apex trace doc-61b3fe0bbcb843863e63839d --json | tail -1',
    )
    .action(async (documentId: string, flags: CommonFlags) => {
      const { timelineLines, tracedLines } = await import('./ui/timeline.ts');
      await withApex(flags, async (apex, signal) => {
        const trace = await apex.trace(documentId, signal);
        if (trace === null) throw await unknownId('document', documentId, apex, signal);
        if (flags.json === true) {
          for (const event of trace.events) printJson({ event: 'trace', ...traceEventJson(documentId, event) });
          printJson({ event: 'traced_document', ...tracedDocumentJson(trace) });
          return;
        }
        for (const line of [...tracedLines(trace), ...timelineLines(trace)]) printLine(line);
      });
    });
}
