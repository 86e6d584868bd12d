import type { Command } from 'commander';
import type { QuarantineEntry } from '../lib/contracts/document.ts';
import { type ErrorCode, quarantineHelp } from '../lib/contracts/error-codes.ts';
import type { DocumentSummary } from '../lib/contracts/store.ts';
import { refuseUnknown } from './group.ts';
import { groupFlag } from './group-flag.ts';
import { type CommonFlags, withApex } from './host.ts';
import { quarantineReason } from './reason.ts';
import { showDocument } from './status.ts';
import { shownCount, shownPlace, shownTime } from './ui/figures.ts';
import { documentJson, quarantineJson } from './ui/json.ts';
import { columns, printJson, printLine, printNote } from './ui/output.ts';
import { table } from './ui/table.ts';
import { clipped } from './ui/text.ts';

interface ListFlags extends CommonFlags {
  readonly quarantined?: boolean;
  readonly reason?: string;
}

/** Documents asked for at once. */
const PAGE_DOCUMENTS = 1_000;

/** `apex documents list|show`: what is in the memory, and what was set aside. */
export function registerDocuments(program: Command): void {
  const documents = program
    .command('documents')
    .summary('list documents and show one')
    .description('What is in the memory, and what was set aside and why. Without a subcommand: list.');
  const list = documents.command('list', { isDefault: true });
  refuseUnknown(documents, list);
  list
    .summary('all current documents, or those in quarantine')
    .description('All current documents in order of id, or those in quarantine.')
    .option('--quarantined', 'what was set aside, with the reason and what to do')
    .option('--reason <code>', 'what was set aside for this reason')
    .addOption(groupFlag())
    .option('--json', 'one JSON object a document on standard output')
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex documents list\n  $ apex documents list --quarantined\n  $ apex documents list --reason TIMEOUT\n  $ apex documents list --json | grep contract',
    )
    .action(async (flags: ListFlags) => {
      if (flags.quarantined === true || flags.reason !== undefined) await listQuarantined(flags);
      else await listCurrent(flags);
    });
  documents
    .command('show')
    .summary('one document')
    .description('One document: where it stands, where it came from and what was made of it.')
    .argument('<document>', 'its id, as `apex documents list` shows it')
    .addOption(groupFlag())
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', '\nExample:\n  $ apex documents show doc-61b3fe0bbcb843863e63839d')
    .action(async (documentId: string, flags: CommonFlags) =>
      withApex(flags, (apex, signal) => showDocument(documentId, apex, flags, signal)),
    );
}

const DOCUMENT_COLUMNS = [
  { header: 'document' },
  { header: 'version', align: 'right', isOptional: true },
  { header: 'chunks', align: 'right', isOptional: true },
  { header: 'entities', align: 'right', isOptional: true },
  { header: 'title or name' },
] as const;

async function listCurrent(flags: ListFlags): Promise<void> {
  await withApex(flags, async (apex, signal) => {
    for (let afterDocumentId: string | null = null; ; ) {
      const page: readonly DocumentSummary[] = await apex.listDocuments(
        { afterDocumentId, limit: PAGE_DOCUMENTS },
        signal,
      );
      if (flags.json === true)
        for (const document of page) printJson({ event: 'listed_document', ...documentJson(document) });
      else if (page.length > 0) showPage(page, afterDocumentId === null);
      else if (afterDocumentId === null) printNote('The memory holds no document. Begin with: apex ingest <folder>');
      if (page.length < PAGE_DOCUMENTS) return;
      afterDocumentId = page[page.length - 1]!.documentId;
    }
  });
}

function showPage(page: readonly DocumentSummary[], hasHeader: boolean): void {
  const rows = page.map(({ documentId, version, chunks, entities, title, name }) => [
    documentId,
    shownCount(version),
    shownCount(chunks),
    shownCount(entities),
    title ?? name,
  ]);
  for (const line of table(DOCUMENT_COLUMNS, rows, { hasHeader })) printLine(line);
}

const QUARANTINE_COLUMNS = [
  { header: 'document' },
  { header: 'reason' },
  { header: 'where', isOptional: true },
  { header: 'when', isOptional: true },
  { header: 'step', isOptional: true },
  { header: 'what was found' },
] as const;

/** On a terminal a longer place keeps its end. */
const PLACE_COLUMNS = 24;

async function listQuarantined(flags: ListFlags): Promise<void> {
  const reason = flags.reason === undefined ? null : await quarantineReason(flags.reason);
  const codes = new Set<ErrorCode>();
  await withApex(flags, async (apex, signal) => {
    for (let afterDocumentId: string | null = null; ; ) {
      const page: readonly QuarantineEntry[] = await apex.listQuarantined(
        { afterDocumentId, limit: PAGE_DOCUMENTS, reason },
        signal,
      );
      for (const { code } of page) codes.add(code);
      if (flags.json === true)
        for (const entry of page) printJson({ event: 'quarantined_document', ...quarantineJson(entry) });
      else showQuarantined(page, afterDocumentId === null);
      if (page.length < PAGE_DOCUMENTS) return;
      afterDocumentId = page[page.length - 1]!.documentId;
    }
  });
  if (flags.json !== true) noteWhatToDo([...codes].sort(), reason);
}

function showQuarantined(page: readonly QuarantineEntry[], hasHeader: boolean): void {
  if (page.length === 0) return;
  const width = Number.isFinite(columns()) ? PLACE_COLUMNS : Number.POSITIVE_INFINITY;
  const rows = page.map(({ documentId, code, sourceUri, step, at, message }) => [
    documentId,
    code,
    clipped(shownPlace(sourceUri), width, 'end'),
    shownTime(at),
    step,
    message,
  ]);
  for (const line of table(QUARANTINE_COLUMNS, rows, { hasHeader })) printLine(line);
}

function noteWhatToDo(codes: readonly ErrorCode[], reason: ErrorCode | null): void {
  if (codes.length === 0) {
    printNote(`Nothing is in quarantine${reason === null ? '' : ` for ${reason}`}.`);
    return;
  }
  printNote('');
  for (const code of codes) printNote(`${code}: ${quarantineHelp(code)}`);
  printNote('Try them again with: apex retry --all (the next ingest tries what has changed)');
}
