type Dump = Readonly<Record<string, readonly unknown[]>>;

/** Tables of a dump that hold rows of single documents. */
const PER_DOCUMENT = [
  ...['documents', 'chunks', 'vectors', 'graphDocuments', 'graphChunks', 'mentions', 'relations', 'facts'],
] as const;

/**
 * The documents of a memory that are neither as they were before a run nor as they are after it, in any store: some of one and
 * some of the other, or something else. Looks at the rows alone, so that what `verify` says can be held against it.
 */
export function halfDocuments(memory: Dump, before: Dump, after: Dump): string[] {
  const [found, old, fresh] = [memory, before, after].map(documentsOf);
  return [...found!]
    .filter(([documentId, rows]) => rows !== old!.get(documentId) && rows !== fresh!.get(documentId))
    .map(([documentId]) => documentId);
}

/** All rows of each current document as one text, but for what other documents decide: when a fact ends. */
function documentsOf(dump: Dump): Map<string, string> {
  const rows = new Map<string, unknown[]>();
  for (const table of PER_DOCUMENT) {
    for (const row of dump[table] as Record<string, unknown>[]) {
      const { invalid_at: _ends, holds: _holds, ...own } = row;
      const documentId = String(row['document_id']);
      rows.set(documentId, [...(rows.get(documentId) ?? []), [table, own]]);
    }
  }
  return new Map([...rows].map(([documentId, all]) => [documentId, JSON.stringify(all)]));
}
