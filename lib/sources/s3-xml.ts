import { Parser } from 'htmlparser2';
import { etagOf } from './s3-version.ts';

/** An object as a listing tells of it. */
export interface ListedObject {
  /** Null: its name is no text. */
  readonly key: string | null;
  readonly bytes: number | null;
  readonly etag: string | null;
}

/** A page of a listing. */
export interface ListedPage {
  readonly objects: readonly ListedObject[];
  /** What the next page is asked for with; null: this is the last. */
  readonly next: string | null;
}

/** Levels of S3's answers, and then some: more are none of its answers, and parsing them would take ever longer. */
const MAX_DEPTH = 16;

/** Tells every element at its end, with what stands in it directly; paths begin with the root's name. @returns whether the root has ended. */
function readElements(xml: string, onElement: (path: string, text: string) => void): boolean {
  const path: string[] = [];
  const texts: string[] = [];
  let isWhole = false;
  const parser = new Parser(
    {
      onopentag(name) {
        path.push(name);
        texts.push('');
        if (path.length > MAX_DEPTH) parser.pause();
      },
      ontext(text) {
        if (texts.length > 0) texts.push(texts.pop() + text);
      },
      onclosetag() {
        onElement(path.join('/'), texts.pop() ?? '');
        path.pop();
        isWhole = path.length === 0;
      },
    },
    { xmlMode: true },
  );
  // Without its end: the parser would close there what was cut.
  parser.write(xml);
  return isWhole;
}

/** One page of a listing (`ListObjectsV2`, keys percent-encoded); null when it is none, or not whole. */
export function readListedPage(xml: string): ListedPage | null {
  const objects: ListedObject[] = [];
  const all = new Map<string, string>();
  let own = new Map<string, string>();
  const isWhole = readElements(xml, (path, text) => {
    if (path === `${PAGE}/Contents`) {
      objects.push(objectOf(own));
      own = new Map();
    } else if (path.startsWith(`${PAGE}/Contents/`)) own.set(path.slice(PAGE.length + 10), text);
    else all.set(path, text);
  });
  if (!isWhole || !all.has(PAGE)) return null;
  const isEncoded = all.get(`${PAGE}/EncodingType`) === 'url';
  const decoded = isEncoded ? objects.map((object) => ({ ...object, key: decodedKey(object.key) })) : objects;
  const isLast = all.get(`${PAGE}/IsTruncated`) !== 'true';
  return { objects: decoded, next: isLast ? null : (all.get(`${PAGE}/NextContinuationToken`) ?? '') };
}

const PAGE = 'ListBucketResult';

function objectOf(values: ReadonlyMap<string, string>): ListedObject {
  const size = values.get('Size') ?? '';
  return {
    key: values.get('Key') ?? null,
    bytes: /^\d{1,15}$/.test(size) ? Number(size) : null,
    etag: etagOf(values.get('ETag')),
  };
}

/** As in a form: a space is a plus sign. Null when the bytes are not UTF-8. */
function decodedKey(encoded: string | null): string | null {
  try {
    return encoded === null ? null : decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    return null;
  }
}

/** What an answer says of a failure: the code of S3's table, and the region that the bucket lies in, where it tells them. */
export interface S3Trouble {
  readonly code: string | null;
  readonly region: string | null;
}

/** Reads what an answer says; nothing that is not a plain word is taken from it. */
export function readTrouble(xml: string): S3Trouble {
  const found = new Map<string, string>();
  readElements(xml, (path, text) => found.set(path, text.trim()));
  return { code: word(found.get('Error/Code')), region: word(found.get('Error/Region')) };
}

/** A word of S3's own, such as a code or a region; null for anything else. */
export function word(text: string | undefined): string | null {
  return text !== undefined && /^[A-Za-z][\w.-]{0,63}$/.test(text) ? text : null;
}
