import type { Dispatcher } from 'undici';
import { bodyParts } from './download-body.ts';
import { brokenDownload, downloadError } from './download-failures.ts';
import type { Deadline, Download, DownloadLimits, DownloadRequest } from './download-settings.ts';
import type { Transport } from './guarded-agent.ts';

/** What is sent: a question, never a body. */
export interface Question {
  readonly url: URL;
  /** Path and query as they are sent; absent: those of the address. An address resolves `..`, which may be part of a name. */
  readonly path?: string;
  readonly method?: 'GET' | 'HEAD';
  readonly headers: Readonly<Record<string, string>>;
  /** Of apex, for the server's log. */
  readonly version: string;
}

/** The beginning of an answer. Its body is read, passed over or discarded by who asked. */
export interface Answer {
  readonly status: number;
  /** By name, in small letters; of several values the first. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Dispatcher.ResponseData['body'];
}

/** Until when all that is asked for one file may go on. Errors name the place of `url`. */
export function deadlineOf(
  { url, isTimed }: Pick<DownloadRequest, 'url' | 'isTimed'>,
  { totalMs }: DownloadLimits,
  signal: AbortSignal,
): Deadline {
  const late = isTimed ? AbortSignal.timeout(totalMs) : null;
  return {
    signal: late === null ? signal : AbortSignal.any([signal, late]),
    throwIfOver: () => {
      signal.throwIfAborted();
      if (late?.aborted !== true) return;
      const problem = `took longer than the ${totalMs / 1_000} seconds that SOURCE_TIMEOUT_SECONDS allows`;
      throw downloadError('APEX_SOURCE', url, problem, { isRetryable: true });
    },
  };
}

/**
 * Asks once and resolves with the headers of the answer, whatever its status; no redirect is followed.
 * @throws SourceError as `brokenDownload`, or what the deadline throws.
 */
export async function send(
  { agent }: Transport,
  { url, path = `${url.pathname}${url.search}`, method = 'GET', headers, version }: Question,
  deadline: Deadline,
): Promise<Answer> {
  try {
    deadline.throwIfOver();
    const {
      statusCode,
      headers: answered,
      body,
    } = await agent.request({
      ...{ origin: url.origin, path, method },
      // What is not compressed is compared with its length, and has one mark of its version.
      headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': `apex/${version}`, ...headers },
      signal: deadline.signal,
    });
    return { status: statusCode, headers: singleHeaders(answered), body };
  } catch (error) {
    deadline.throwIfOver();
    throw brokenDownload(url, error);
  }
}

function singleHeaders(headers: Dispatcher.ResponseData['headers']): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => {
      const single = Array.isArray(value) ? value[0] : value;
      return single === undefined ? [] : [[name, single] as const];
    }),
  );
}

/** What an answer without a file may hold besides its headers. */
const MAX_PASSED_BYTES = 16_384;

/** Reads what little there is, so that the next request may take the same connection. */
export async function passOver({ body }: Answer, { signal }: Deadline): Promise<void> {
  await body.dump({ limit: MAX_PASSED_BYTES, signal }).catch(() => {});
}

/** An answer that is not wanted is not read: its connection ends with it. */
export function discard({ body }: Answer): void {
  body.on('error', () => {});
  body.destroy();
}

/** Whether the answer says that the file is the one that the validators name. */
export function isUnchanged({ status }: Answer, { validators }: Pick<DownloadRequest, 'validators'>): boolean {
  return status === 304 && Object.keys(validators).length > 0;
}

/** An unchanged file: headers and no body. */
export async function unchangedOf(answer: Answer, deadline: Deadline): Promise<Download> {
  await passOver(answer, deadline);
  return { body: null, headers: answer.headers, end: () => {} };
}

/** The file of an answer of 200, to be read with every limit on it. @throws SourceError TOO_LARGE where it says its size. */
export function fileOf(
  answer: Answer,
  { url, maxBytes }: Pick<DownloadRequest, 'url' | 'maxBytes'>,
  limits: DownloadLimits,
  deadline: Deadline,
): Download {
  const { headers, body } = answer;
  const end = () => discard(answer);
  const length = Number(headers['content-length'] ?? '0');
  if (maxBytes !== null && length > maxBytes) {
    end();
    throw tooLarge(url, length, maxBytes);
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  return { body: bodyParts(body, { url, encoding, maxBytes, limits, deadline }), headers, end };
}

function tooLarge(url: URL, bytes: number, maxBytes: number) {
  return downloadError('TOO_LARGE', url, `has ${bytes} bytes, more than the ${maxBytes} that APEX_MAX_FILE_MB allows`);
}
