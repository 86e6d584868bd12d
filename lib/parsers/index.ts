import { MEDIA_TYPES } from '../contracts/document.ts';
import type { Parser } from './parser.ts';

/** The parser of each kind of content, loaded when it is needed. */
export const PARSERS: { readonly [mediaType: string]: () => Promise<{ readonly default: Parser }> } = {
  [MEDIA_TYPES.csv]: () => import('./csv.ts'),
  [MEDIA_TYPES.docx]: () => import('./docx.ts'),
  [MEDIA_TYPES.eml]: () => import('./eml.ts'),
  [MEDIA_TYPES.html]: () => import('./html.ts'),
  [MEDIA_TYPES.json]: () => import('./json.ts'),
  [MEDIA_TYPES.markdown]: () => import('./markdown.ts'),
  [MEDIA_TYPES.pdf]: () => import('./pdf.ts'),
  [MEDIA_TYPES.pptx]: () => import('./pptx.ts'),
  [MEDIA_TYPES.text]: () => import('./text.ts'),
  [MEDIA_TYPES.tsv]: () => import('./csv.ts'),
  [MEDIA_TYPES.xlsx]: () => import('./xlsx.ts'),
};

/** Raised with every change of a parser after which the same bytes may give another result. */
export const PARSERS_VERSION = 'parsers-1';

export { openParserPool, type ParserPoolSettings } from './pool.ts';
