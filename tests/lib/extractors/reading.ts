import {
  type Chunk,
  type Element,
  type Extraction,
  MEDIA_TYPES,
  type ParsedDocument,
} from '../../../lib/contracts/document.ts';
import type { Rule } from '../../../lib/extractors/found.ts';
import rules from '../../../lib/extractors/rules.ts';

/** A plain document of this text; `extra` overrides what a test is about. */
export function documentOf(text: string, extra: Partial<ParsedDocument> = {}): ParsedDocument {
  return {
    mediaType: MEDIA_TYPES.text,
    text,
    elements: [],
    metadata: {},
    pageCount: null,
    attachments: [],
    warnings: [],
    ...extra,
  };
}

/** Chunks of a document cut at these offsets; one chunk without any. */
export function chunksOf(text: string, ...cuts: number[]): Chunk[] {
  const bounds = [0, ...cuts, text.length];
  return bounds.slice(1).map((end, ordinal) => {
    const start = bounds[ordinal]!;
    return { ordinal, text: text.slice(start, end), start, end, headingPath: [], page: null, tokenCount: 1 };
  });
}

/** What the rules make of a document held in one chunk. */
export function extractFrom(text: string, extra: Partial<ParsedDocument> = {}): Promise<Extraction> {
  return rules.create().extract(documentOf(text, extra), chunksOf(text), new AbortController().signal);
}

/** Relations as `subject TYPE object`, keys only, in their order. */
export function facts({ relations }: Extraction): string[] {
  return relations.map(({ type, subject, object }) => `${subject.key} ${type} ${object.key}`);
}

/** What a rule finds, as `Type key`. */
export function keysOf(rule: Rule, text: string): string[] {
  return rule(text).map(({ type, key }) => `${type} ${key}`);
}

/** A mail's header lines as elements, in the text that they begin. */
export function headersOf(text: string): Element[] {
  const elements: Element[] = [];
  let start = 0;
  for (const line of text.split('\n\n')[0]!.split('\n')) {
    elements.push({ kind: 'mail_header', text: line, start, end: start + line.length });
    start += line.length + 1;
  }
  return elements;
}
