import type { Dispatcher } from 'undici';
import type { Json } from '../contracts/document.ts';
import { SourceError } from '../contracts/errors.ts';
import { lazyTransport, type Transport } from './guarded-agent.ts';
import {
  type Asked,
  answerFailure,
  type Failure,
  foreignLink,
  networkFailure,
  placeOf,
  statusFailure,
} from './http-failures.ts';
import type { HttpAnswer, HttpRequest, HttpSettings } from './http-settings.ts';
import { askedMs, createPace, type Headers, type Pace } from './http-waits.ts';
import { parseJsonText } from './json-text.ts';

const MAX_HOPS = 5;
/** Waits for the source's own limit are told from here on; shorter ones are how it works. */
const TOLD_PACE_MS = 5_000;
/** What is read of an answer that tells of a failure. */
const MAX_ERROR_BYTES = 64 * 1024;

/** What the attempts of one client share. */
export interface Context {
  readonly settings: HttpSettings;
  readonly pace: Pace;
  /** Opened by the first attempt. */
  readonly transport: () => Promise<Transport>;
  close(): Promise<void>;
}

/** How an attempt ended. */
export type Outcome = HttpAnswer | { readonly failure: Failure };

/** Nothing is loaded or opened yet. */
export function openContext(settings: HttpSettings): Context {
  const { open, close } = lazyTransport(null, settings.limits);
  return { settings, pace: createPace(settings.rate), transport: open, close };
}

/**
 * One attempt, with its redirects. @param headers the credentials; they go to the source's own hosts only, as all requests do.
 * @throws SourceError FOREIGN_LINK; the signal's reason.
 */
export async function attempt(
  context: Context,
  request: HttpRequest,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Outcome> {
  const { settings } = context;
  const hops: { status: number; from: string; to: string }[] = [];
  let url = addressOf(settings, request);
  for (;;) {
    const asked: Asked = { source: settings.source, place: placeOf(url), variables: settings.variables };
    await takePlaces(context, request.pace, signal);
    const answer = await send(context, { request, url, headers, asked }, signal);
    if (!('location' in answer)) return 'failure' in answer ? answer : { value: answer.value, hops };
    if (request.body !== undefined) return { failure: answerFailure(asked, 'redirects what was posted to it') };
    if (hops.length === MAX_HOPS) return { failure: answerFailure(asked, `redirects more than ${MAX_HOPS} times`) };
    if (!URL.canParse(answer.location, url.href)) return { failure: answerFailure(asked, 'redirects to no address') };
    const next = new URL(answer.location, url);
    assertOwn(settings, next);
    hops.push({ status: answer.status, from: url.href, to: next.href });
    url = next;
  }
}

function addressOf(settings: HttpSettings, { target, query = {} }: HttpRequest): URL {
  const isPath = target.startsWith('/');
  const address = isPath ? `${settings.baseUrl.replace(/\/+$/, '')}${target}` : target;
  if (!URL.canParse(address)) {
    throw new SourceError(`${settings.source}: an answer leads to something that is no address`, {
      code: 'SOURCE_ANSWER',
      details: { source: settings.source },
    });
  }
  const url = new URL(address);
  for (const [name, values] of Object.entries(query)) {
    for (const value of typeof values === 'string' ? [values] : values) url.searchParams.append(name, value);
  }
  assertOwn(settings, url);
  return url;
}

/** Credentials go nowhere else, and neither does a request: what a foreign host answers is nothing of the source's. */
function assertOwn({ source, baseUrl, ownHosts }: HttpSettings, url: URL): void {
  const isBase = url.origin === new URL(baseUrl).origin;
  const isOther = url.protocol === 'https:' && url.port === '' && ownHosts?.test(url.hostname) === true;
  if (url.username !== '' || url.password !== '' || !(isBase || isOther)) throw foreignLink(source, url);
}

async function takePlaces({ settings, pace }: Context, own: Pace | undefined, signal: AbortSignal): Promise<void> {
  const { timing, onWaiting } = settings;
  const now = timing.now();
  const ms = Math.max(pace.take(now), own?.take(now) ?? 0);
  if (ms >= TOLD_PACE_MS) onWaiting({ reason: 'pace', ms });
  if (ms > 0) await timing.sleep(ms, signal);
}

interface Sending {
  readonly request: HttpRequest;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly asked: Asked;
}

type Answered = { readonly failure: Failure } | { readonly value: Json } | { status: number; location: string };

/** One request and its answer. */
async function send(
  context: Context,
  { request, url, headers, asked }: Sending,
  signal: AbortSignal,
): Promise<Answered> {
  const { settings } = context;
  const { agent } = await context.transport();
  const isPost = request.body !== undefined;
  try {
    signal.throwIfAborted();
    const response = await agent.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: isPost ? 'POST' : 'GET',
      headers: {
        accept: 'application/json',
        'user-agent': `apex/${settings.version}`,
        ...(isPost ? { 'content-type': 'application/json' } : {}),
        ...settings.headers,
        ...headers,
      },
      ...(isPost ? { body: JSON.stringify(request.body) } : {}),
      signal: AbortSignal.any([signal, AbortSignal.timeout(settings.limits.answerMs)]),
    });
    return await answerOf(settings, asked, response);
  } catch (error) {
    signal.throwIfAborted();
    return { failure: networkFailure(asked, error) };
  }
}

