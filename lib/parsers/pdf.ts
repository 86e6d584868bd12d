import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PasswordException, PDFParse } from 'pdf-parse';
import { type Json, MEDIA_TYPES } from '../contracts/document.ts';
import { parseFailure, tooManyPages } from './failure.ts';
import { defineParser, type ParseWarning } from './index.ts';
import { type PageText, type PositionedText, readLayout } from './pdf-layout.ts';

/** How far into a file its header may stand. */
const HEADER_BYTES = 1024;

/** PDF by pdf-parse: text only, images are never decoded, nothing in the file is run. */
export default defineParser({
  name: 'pdf',
  mediaTypes: [MEDIA_TYPES.pdf],
  async parse({ bytes, limits }) {
    assertVersion(bytes);
    const parser = openPdf(bytes);
    try {
      const info = await parser.getInfo();
      if (info.total > limits.maxPages) throw tooManyPages(info.total, 'pages', limits);
      const pages = await readPages(documentOf(parser), info.total);
      const emptyPages = pages.filter(({ items }) => items.length === 0);
      if (emptyPages.length === pages.length)
        throw parseFailure('NO_TEXT_LAYER', 'It has pages but no text: it may be a scan.');
      return {
        pieces: readLayout(pages),
        metadata: readInfo(info.info ?? {}),
        pageCount: info.total,
        warnings: emptyPages.length === 0 ? [] : [pagesWithoutText(emptyPages)],
      };
    } catch (error) {
      if (error instanceof PasswordException)
        throw parseFailure('ENCRYPTED', 'The document is protected by a password.', error);
      throw error;
    } finally {
      await parser.destroy();
    }
  },
});

/** pdf.js would guess its way through what never was a document. Errors: CORRUPT when the header states no version. */
function assertVersion(bytes: Uint8Array): void {
  const head = Buffer.from(bytes.subarray(0, HEADER_BYTES)).toString('latin1');
  if (!/%PDF-\d\.\d/u.test(head)) throw parseFailure('CORRUPT', 'Its header does not say which PDF it is.');
}

/** Fonts and character maps come with the pdf.js that pdf-parse brings; without them Chinese and Japanese text is lost. */
function openPdf(bytes: Uint8Array): PDFParse {
  const fromPdfParse = createRequire(import.meta.resolve('pdf-parse'));
  const home = dirname(fromPdfParse.resolve('pdfjs-dist/package.json'));
  return new PDFParse({
    data: new Uint8Array(bytes),
    cMapUrl: join(home, 'cmaps/'),
    cMapPacked: true,
    standardFontDataUrl: join(home, 'standard_fonts/'),
    isEvalSupported: false,
    disableFontFace: true,
    verbosity: 0,
  });
}

/** The pdf.js document inside pdf-parse, whose own text has no positions, so no headings and no paragraphs. */
interface PdfDocument {
  getPage(page: number): Promise<{
    getTextContent(): Promise<{ items: readonly (PositionedText | { readonly type: string })[] }>;
    cleanup(): void;
  }>;
}

function documentOf(parser: PDFParse): PdfDocument {
  return (parser as unknown as { doc: PdfDocument }).doc;
}

/** A page that cannot be read counts as one without text; the others are still worth having. */
async function readPages(document: PdfDocument, pageCount: number): Promise<PageText[]> {
  const pages: PageText[] = [];
  for (let page = 1; page <= pageCount; page += 1) pages.push({ page, items: await readPage(document, page) });
  return pages;
}

async function readPage(document: PdfDocument, number: number): Promise<PositionedText[]> {
  try {
    const page = await document.getPage(number);
    const { items } = await page.getTextContent();
    page.cleanup();
    const texts = items.filter((item): item is PositionedText => 'str' in item);
    return texts.some(({ str }) => str.trim() !== '') ? texts : [];
  } catch {
    return [];
  }
}

function pagesWithoutText(pages: readonly PageText[]): ParseWarning {
  const numbers = pages.slice(0, 20).map(({ page }) => page);
  const more = pages.length > numbers.length ? ' …' : '';
  return { code: 'PAGES_WITHOUT_TEXT', message: `${pages.length} pages have no text: ${numbers.join(', ')}${more}` };
}

function readInfo(info: Readonly<Record<string, unknown>>): Record<string, Json> {
  const metadata: Record<string, Json> = {};
  for (const [key, name] of [
    ['Title', 'title'],
    ['Author', 'author'],
    ['Subject', 'subject'],
    ['Keywords', 'keywords'],
  ] as const) {
    const value = info[key];
    if (typeof value === 'string' && value.trim() !== '') metadata[name] = value.trim();
  }
  for (const [key, name] of [
    ['CreationDate', 'created'],
    ['ModDate', 'modified'],
  ] as const) {
    const date = isoDate(info[key]);
    if (date !== null) metadata[name] = date;
  }
  return metadata;
}

/** `D:20240131120000+01'00'` in ISO 8601. */
function isoDate(value: unknown): string | null {
  const match = /^D:(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d))?(?:([+-]\d\d)'?(\d\d))?/u.exec(String(value));
  if (match === null) return null;
  const [, year, month, day, hour = '00', minute = '00', second = '00', zoneHour, zoneMinute] = match;
  const zone = zoneHour === undefined ? 'Z' : `${zoneHour}:${zoneMinute}`;
  return `${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`;
}
