import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Attachment, ParsedDocument } from '../contracts/document.ts';
import { isApexError } from '../contracts/errors.ts';
import { sha256 } from '../contracts/identity.ts';
import { detect } from './detect.ts';
import { PARSERS } from './index.ts';
import { type FoundAttachment, parseError, placeElements } from './parser.ts';
import type { Answer, Job } from './pool.ts';

// The other half of `pool.ts`: parses one document after another in a process that may be killed at any time.

async function parseJob({ file, attachmentsFolder, limits }: Job): Promise<ParsedDocument> {
  const bytes = readFileSync(file.path);
  const { mediaType, warnings } = await detect(bytes, file.name, file.mediaType);
  const { default: parser } = await PARSERS[mediaType]!();
  const result = await parser.parse({ bytes, name: file.name, mediaType, limits });
  const { text, elements } = placeElements(result.elements);
  const attachments = (result.attachments ?? []).map((attachment) => keepAttachment(attachment, attachmentsFolder));
  if (elements.length === 0) throw parseError('EMPTY_TEXT', `${parser.name}: the document holds no text`);
  return {
    mediaType,
    text,
    elements,
    metadata: result.metadata ?? {},
    pageCount: result.pageCount ?? null,
    attachments,
    warnings: [...warnings, ...(result.warnings ?? [])],
  };
}

/** Under its digest: the name that a mail gives is never a path. */
function keepAttachment({ name, mediaType, content }: FoundAttachment, folder: string): Attachment {
  const digest = sha256(content);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, digest), content, { mode: 0o600 });
  return { name, mediaType, digest, bytes: content.byteLength };
}

/** A parser's own words may hold content; only what apex itself says leaves this process. */
function failureOf(error: unknown): Extract<Answer, { error: unknown }>['error'] {
  if (isApexError(error)) return { code: error.code, message: error.message };
  return { code: 'CORRUPT', message: 'the document is damaged: its parser gave up' };
}

process.on('message', (job: Job) => {
  parseJob(job).then(
    (parsed) => process.send?.({ id: job.id, parsed } satisfies Answer),
    (error: unknown) => process.send?.({ id: job.id, error: failureOf(error) } satisfies Answer),
  );
});
// Without its parent there is nobody to parse for.
process.on('disconnect', () => process.exit());
