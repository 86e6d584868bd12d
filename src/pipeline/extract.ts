import type { Chunk, Extraction, ParsedDocument } from '../../lib/contracts/document.ts';
import type { Extractor } from '../../lib/contracts/parts.ts';
import type { StagingFolder } from '../../lib/contracts/staging.ts';
import { artifact } from './artifact.ts';
import type { StepContext } from './context.ts';
import { RETRIES, withRetries } from './steps.ts';

interface ExtractInput {
  readonly document: ParsedDocument;
  readonly chunks: readonly Chunk[];
  /** Names everything the input depends on. */
  readonly key: string;
}

/**
 * Step 4 of 7, extract: chunks in, entities and relations out.
 *
 * Whatever the extractor says, only items that quote text which is really there are kept.
 * @throws ProviderError as the extractor says.
 */
export async function extract(
  input: ExtractInput,
  extractor: Extractor,
  folder: StagingFolder,
  context: StepContext,
): Promise<Extraction> {
  return artifact(folder, 'extracted', `${input.key}:${extractor.model}`, () =>
    extractQuoted(input, extractor, context),
  );
}

/** The same without an artifact: what is quicker done again than read. */
export async function extractQuoted(
  { document, chunks }: Pick<ExtractInput, 'document' | 'chunks'>,
  extractor: Extractor,
  context: Pick<StepContext, 'signal' | 'surroundings'>,
): Promise<Extraction> {
  const found = await withRetries(RETRIES.extract, context, () => extractor.extract(document, chunks, context.signal));
  return onlyQuoted(found, chunks);
}

function onlyQuoted(found: Extraction, chunks: readonly Chunk[]): Extraction {
  // Counted from the end, or beyond it, offsets would cut out the quote too, and then mean nothing to a reader.
  const mentions = found.mentions.filter(
    ({ ordinal, start, end, quote }) =>
      quote.length > 0 &&
      Number.isInteger(start) &&
      start >= 0 &&
      end === start + quote.length &&
      chunks[ordinal]?.text.slice(start, end) === quote,
  );
  const named = new Set(mentions.map(({ type, key }) => `${type}\0${key}`));
  const relations = found.relations.filter(
    ({ ordinal, quote, subject, object }) =>
      quote.length > 0 &&
      chunks[ordinal]?.text.includes(quote) === true &&
      named.has(`${subject.type}\0${subject.key}`) &&
      named.has(`${object.type}\0${object.key}`),
  );
  return { mentions, relations, statedAt: found.statedAt };
}
