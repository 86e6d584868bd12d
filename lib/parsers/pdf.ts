import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PDFParse } from 'pdf-parse';
import { defineParser, type LooseElement, parseError } from './parser.ts';

/** PDF through pdf-parse: the text of each page in reading order. Images are never decoded. */
export default defineParser({
  name: 'pdf',
  version: 1,
  async parse({ bytes, limits }) {
    const assets = join(
      dirname(createRequire(createRequire(import.meta.url).resolve('pdf-parse')).resolve('pdfjs-dist/package.json')),
    );
    const reader = new PDFParse({
      data: new Uint8Array(bytes),
      cMapUrl: `${join(assets, 'cmaps')}/`,
      cMapPacked: true,
      standardFontDataUrl: `${join(assets, 'standard_fonts')}/`,
      isEvalSupported: false,
      verbosity: 0,
      maxImageSize: MAX_IMAGE_PIXELS,
      stopAtErrors: false,
    });
    try {
      const info = await reader.getInfo();
      if (info.total > limits.maxPages) {
        throw parseError(
          'TOO_LARGE',
          `the PDF has ${info.total} pages, more than the ${limits.maxPages} that APEX_PARSE_MAX_PAGES allows`,
        );
      }
      const { pages } = await reader.getText({ pageJoiner: '', lineEnforce: true, cellSeparator: '  ' });
      const elements = pages.flatMap(({ text, num }) => pageElements(text, num));
      const empty = pages.filter(({ text }) => text.trim() === '').map(({ num }) => num);
      if (elements.length === 0 && info.total > 0)
        throw parseError('NO_TEXT_LAYER', `none of the ${info.total} pages holds text`);
      return { elements, metadata: metadataOf(info.info), pageCount: info.total, warnings: warningsOf(empty) };
    } catch (error) {
      throw pdfError(error);
    } finally {
      await reader.destroy().catch(() => {});
    }
  },
});

/** Larger images are not even looked at: only text is wanted. */
const MAX_IMAGE_PIXELS = 1;

function pageElements(text: string, page: number): LooseElement[] {
  return text
    .split(/\n\s*\n/)
    .filter((paragraph) => paragraph.trim() !== '')
    .map((paragraph): LooseElement => ({ kind: 'paragraph', text: paragraph, page }));
}

function metadataOf(info: unknown): { title: string | null; author: string | null; created: string | null } {
  const fields = (info ?? {}) as { Title?: unknown; Author?: unknown; CreationDate?: unknown };
  const text = (value: unknown) => (typeof value === 'string' && value.trim() !== '' ? value.trim() : null);
  return { title: text(fields.Title), author: text(fields.Author), created: isoDate(text(fields.CreationDate)) };
}

/** `D:20240131093000+01'00'` as ISO 8601. Source: ISO 32000, section 7.9.4. */
function isoDate(date: string | null): string | null {
  const parts = /^D:(\d{4})(\d{2})?(\d{2})?/.exec(date ?? '');
  return parts === null ? null : `${parts[1]}-${parts[2] ?? '01'}-${parts[3] ?? '01'}`;
}

/** Page numbers named in a warning. */
const MAX_NAMED_PAGES = 10;

function warningsOf(empty: readonly number[]): { code: string; message: string }[] {
  if (empty.length === 0) return [];
  const named = empty.slice(0, MAX_NAMED_PAGES).join(', ');
  return [
    {
      code: 'PAGES_WITHOUT_TEXT',
      message: `${empty.length} pages hold no text: ${named}${empty.length > MAX_NAMED_PAGES ? ', …' : ''}`,
    },
  ];
}

function pdfError(error: unknown): unknown {
  const { name } = error as { name?: unknown };
  if (name === 'PasswordException') return parseError('ENCRYPTED', 'the PDF needs a password', error);
  if (name === 'ParseError') return error;
  return parseError('CORRUPT', 'the PDF is damaged', error);
}
