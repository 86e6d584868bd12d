import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import type { ParsedDocument, StagedFile } from '../../../lib/contracts/document.ts';
import type { ParseLimits } from '../../../lib/contracts/parts.ts';
import { parseDocument } from '../../../lib/parsers/document.ts';

/** The limits of the program's own defaults. */
export const LIMITS: ParseLimits = {
  timeoutMs: 60_000,
  memoryBytes: 1024 ** 3,
  maxPages: 5_000,
  maxInflatedBytes: 200 * 1024 ** 2,
};

/** Parses in this process; attachments go to a folder that is removed again. */
export async function read(name: string, content: string | Uint8Array, limits = LIMITS): Promise<ParsedDocument> {
  return withFolder((folder) =>
    parseDocument(typeof content === 'string' ? strToU8(content) : content, name, limits, folder),
  );
}

/** The code a document fails with, or its text when it does not. */
export async function failureOf(name: string, content: string | Uint8Array, limits = LIMITS): Promise<string> {
  return read(name, content, limits).then(
    ({ text }) => `parsed: ${text}`,
    (error: { code: string }) => error.code,
  );
}

/** Runs with a new temporary folder. */
export async function withFolder<Result>(use: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'apex-parsers-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes a file and describes it as staging would. */
export async function stage(folder: string, name: string, content: string): Promise<StagedFile> {
  const path = join(folder, name);
  await writeFile(path, content);
  return { path, name, digest: '', bytes: content.length, mediaType: null };
}

/** An Office file of these parts, with its package relation to `main`. */
export function office(main: string, parts: Readonly<Record<string, string>>, level: 0 | 9 = 9): Uint8Array {
  const relation = relations(`<Relationship Id="r" Type="x/officeDocument" Target="${main}"/>`);
  const files = { '_rels/.rels': relation, ...parts };
  return zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)])), { level });
}

/** A relations part. */
export function relations(entries: string): string {
  return `<Relationships>${entries}</Relationships>`;
}

/** A Word file with this body. */
export function docx(body: string, parts: Readonly<Record<string, string>> = {}): Uint8Array {
  const document = `<w:document><w:body>${body}</w:body></w:document>`;
  return office('word/document.xml', { 'word/document.xml': document, ...parts });
}

/** A Word paragraph. */
export function paragraph(text: string): string {
  return `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`;
}
