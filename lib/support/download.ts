import type { SourceError } from '../contracts/errors.ts';
import { downloadError, refusedDownload } from './download-failures.ts';
import type { Deadline, Download, DownloadRequest, DownloadSettings } from './download-settings.ts';
import { type Answer, deadlineOf, discard, fileOf, isUnchanged, passOver, send, unchangedOf } from './exchange.ts';
import { lazyTransport, type Transport } from './guarded-agent.ts';
import { askedMs, PLAIN_RETRY_AFTER } from './http-waits.ts';

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
  const [guarded, own] = [lazyTransport(guard, limits), lazyTransport(null, limits)];
  const transportTo = (url: URL) => (isOwnServer(url, settings) ? own : guarded).open();
  const get = (request: DownloadRequest, signal: AbortSignal) =>
    follow(transportTo, settings, request, deadlineOf(request, limits, signal));
  const close = async () => {
    await guarded.close();
    await own.close();
  };
  return { get, close };
}

function isOwnServer({ origin }: URL, { own }: DownloadSettings): boolean {
  return origin === own?.origin;
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
    const { version } = settings;
    const transport = await transportTo(url);
    const answer = await send(transport, { url, headers: { ...headers, ...request.validators }, version }, deadline);
    const { location } = answer.headers;
    if (!REDIRECTS.has(answer.status) || location === undefined)
      return await answerOf(settings, { ...request, url }, answer, deadline);
    await passOver(answer, deadline);
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

/** @throws SourceError for what is no file, and for one that is too large. */
async function answerOf(
  settings: DownloadSettings,
  request: DownloadRequest,
  answer: Answer,
  deadline: Deadline,
): Promise<Download> {
  const { url } = request;
  if (isUnchanged(answer, request)) return unchangedOf(answer, deadline);
  if (answer.status !== 200) {
    discard(answer);
    throw refusalOf(settings, url, answer);
  }
  return fileOf(answer, request, settings.limits, deadline);
}

function refusalOf(settings: DownloadSettings, url: URL, { status, headers }: Answer): SourceError {
  const { own } = settings;
  const rule = own !== undefined && isOwnServer(url, settings) ? own.retryAfter : PLAIN_RETRY_AFTER;
  const refused = own?.refused ?? refusedDownload;
  return refused(url, status, askedMs(headers, rule, Date.now()));
}
