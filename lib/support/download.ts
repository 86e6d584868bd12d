import type { Dispatcher } from 'undici';
import type { SourceError } from '../contracts/errors.ts';
import { bodyParts } from './download-body.ts';
import { brokenDownload, downloadError, refusedDownload } from './download-failures.ts';
import type { Deadline, Download, DownloadRequest, DownloadSettings } from './download-settings.ts';
import { openGuardedTransport, openTransport, type Transport } from './guarded-agent.ts';
import { askedMs } from './http-waits.ts';

/** Fetches files from the web. Errors: SourceError of the codes of `download-failures.ts`, ADDRESS_REFUSED; the signal's reason. */
export interface Downloads {
  /** Resolves with the headers; the body comes as it is read. One attempt: who asks decides about others. */
  get(request: DownloadRequest, signal: AbortSignal): Promise<Download>;
  /** Ends its connections. */
  close(): Promise<void>;
}

const MAX_HOPS = 5;

/**
 * Downloads through a guard: every address that is connected to, also after a redirect, is let through by it. Redirects are followed
 * by hand, at most five, never from `https:` to `http:`; headers of one origin are sent to no other, and not to itself again by way of
 * another. Nothing is loaded or opened before the first request.
 */
export function createDownloads(settings: DownloadSettings): Downloads {
  const { guard, limits } = settings;
  const transports = new Map<boolean, Promise<Transport>>();
  const transportTo = (url: URL) => {
    const isOwn = isOwnServer(url, settings);
    const transport = transports.get(isOwn) ?? (isOwn ? openTransport(limits) : openGuardedTransport(guard, limits));
    transports.set(isOwn, transport);
    return transport;
  };
  return {
    get: (request, signal) => follow(transportTo, settings, request, deadlineOf(request, settings, signal)),
    close: async () => {
      for (const transport of transports.values()) await (await transport).agent.destroy();
    },
  };
}

function isOwnServer({ origin }: URL, { own }: DownloadSettings): boolean {
  return origin === own?.origin;
}

function deadlineOf(
  { url, isTimed }: DownloadRequest,
  { limits: { totalMs } }: DownloadSettings,
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

async function follow(
  transportTo: (url: URL) => Promise<Transport>,
  settings: DownloadSettings,
  request: DownloadRequest,
  deadline: Deadline,
): Promise<Download> {
  let { url } = request;
  let isOwn = true;
  for (let hops = 0; ; hops += 1) {
    assertScheme(url, settings);
    const headers = isOwn ? (settings.headers.get(url.origin) ?? {}) : {};
    const response = await send(
      await transportTo(url),
      settings,
      { url, headers: { ...headers, ...request.validators } },
      deadline,
    );
    const location = response.headers['location'];
    if (!REDIRECTS.has(response.statusCode) || typeof location !== 'string')
      return await answerOf(settings, { ...request, url }, response, deadline);
    await passOver(response, deadline);
    const from = request.url;
    if (hops === MAX_HOPS) throw downloadError('SOURCE_ANSWER', from, `redirects more than ${MAX_HOPS} times`);
    if (!URL.canParse(location, url.href)) throw downloadError('SOURCE_ANSWER', from, 'redirects to no address');
    const next = new URL(location, url);
    if (next.username !== '' || next.password !== '')
      throw downloadError('ADDRESS_REFUSED', from, `redirects to ${next.host} with a user in the address`);
    if (url.protocol === 'https:' && next.protocol === 'http:')
      throw downloadError('ADDRESS_REFUSED', from, `redirects from https: to http: (${next.host})`);
    isOwn &&= next.origin === url.origin;
    url = next;
  }
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

function assertScheme(url: URL, settings: DownloadSettings): void {
  if (url.protocol === 'https:' || isOwnServer(url, settings)) return;
  if (url.protocol === 'http:' && settings.isHttpAllowed) return;
  const what =
    url.protocol === 'http:'
      ? 'is not encrypted: give an https:// address, or allow http:// by --allow-http'
      : `is of a kind that is not fetched (${url.protocol})`;
  throw downloadError('ADDRESS_REFUSED', url, what);
}

async function send(
  { agent, request }: Transport,
  { version }: DownloadSettings,
  { url, headers }: { readonly url: URL; readonly headers: Readonly<Record<string, string>> },
  deadline: Deadline,
): Promise<Dispatcher.ResponseData> {
  try {
    deadline.throwIfOver();
    return await request(url, {
      dispatcher: agent,
      method: 'GET',
      // What is not compressed is compared with its length, and has one mark of its version.
      headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': `apex/${version}`, ...headers },
      signal: deadline.signal,
    });
  } catch (error) {
    deadline.throwIfOver();
    throw brokenDownload(url, error);
  }
}

/** What an answer without a file may hold besides its headers. */
const MAX_PASSED_BYTES = 16_384;

/** Reads what little there is, so that the next request may take the same connection. */
async function passOver({ body }: Dispatcher.ResponseData, { signal }: Deadline): Promise<void> {
  await body.dump({ limit: MAX_PASSED_BYTES, signal }).catch(() => {});
}

/** An answer that is not wanted is not read: its connection ends with it. */
function discard({ body }: Dispatcher.ResponseData): void {
  body.on('error', () => {});
  body.destroy();
}

/** @throws SourceError for what is no file, and for one that is too large. */
async function answerOf(
  settings: DownloadSettings,
  request: DownloadRequest,
  response: Dispatcher.ResponseData,
  deadline: Deadline,
): Promise<Download> {
  const { url, validators, maxBytes } = request;
  const { statusCode: status, body } = response;
  const headers = singleHeaders(response);
  const end = () => discard(response);
  if (status === 304 && Object.keys(validators).length > 0) {
    await passOver(response, deadline);
    return { body: null, headers, end };
  }
  if (status !== 200) {
    end();
    throw refusalOf(settings, url, response);
  }
  const length = Number(headers['content-length'] ?? '0');
  if (maxBytes !== null && length > maxBytes) {
    end();
    throw downloadError(
      'TOO_LARGE',
      url,
      `has ${length} bytes, more than the ${maxBytes} that APEX_MAX_FILE_MB allows`,
    );
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  return { body: bodyParts(body, { url, encoding, maxBytes, limits: settings.limits, deadline }), headers, end };
}

function refusalOf(
  settings: DownloadSettings,
  url: URL,
  { statusCode, headers }: Dispatcher.ResponseData,
): SourceError {
  const { own } = settings;
  const rule = own !== undefined && isOwnServer(url, settings) ? own.retryAfter : SECONDS;
  const refused = own?.refused ?? refusedDownload;
  return refused(url, statusCode, askedMs(headers, rule, Date.now()));
}

const SECONDS = { millisecondsAbove: null, hasReset: false };

function singleHeaders({ headers }: Dispatcher.ResponseData): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => {
      const single = Array.isArray(value) ? value[0] : value;
      return single === undefined ? [] : [[name, single] as const];
    }),
  );
}
