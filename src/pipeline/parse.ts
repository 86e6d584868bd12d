import type { ParsedDocument, StagedFile } from '../../lib/contracts/document.ts';
import { ParseError } from '../../lib/contracts/errors.ts';
import type { ParserPool } from '../../lib/contracts/parts.ts';
import type { StagingFolder } from '../../lib/contracts/staging.ts';
import { artifact } from './artifact.ts';
import type { StepContext } from './context.ts';
import { RETRIES, withRetries } from './steps.ts';

/**
 * Step 2 of 7, parse: staged bytes in, typed elements in reading order out.
 *
 * @throws ParseError. A parse that yields no text is a failure with a reason, never a success.
 */
export async function parse(
  file: StagedFile,
  parsers: ParserPool,
  folder: StagingFolder,
  context: StepContext,
): Promise<ParsedDocument> {
  return artifact(folder, 'parsed', `${file.digest}:${file.name}:${parsers.version}`, async () => {
    const parsed = await withRetries(RETRIES.parse, context, () =>
      parsers.parse(file, folder.attachmentsPath, context.signal),
    );
    if (parsed.text.trim() === '')
      throw new ParseError(`${file.name} holds no text`, { code: 'EMPTY_TEXT', details: { bytes: file.bytes } });
    return parsed;
  });
}
