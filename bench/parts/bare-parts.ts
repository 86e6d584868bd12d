import { createStructureChunker } from '../../lib/chunkers/structure.ts';
import { createLexicalEmbedder } from '../../lib/embedders/lexical.ts';
import rules from '../../lib/extractors/rules.ts';
import { SETTINGS } from '../../src/config/settings.ts';

/** The parts that apex works with when nobody says others, for the bare scripts. */
export const embedder = createLexicalEmbedder();
export const chunker = createStructureChunker({
  maxTokens: Number(SETTINGS.chunkTokens.fallback),
  countTokens: embedder.countTokens,
});
export const extractor = rules.create();
