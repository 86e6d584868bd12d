import { type AwsKeys, encodePart, signed } from '../support/aws-signature.ts';
import type { Deadline, Download, DownloadLimits } from '../support/download-settings.ts';
import {
  type Answer,
  deadlineOf,
  discard,
  fileOf,
  isUnchanged,
  passOver,
  send,
  unchangedOf,
} from '../support/exchange.ts';
import type { Guard } from '../support/guard.ts';
import { lazyTransport, type Transport } from '../support/guarded-agent.ts';
import { askedMs, PLAIN_RETRY_AFTER } from '../support/http-waits.ts';
import { refusedByS3, s3Error } from './s3-failures.ts';
import type { S3Place } from './s3-place.ts';

/** How S3, or a server that speaks as it does, is reached. */
export interface S3ClientSettings {
  readonly keys: AwsKeys;
  /** Where the keys come from, for people. */
  readonly keysFrom: string;
  /** `https://s3.eu-central-1.amazonaws.com`, or somebody's own; it may have a path. */
  readonly endpoint: URL;
  /** Whether buckets stand in the path; else before the host, where they can. */
  readonly isPathStyle: boolean;
  readonly region: string;
  readonly guard: Guard;
  readonly limits: DownloadLimits;
  /** Of apex, for the server's log. */
  readonly version: string;
}

/** What is asked for. */
export interface S3Request {
  /** What errors name; without a bucket the list of all is asked for. */
  readonly place: S3Place;
  /** Whether the bucket is asked, and not the object. */
  readonly isOfBucket?: boolean;
  readonly query?: Readonly<Record<string, string>>;
  readonly method?: 'GET' | 'HEAD';
  readonly validators?: Readonly<Record<string, string>>;
  /** Larger bodies are refused; null: however large. */
  readonly maxBytes: number | null;
  readonly isTimed: boolean;
}

/** Asks S3. Errors: SourceError of the codes of `s3-failures.ts` and `download-failures.ts`; the signal's reason. */
export interface S3Client {
  /** One attempt: who asks decides about others. */
  ask(request: S3Request, signal: AbortSignal): Promise<Download>;
  /** Ends its connections. */
  close(): Promise<void>;
}

const MAX_HOPS = 5;
/** What is read of an answer that tells of a failure. */
const MAX_TROUBLE_BYTES = 65_536;

/**
 * Asks with signed requests. Redirects are followed by hand, at most five, each signed anew, and to the same site only: the endpoint's
 * host and those below it, of AWS all of its own. Nothing is loaded or opened before the first request.
 */
export function createS3Client(settings: S3ClientSettings): S3Client {
  const { open, close } = lazyTransport(settings.guard, settings.limits);
  const ask = async (request: S3Request, signal: AbortSignal) => {
    const url = addressOf(settings, request.place);
    return follow(await open(), settings, request, deadlineOf({ ...request, url }, settings.limits, signal));
  };
  return { ask, close };
}

/** Buckets that can stand before a host: one label, so that certificates fit. */
const LABEL = /^[a-z\d][a-z\d-]{1,61}[a-z\d]$/;

function isInPath({ isPathStyle }: S3ClientSettings, { bucket }: S3Place): boolean {
  return isPathStyle || !LABEL.test(bucket);
}

/** As far as an address can have it: for the connection, and for people. */
function addressOf(settings: S3ClientSettings, place: S3Place): URL {
  const { protocol, host } = settings.endpoint;
  const before = isInPath(settings, place) ? '' : `${place.bucket}.`;
  return new URL(`${protocol}//${before}${host}${pathOf(settings, place)}`);
}

function pathOf(settings: S3ClientSettings, place: S3Place): string {
  const base = settings.endpoint.pathname.replace(/\/+$/, '');
  if (place.bucket === '') return `${base}/`;
  const path = place.key.split('/').map(encodePart).join('/');
  return isInPath(settings, place) ? `${base}/${encodePart(place.bucket)}/${path}` : `${base}/${path}`;
}

