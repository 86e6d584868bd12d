import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Attachment, ParsedDocument } from '../contracts/document.ts';
import { isApexError } from '../contracts/errors.ts';
import type { ParseLimits } from '../contracts/parts.ts';
import { diskError } from '../support/disk.ts';
import { detectType } from './detect.ts';
import { joinPieces } from './elements.ts';
import { parseFailure } from './failure.ts';
import { type FoundAttachment, PARSERS, type ParserInput, type ParserOutput } from './index.ts';

/**
 * Takes bytes to a parsed document: type by content, its parser, offsets, attachments written by digest.
 * Errors: ParseError, final; a parser's foreign failure means that the document is damaged; `diskError` about attachments.
 */
export async function parseDocument(
  bytes: Uint8Array,
  name: string,
  limits: ParseLimits,
  attachmentsFolder: string,
): Promise<ParsedDocument> {
  const { mediaType, warnings } = detectType(bytes, name, limits);
  const output = await runParser({ bytes, name, mediaType, limits });
  const { text, elements } = joinPieces(output.pieces);
  if (text === '') throw parseFailure('EMPTY_TEXT', 'The document holds no text.');
  return {
    mediaType,
    text,
    elements,
    metadata: output.metadata ?? {},
    pageCount: output.pageCount ?? null,
    attachments: await Promise.all((output.attachments ?? []).map((found) => keep(found, attachmentsFolder))),
    warnings: [...warnings, ...(output.warnings ?? [])],
  };
}

async function runParser(input: ParserInput): Promise<ParserOutput> {
  const parser = await PARSERS[input.mediaType]!();
  try {
    return await parser.parse(input);
  } catch (error) {
    if (isApexError(error)) throw error;
    throw parseFailure('CORRUPT', `The ${parser.name} parser cannot read it.`, error);
  }
}

async function keep(found: FoundAttachment, folder: string): Promise<Attachment> {
  const digest = createHash('sha256').update(found.bytes).digest('hex');
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(join(folder, digest), found.bytes, { mode: 0o600 });
  } catch (error) {
    throw diskError(error, folder);
  }
  return { name: found.name, mediaType: found.mediaType, digest, bytes: found.bytes.length };
}
