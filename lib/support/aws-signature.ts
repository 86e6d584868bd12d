import { createHash, createHmac } from 'node:crypto';

/** Who asks, by keys of AWS or of a server that takes the same signatures. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of keys that hold for a while; null: these need none. */
  readonly sessionToken: string | null;
}

/** A request without a body, as it is going to be sent. */
export interface UnsignedRequest {
  readonly method: 'GET' | 'HEAD';
  /** With the port, where it is not the scheme's own. */
  readonly host: string;
  /** Path and query as they are sent, every part percent-encoded by `encodePart`. */
  readonly path: string;
  /** Further headers that are signed, by name in small letters. */
  readonly headers: Readonly<Record<string, string>>;
}

/** For whom and when. */
export interface Scope {
  readonly region: string;
  readonly at: Date;
}

const NOTHING = createHash('sha256').digest('hex');

/**
 * The headers by which a request to S3 says who asks: `authorization` and what it is made of, with the given ones. The path is signed as
 * it is, so that `..` in it stays what it is.
 *
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export function signed(
  { method, host, path, headers }: UnsignedRequest,
  { accessKeyId, secretAccessKey, sessionToken }: AwsKeys,
  { region, at }: Scope,
): Readonly<Record<string, string>> {
  const time = at.toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = [time.slice(0, 8), region, 's3', 'aws4_request'];
  const all: Record<string, string> = {
    ...headers,
    host,
    'x-amz-content-sha256': NOTHING,
    'x-amz-date': time,
    ...(sessionToken !== null && { 'x-amz-security-token': sessionToken }),
  };
  const names = Object.keys(all).sort();
  const [place = '', query = ''] = path.split('?', 2);
  const canonical = [
    ...[method, place, canonicalQuery(query)],
    ...names.map((name) => `${name}:${all[name]!.trim()}`),
    ...['', names.join(';'), NOTHING],
  ].join('\n');
  const digest = createHash('sha256').update(canonical).digest('hex');
  const key = scope.reduce<string | Buffer>((secret, part) => mac(secret, part), `AWS4${secretAccessKey}`);
  const signature = mac(key, ['AWS4-HMAC-SHA256', time, scope.join('/'), digest].join('\n')).toString('hex');
  const credential = `${accessKeyId}/${scope.join('/')}`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return { ...all, authorization };
}

/** One part of a path or a query, encoded as signatures are made of it: all but letters, digits and `-._~`, byte by byte. */
export function encodePart(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** By name and value, each with its equals sign. */
function canonicalQuery(query: string): string {
  const members = query.split('&').filter((member) => member !== '');
  return members
    .map((member) => (member.includes('=') ? member : `${member}=`))
    .sort()
    .join('&');
}

function mac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