async function follow(
  transport: Transport,
  settings: S3ClientSettings,
  request: S3Request,
  deadline: Deadline,
): Promise<Download> {
  const { place, isOfBucket = false, query = {}, method = 'GET', validators = {}, maxBytes } = request;
  const { keys, region, limits, version } = settings;
  const asked = isOfBucket ? { ...place, key: '' } : place;
  const members = Object.entries(query).map(([name, value]) => `${encodePart(name)}=${encodePart(value)}`);
  let url = addressOf(settings, asked);
  let path = `${pathOf(settings, asked)}${members.length === 0 ? '' : `?${members.join('&')}`}`;
  for (let hops = 0; ; hops += 1) {
    const at = new Date();
    const headers = signed({ method, host: url.host, path, headers: validators }, keys, { region, at });
    const answer = await send(transport, { url, path, method, headers, version }, deadline);
    const { location } = answer.headers;
    if (isUnchanged(answer, { validators })) return unchangedOf(answer, deadline);
    if (answer.status === 200) return fileOf(plainly(answer), { url, maxBytes }, limits, deadline);
    if (!REDIRECTS.has(answer.status) || location === undefined) throw await refusalOf(answer, request, settings, url);
    await passOver(answer, deadline);
    if (hops === MAX_HOPS) throw s3Error('SOURCE_ANSWER', place, `redirects more than ${MAX_HOPS} times`);
    url = nextOf(location, url, settings, place);
    path = rawPathOf(location);
  }
}

/** What unpacking knows. */
const PACKED = /^(?:gzip|x-gzip|deflate|br)$/i;

/**
 * Whoever stores an object says how it is encoded, and S3 repeats that word for word: `aws-chunked`, which only its way there was, or
 * `utf-8`. What is none of an encoding that can be unpacked says nothing of the bytes.
 */
function plainly(answer: Answer): Answer {
  const said = (answer.headers['content-encoding'] ?? '').split(',').map((word) => word.trim());
  const encoding = said.find((name) => PACKED.test(name)) ?? 'identity';
  return { ...answer, headers: { ...answer.headers, 'content-encoding': encoding } };
}

/** Not 301: by it S3 tells that a bucket lies in another region, which is for the operator to set. */
const REDIRECTS: ReadonlySet<number> = new Set([302, 303, 307, 308]);

function nextOf(location: string, url: URL, settings: S3ClientSettings, place: S3Place): URL {
  if (!URL.canParse(location, url.href)) throw s3Error('SOURCE_ANSWER', place, 'redirects to no address');
  const next = new URL(location, url);
  const { endpoint } = settings;
  const site = AWS.exec(endpoint.hostname)?.[0] ?? endpoint.hostname;
  const isSameSite = next.hostname === site || next.hostname.endsWith(`.${site.replace(/^\./, '')}`);
  const isSame = isSameSite && next.protocol === endpoint.protocol && next.port === endpoint.port;
  if (isSame && next.username === '' && next.password === '') return next;
  throw s3Error('FOREIGN_LINK', place, `redirects to ${next.host}, which is not of the site of ${endpoint.host}`);
}

/** Hosts of AWS itself. Source: https://docs.aws.amazon.com/general/latest/gr/s3.html */
const AWS = /\.amazonaws\.com(?:\.cn)?$/;

/** Path and query as they stand there, with `..` where it is part of a key. */
function rawPathOf(location: string): string {
  const path = location.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '').replace(/#.*$/s, '');
  return path.startsWith('/') ? path : `/${path}`;
}

async function refusalOf(answer: Answer, { place }: S3Request, settings: S3ClientSettings, url: URL) {
  const { readTrouble, word } = await import('./s3-xml.ts');
  const { status, headers } = answer;
  const trouble = readTrouble(await troubleIn(answer));
  const serverTime = Date.parse(headers['date'] ?? '');
  const refusal = {
    status,
    code: trouble.code,
    region: word(headers['x-amz-bucket-region']) ?? trouble.region,
    retryAfterMs: askedMs(headers, PLAIN_RETRY_AFTER, Date.now()),
    isAheadMs: Number.isFinite(serverTime) ? serverTime - Date.now() : null,
  };
  return refusedByS3(place, refusal, { keysFrom: settings.keysFrom, host: url.host, region: settings.region });
}

/** What is cut, or not sent, tells nothing: then the status alone counts. */
async function troubleIn(answer: Answer): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const part of answer.body as AsyncIterable<Uint8Array>) {
      parts.push(part);
      bytes += part.byteLength;
      if (bytes > MAX_TROUBLE_BYTES) break;
    }
  } catch {
    return '';
  } finally {
    discard(answer);
  }
  return Buffer.concat(parts).toString('utf8');
}