async function answerOf(settings: HttpSettings, asked: Asked, response: Dispatcher.ResponseData): Promise<Answered> {
  const { statusCode: status, headers, body } = response;
  const wait = () => askedMs(headers, settings.retryAfter, settings.timing.now());
  if (status >= 300 && status < 400 && typeof headers['location'] === 'string') {
    await body.dump();
    return { status, location: headers['location'] };
  }
  if (status < 200 || status >= 300) {
    const text = await readText(body, MAX_ERROR_BYTES);
    return { failure: statusFailure(asked, status, requestIdIn(text), wait()) };
  }
  const text = await readText(body, settings.limits.maxBytes);
  if (text === null) {
    return { failure: answerFailure(asked, `answered with more than ${settings.limits.maxBytes} bytes`) };
  }
  const answer = jsonOf(asked, headers, text);
  if ('failure' in answer) return answer;
  const inside = settings.statusInside?.(answer.value) ?? null;
  return inside === null ? answer : { failure: statusFailure(asked, inside, { httpStatus: status }, wait()) };
}

/** The text of a body, or null when it is longer than the limit; what comes beyond is not read. */
async function readText(body: Dispatcher.ResponseData['body'], maxBytes: number): Promise<string | null> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    bytes += part.length;
    // Leaving the loop destroys the body, and with it the connection.
    if (bytes > maxBytes) return null;
    parts.push(part);
  }
  return new TextDecoder().decode(Buffer.concat(parts));
}

function jsonOf(asked: Asked, headers: Headers, text: string): { failure: Failure } | { value: Json } {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity')
    return { failure: answerFailure(asked, 'answered in an encoding that was not asked for') };
  if (/^\s*</.test(text)) return { failure: answerFailure(asked, 'answered with HTML instead of JSON') };
  try {
    return { value: parseJsonText(text) };
  } catch {
    const what =
      text.trim() === '' ? 'answered with nothing' : `answered with ${text.length} characters that are no JSON`;
    return { failure: answerFailure(asked, what, true) };
  }
}

/** What a server's people find the request by. Source: Samsara's page on response codes. */
function requestIdIn(text: string | null): { requestId?: string } {
  try {
    const value = parseJsonText(text ?? '');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'requestId')) return {};
    const { requestId } = value as { requestId: Json };
    return typeof requestId === 'string' && /^[\w-]{1,80}$/.test(requestId) ? { requestId } : {};
  } catch {
    return {};
  }
}
