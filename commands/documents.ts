import type { Command } from 'commander';
import type { DocumentSummary } from '../lib/contracts/store.ts';
import { type CommonFlags, withApex } from './host.ts';
import { showDocument } from './status.ts';
import { printJson, printLine, printNote, table } from './ui/output.ts';

interface ListFlags extends CommonFlags {
  readonly quarantined?: boolean;
}

/** Documents asked for at once. */
const PAGE_DOCUMENTS = 1_000;

/** `apex documents list|show`: what is in the memory, and what was set aside. */
export function registerDocuments(program: Command): void {
  const documents = program.command('documents').summary('list documents and show one');
  documents
    .command('list', { isDefault: true })
    .summary('all current documents, or those in quarantine')
    .option('--quarantined', 'what was set aside, with the reason')
    .option('--json', 'one JSON object a document on standard output')
    .action(async (flags: ListFlags) => {
      if (flags.quarantined === true) await listQuarantined(flags);
      else await listCurrent(flags);
    });
  documents
    .command('show')
    .summary('one document')
    .argument('<document>', 'its id')
    .option('--json', 'one JSON object on standard output')
    .action(async (documentId: string, flags: CommonFlags) =>
      withApex(flags, (apex, signal) => showDocument(documentId, apex, flags, signal)),
    );
}

async function listCurrent(flags: ListFlags): Promise<void> {
  await withApex(flags, async (apex, signal) => {
    const header = ['document', 'version', 'chunks', 'entities', 'title or name'];
    for (let afterDocumentId: string | null = null; ; ) {
      const page: readonly DocumentSummary[] = await apex.listDocuments(
        { afterDocumentId, limit: PAGE_DOCUMENTS },
        signal,
      );
      if (flags.json === true) for (const document of page) printJson(document);
      else if (page.length > 0) {
        const rows = page.map(({ documentId, version, chunks, entities, title, name }) => [
          documentId,
          String(version),
          String(chunks),
          String(entities),
          title ?? name,
        ]);
        for (const line of table(afterDocumentId === null ? [header, ...rows] : rows)) printLine(line);
      }
      if (page.length < PAGE_DOCUMENTS) return;
      afterDocumentId = page[page.length - 1]!.documentId;
    }
  });
}

async function listQuarantined(flags: ListFlags): Promise<void> {
  const entries = await withApex(flags, (apex, signal) => apex.listQuarantined(signal));
  if (flags.json === true) for (const entry of entries) printJson(entry);
  else if (entries.length === 0) printNote('Nothing is in quarantine.');
  else
    for (const line of table([
      ['document', 'reason', 'message'],
      ...entries.map(({ documentId, code, message }) => [documentId, code, message]),
    ]))
      printLine(line);
}
