import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { malformed, Refusal } from './refusal.ts';
import { type Asked, collectionOf, ROUTES, type State, stateOf, VERSION } from './routes.ts';

// A server that answers as a Qdrant 1.18.3 was recorded to answer, over HTTP and in memory.
// May be used by tests only, where no real one is named.
// Must never be what an adapter is made to fit: `replay.test.ts` holds it to the recorded exchanges.

/** What is done wrong with a request. */
export interface Misbehaviour {
  /** Answered after so long. */
  readonly latencyMs?: number;
  /** The connection ends without an answer, before the request is carried out or after it, or within the answer. */
  readonly cut?: 'before' | 'after' | 'within';
  /** Sent instead of the answer. Carried out all the same when `isApplied`. */
  readonly answer?: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body: unknown;
  };
  readonly isApplied?: boolean;
  /** An update that is carried out only `latencyMs` after this state of it was answered. */
  readonly updateState?: 'wait_timeout' | 'acknowledged';
}

/** A request as it came. */
export interface Seen {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
  readonly bytes: number;
}

export interface QdrantStandIn {
  readonly url: string;
  readonly state: State;
  /** Every request so far, in order. */
  readonly seen: readonly Seen[];
  /** Decides about each request from now on. */
  misbehave: (seen: Seen) => Misbehaviour | null;
  stop(): Promise<void>;
}

const MAX_BODY_BYTES = 33_554_432;

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is when a text, else as JSON. */
  readonly body: unknown;
}

const OPEN_PATHS: { readonly [path: string]: string } = {
  '/healthz': 'healthz check passed',
  '/readyz': 'all shards are ready',
  '/livez': 'healthz check passed',
};

/** Starts one on a free port of 127.0.0.1. @param isForgetful whether it keeps nothing of what was asked: for large loads. */
export async function openQdrantStandIn({
  apiKey = null,
  isForgetful = false,
}: {
  readonly apiKey?: string | null;
  readonly isForgetful?: boolean;
} = {}): Promise<QdrantStandIn> {
  const state: State = { collections: new Map(), aliases: new Map() };
  const seen: Seen[] = [];
  const http = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const text = await bodyOf(request);
    const one = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: parsed(text),
      bytes: text.length,
    };
    if (!isForgetful) seen.push(one);
    await reply(response, standIn.misbehave(one) ?? {}, () => answerTo(request, text, state, apiKey));
  };
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const standIn: QdrantStandIn = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    state,
    seen,
    misbehave: () => null,
    stop: async () => {
      http.closeAllConnections();
      await new Promise<void>((resolve) => http.close(() => resolve()));
    },
  };
  return standIn;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

/** For those who look at it; a body that is no JSON as it is. */
function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
}

async function reply(response: ServerResponse, wrong: Misbehaviour, carryOut: () => Answer): Promise<void> {
  const { latencyMs = 0, cut, answer, updateState } = wrong;
  if (updateState !== undefined) {
    setTimeout(carryOut, latencyMs).unref();
    return send(response, {
      status: 200,
      body: { result: { operation_id: 0, status: updateState }, status: 'ok', time: 0.001 },
    });
  }
  await delay(latencyMs);
  if (cut === 'before') return void response.destroy();
  const right = answer === undefined || wrong.isApplied === true ? carryOut() : null;
  if (cut === 'after') return void response.destroy();
  if (cut === 'within') return sendHalf(response);
  send(response, answer ?? right!);
}

function send(response: ServerResponse, { status, headers = {}, body }: Answer): void {
  const isText = typeof body === 'string';
  const type =
    isText && body === '' ? {} : { 'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json' };
  response.writeHead(status, { ...type, ...headers });
  response.end(isText ? body : JSON.stringify(body));
}

/** The head of an answer and the beginning of its body. */
function sendHalf(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 500 });
  response.write('{"result":', () => response.destroy());
}

function answerTo(request: IncomingMessage, text: string, state: State, apiKey: string | null): Answer {
  const url = new URL(request.url ?? '/', 'http://stand-in');
  const open = OPEN_PATHS[url.pathname];
  if (open !== undefined) return { status: 200, body: open };
  const given = request.headers['api-key'] ?? request.headers.authorization?.replace(/^Bearer /, '');
  if (apiKey !== null && given === undefined)
    return unauthorized('Must provide an API key or an Authorization bearer token');
  if (apiKey !== null && given !== apiKey) return unauthorized('Invalid API key or JWT');
  if (url.pathname === '/') return { status: 200, body: VERSION };
  try {
    return routed(request, url, text, state);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { status: error.status, body: { status: { error: error.message }, time: 0.001 } };
  }
}

/** The text without a type, as it was recorded. */
function unauthorized(body: string): Answer {
  return { status: 401, headers: { 'content-type': '' }, body };
}

function routed(request: IncomingMessage, url: URL, text: string, state: State): Answer {
  const parts = url.pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
  const route = ROUTES.find(({ method, path }) => method === request.method && isPath(path.split('/'), parts));
  if (route === undefined) return { status: 404, body: '' };
  const names = parts.filter((_, index) => route.path.split('/')[index] === '*');
  if (url.searchParams.get('timeout') === '0')
    throw new Refusal(400, 'Deserialize error in query parameters: invalid value: integer `0`, expected a nonzero u64');
  const body = text === '' ? {} : jsonOf(text);
  const asked = { state, query: url.searchParams, body, length: text.length, names } as Asked;
  if (route.isUpdate !== true) return { status: 200, body: { result: route.answer(asked), status: 'ok', time: 0.001 } };
  const operationId = collectionOf(asked).nextOperation();
  route.answer(asked);
  const result = { operation_id: operationId, status: stateOf(url.searchParams) };
  return { status: 200, body: { result, status: 'ok', time: 0.001 } };
}

function isPath(wanted: readonly string[], parts: readonly string[]): boolean {
  return wanted.length === parts.length && wanted.every((part, index) => part === '*' || part === parts[index]);
}

function jsonOf(text: string): unknown {
  if (text.length > MAX_BODY_BYTES)
    throw new Refusal(
      400,
      `JSON payload (${text.length} bytes) is larger than allowed (limit: ${MAX_BODY_BYTES} bytes).`,
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed(`EOF while parsing a list at line 1 column ${text.length}`);
  }
  const tooLarge = /(?<=[[,:])\d+e\d{3,}(?=[\],}])/i.exec(text);
  if (tooLarge !== null) throw malformed(`number out of range at line 1 column ${tooLarge.index + tooLarge[0].length}`);
  if (/(?<!\\)(?:\\\\)*\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])/.test(text))
    throw malformed('lone leading surrogate in hex escape');
  return value;
}
