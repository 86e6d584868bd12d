import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { openCase } from './case.ts';
import { openWebServer } from './web-server.ts';

/** An object of the server, or a text alone. */
interface Stored {
  readonly text: string;
  /** With its quotes; by default the digest of the text, as S3 has it. */
  readonly etag?: string;
  readonly versionId?: string;
}

/** Answers in place of the server, or leaves it to that by null. @param key of an object; null: the bucket is listed. */
type Interfere = (request: IncomingMessage, response: ServerResponse, key: string | null) => true | null;

/** Keys that every request is signed with. */
export const KEYS = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret-of-the-tests' } as const;

/** An answer that tells of a failure as S3 does. */
export function refuse(
  response: ServerResponse,
  status: number,
  code: string,
  { headers = {}, inside = '' }: { headers?: Readonly<Record<string, string>>; inside?: string } = {},
): true {
  response.writeHead(status, { 'content-type': 'application/xml', ...headers });
  response.end(
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>Canary</Message>${inside}</Error>`,
  );
  return true;
}

/**
 * A server with the bucket `freight`, which speaks as S3 does where apex asks: listings in pages, objects with ETags; and the program
 * that may ask it. Keys are those of the map, which may change at any time.
 */
export async function openS3Case(objects: Record<string, string | Stored>, { pageKeys = 1_000 } = {}) {
  const server = await openWebServer((request, response) => {
    if (s3.interfere(request, response, askedOf(request).key) === true) return;
    const { bucket, key, query } = askedOf(request);
    if (bucket !== 'freight') refuse(response, 404, 'NoSuchBucket');
    else if (key === null) response.end(pageOf(new URLSearchParams(query)));
    else give(request, response, storedAt(objects, key));
  });
  const pageOf = (query: URLSearchParams) => {
    const prefix = query.get('prefix') ?? '';
    const after = Buffer.from(query.get('continuation-token') ?? '', 'base64url').toString();
    const keys = Object.keys(objects).filter(
      (key) => key.startsWith(prefix) && (after === '' || byBytes(key, after) > 0),
    );
    const page = keys.sort(byBytes).slice(0, pageKeys);
    const isTruncated = page.length < keys.length;
    const token = isTruncated ? Buffer.from(page.at(-1)!).toString('base64url') : '';
    return listXml(
      page.map((key) => ({ key, ...storedAt(objects, key)! })),
      token,
    );
  };
  const settings = { ...KEYS, AWS_ENDPOINT_URL: server.url, AWS_REGION: 'us-east-1', AWS_PROFILE: '' };
  const files = openCase({}, settings);
  const s3 = {
    ...files,
    server,
    objects,
    interfere: (() => null) as Interfere,
    /** What was asked for since the last time: `list` and its prefix, or method and key, in the order of their texts. */
    asked: () =>
      server.requests
        .splice(0)
        .map(({ path }) => shownRequest(path))
        .sort(),
    /** What an ingest came to: its exit status, and outcomes by location. */
    ingest: async (...args: string[]) => {
      const { exitCode, lines, stderr } = await files.run('ingest', ...args);
      const results = lines.filter(({ event }) => event === 'document');
      const outcomes = Object.fromEntries(results.map((result) => [String(result['source_uri']), result['outcome']]));
      return { exitCode, stderr, lines, outcomes };
    },
  };
  return s3;
}

/** The bucket that stands in the path, the key behind it or null, and the query. */
function askedOf({ url = '' }: IncomingMessage) {
  const [path = '', query = ''] = url.split('?', 2);
  const [, bucket, rest = ''] = /^\/([^/]*)\/(.*)$/s.exec(path) ?? [];
  return { bucket, key: rest === '' ? null : decodeURIComponent(rest), query };
}

function shownRequest(path: string): string {
  const { searchParams } = new URL(path, 'http://s3');
  return searchParams.has('list-type') ? `list ${searchParams.get('prefix')}` : decodeURIComponent(path);
}

function storedAt(objects: Record<string, string | Stored>, key: string): Required<Stored> | null {
  const found = Object.hasOwn(objects, key) ? objects[key]! : null;
  if (found === null) return null;
  const stored = typeof found === 'string' ? { text: found } : found;
  const etag = `"${createHash('md5').update(stored.text).digest('hex')}"`;
  return { etag, versionId: '', ...stored };
}

function give(request: IncomingMessage, response: ServerResponse, stored: Required<Stored> | null): void {
  if (stored === null) return void refuse(response, 404, 'NoSuchKey');
  const { text, etag, versionId } = stored;
  const headers = { etag, ...(versionId !== '' && { 'x-amz-version-id': versionId }) };
  if (request.headers['if-none-match'] === etag) response.writeHead(304, headers).end();
  else response.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(text) }).end(text);
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function listXml(objects: readonly ({ readonly key: string } & Stored)[], token: string): string {
  const contents = objects.map(({ key, text, etag }) => {
    const encoded = encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');
    const tag = etag!.replaceAll('"', '&quot;');
    return `<Contents><Key>${encoded}</Key><ETag>${tag}</ETag><Size>${Buffer.byteLength(text)}</Size><Owner><ID>1</ID></Owner></Contents>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
    `<Name>freight</Name><Prefix/><EncodingType>url</EncodingType><IsTruncated>${token !== ''}</IsTruncated>`,
    ...contents,
    token === '' ? '' : `<NextContinuationToken>${token}</NextContinuationToken>`,
    '</ListBucketResult>',
  ].join('');
}
