import type { Command } from 'commander';
import type { Apex, DocumentDetails } from '../lib/contracts/apex.ts';
import { quarantineHelp } from '../lib/contracts/error-codes.ts';
import { groupFlag } from './group-flag.ts';
import { type CommonFlags, withApex } from './host.ts';
import { showRun } from './runs.ts';
import { shownBytes, shownCount, shownPlace, shownTime } from './ui/figures.ts';
import { documentStatusJson } from './ui/json.ts';
import { printJson, printLine } from './ui/output.ts';
import { details } from './ui/table.ts';
import { unknownId } from './unknown.ts';

/** `apex status <run|document>`: where it stands. */
export function registerStatus(program: Command): void {
  program
    .command('status')
    .summary('where a run or a document stands')
    .description(
      'Where a run or a document stands: the same as `runs show` or `documents show`, whichever the id names.',
    )
    .argument('<run-or-document>', 'its id')
    .addOption(groupFlag())
    .option('--json', 'one JSON object on standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex status 5e9a569e-3d24-4280-9b1b-c018f34c0c45\n  $ apex status doc-61b3fe0bbcb843863e63839d --json',
    )
    .action(async (id: string, flags: CommonFlags) => {
      await withApex(flags, async (apex, signal) => {
        const run = await apex.showRun(id);
        const document = run === null ? await apex.showDocument(id, signal) : null;
        if (run !== null) showRun(run, flags);
        else if (document !== null) showFound(id, document, flags);
        else {
          const kind = (await apex.nearId('run', id, signal)) === null ? 'document' : 'run';
          throw await unknownId(kind, id, apex, signal);
        }
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
  const found = await apex.showDocument(documentId, signal);
  if (found === null) throw await unknownId('document', documentId, apex, signal);
  showFound(documentId, found, flags);
}

function showFound(documentId: string, found: DocumentDetails, flags: CommonFlags): void {
  if (flags.json === true) {
    printJson({ event: 'document_status', ...documentStatusJson(documentId, found) });
    return;
  }
  const { document, quarantine, status, runId, places } = found;
  const rows: [string, string][] = [
    ['document', documentId],
    ['status', status.replaceAll('_', ' ')],
    ['run', runId ?? '-'],
  ];
  if (document !== null) {
    const { version, title, sourceUri, mediaType, bytes, createdAt, chunks, entities, relations, warnings } = document;
    rows.push(
      ['version', `${shownCount(version)}, since ${shownTime(createdAt)}`],
      ['title', title ?? '-'],
      ...locationsOf(sourceUri, places).map((uri): [string, string] => ['location', shownPlace(uri)]),
      ['type', `${mediaType}, ${shownBytes(bytes)}`],
      ['chunks', shownCount(chunks)],
      ['entities', shownCount(entities)],
      ['relations', shownCount(relations)],
      ...warnings.map(({ message }): [string, string] => ['warning', message]),
    );
  }
  if (quarantine !== null) {
    const { code, message, sourceUri, step, at } = quarantine;
    if (document === null) rows.push(['location', shownPlace(sourceUri)]);
    rows.push(
      ['quarantined', `${shownTime(at)}, at step ${step}: ${code}`],
      ['what was found', message],
      ['what to do', quarantineHelp(code)],
      ['try it again', `apex retry ${documentId}`],
    );
  }
  for (const line of details(rows)) printLine(line);
}

/** All places that it was met in; where none are noted, the one of its version. */
function locationsOf(sourceUri: string, places: DocumentDetails['places']): string[] {
  return places.length === 0 ? [sourceUri] : places.map((place) => place.sourceUri);
}
