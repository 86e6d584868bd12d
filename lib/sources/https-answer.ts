import { downloadError } from '../support/download-failures.ts';

type Headers = Readonly<Record<string, string>>;

/** How the bytes of an answer are told from others, for `validatorsOf`; null when the server marks nothing, or not surely enough. */
export function versionOf(headers: Headers): string | null {
  const etag = headers['etag'] ?? null;
  const modified = isSureDate(headers) ? headers['last-modified']! : null;
  return etag === null && modified === null ? null : JSON.stringify({ etag, modified });
}

/** Bytes that changed in the same second have the same date: it counts when it is older than the answer. Source: RFC 9110, 8.8.2.2. */
function isSureDate(headers: Headers): boolean {
  const [modified, answered] = [Date.parse(headers['last-modified'] ?? ''), Date.parse(headers['date'] ?? '')];
  return answered - modified >= 1_000;
}

/** The headers by which a server is asked whether a file is still of this version. */
export function validatorsOf(version: string | null): Headers {
  if (version === null) return {};
  const { etag, modified } = partsOf(version);
  return {
    ...(typeof etag === 'string' && { 'if-none-match': etag }),
    ...(typeof modified === 'string' && { 'if-modified-since': modified }),
  };
}

/** What is kept in a store may be damaged: then nothing is known. */
function partsOf(version: string): { readonly etag?: unknown; readonly modified?: unknown } {
  try {
    return Object(JSON.parse(version)) as object;
  } catch {
    return {};
  }
}

/** The last part of the path, for people and as a hint for the type; the host's name where there is none. */
export function nameOf({ pathname, hostname }: URL): string {
  return plainName(decoded(pathname.split('/').findLast((part) => part !== '') ?? hostname));
}

/** A name that somebody else gave, as one that is no path: a hint, and for people. */
export function plainName(name: string): string {
  return name
    .replace(/[\x00-\x1f\x7f-\x9f/\\]/g, '_')
    .slice(0, MAX_NAME_LENGTH)
    .toWellFormed();
}

const MAX_NAME_LENGTH = 255;

/** Percent signs that stand for no text stay. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Names of what is never a web page, though a server may answer with one. */
const NO_PAGE = /\.(?:pdf|docx|pptx|xlsx|csv|tsv|txt|text|log|md|markdown|eml|jsonl?|ndjson)$/i;

/** How a web page begins. A comment ends at its first end: each text is read in one way only. */
const PAGE = /^\s*(?:<!--(?:(?!-->)[\s\S])*-->\s*)*<(?:!doctype\s+html|html|head|body)[\s>]/i;

/** Bytes that are waited for before any is given on. */
const HEAD_BYTES = 1_024;

/**
 * The parts, unless they are a web page where none was asked for. @param name of the file; without one nothing may be a web page.
 * @throws SourceError WEB_PAGE before the first part.
 */
export async function* assertNoWebPage(
  parts: AsyncIterable<Uint8Array>,
  url: URL,
  name: string | null = null,
): AsyncGenerator<Uint8Array> {
  if (name !== null && !NO_PAGE.test(name)) return yield* parts;
  // How a page begins may come byte by byte.
  let head: Uint8Array | null = Buffer.alloc(0);
  const assertNoHead = (bytes: Uint8Array) => {
    // Its mark of the byte order, in the letters of Latin 1.
    const text = Buffer.from(bytes.subarray(0, HEAD_BYTES))
      .toString('latin1')
      .replace(/^\xef\xbb\xbf/, '');
    if (PAGE.test(text))
      throw downloadError('WEB_PAGE', url, `answered with a web page instead of ${name ?? 'records'}`);
    return bytes;
  };
  for await (const part of parts) {
    if (head === null) yield part;
    else {
      head = Buffer.concat([head, part]);
      if (head.byteLength < HEAD_BYTES) continue;
      yield assertNoHead(head);
      head = null;
    }
  }
  if (head !== null) yield assertNoHead(head);
}
