import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A request as it came. */
export interface ApiRequest {
  readonly method: string;
  /** Path without query. */
  readonly path: string;
  /** Members of the query, decoded; of several values the last. */
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** An answer: a text is sent as it is, with `content-type: text/html`; bytes as a file; anything else as JSON. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/**
 * What a server does instead of answering. `drop`: it ends the connection; `cut`: it sends half of the answer, and ends; `hang`: it
 * never answers; `stall`: it sends half, and nothing more; `truncate`: half of the answer, as if that were all; `flood`: an answer
 * without an end.
 */
export type Misbehaviour = 'drop' | 'cut' | 'hang' | 'stall' | 'truncate' | 'flood';

/** Decides about a request before the API sees it; null: let the API answer. @param count how many came with it. */
export type Interfere = (request: ApiRequest, count: number) => ApiAnswer | Misbehaviour | null;

/** A loopback server with an API on it. */
export interface ApiServer {
  readonly url: string;
  /** Every request, in order. */
  readonly requests: readonly ApiRequest[];
  interfere: Interfere;
}

/** Is given what is to be called in the end. */
export type AtEnd = (close: () => void) => void;

/** Starts a server on a free port that is closed when the test ends, or when somebody else says so. */
export async function openApiServer(
  answer: (request: ApiRequest) => ApiAnswer,
  atEnd: AtEnd = onTestFinished,
): Promise<ApiServer> {
  const requests: ApiRequest[] = [];
  const http = createServer(async (incoming, response) => {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const url = new URL(incoming.url ?? '/', 'http://local');
    const request: ApiRequest = {
      method: incoming.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: incoming.headers as Record<string, string | undefined>,
      body: Buffer.concat(parts).toString('utf8'),
    };
    requests.push(request);
    const interference = server.interfere(request, requests.length);
    if (typeof interference === 'string') misbehave(interference, response, answer(request));
    else send(response, interference ?? answer(request));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  atEnd(() => {
    http.closeAllConnections();
    http.close();
  });
  const server: ApiServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    requests,
    interfere: () => null,
  };
  return server;
}

/** Interferes with the first requests, one answer each; null lets one through. */
export function first(...answers: readonly (ApiAnswer | Misbehaviour | null)[]): Interfere {
  const left = [...answers];
  return () => left.shift() ?? null;
}

/** A page of HTML, as a gateway or a portal gives it. */
export const HTML_PAGE = '<!doctype html><html><body>Sign in to continue</body></html>';

function send(response: ServerResponse, { status, headers, body }: ApiAnswer): void {
  if (Buffer.isBuffer(body)) {
    response.writeHead(status, {
      'content-type': 'application/octet-stream',
      'content-length': body.length,
      ...headers,
    });
    response.end(body);
    return;
  }
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json', ...headers });
  response.end(isText ? body : JSON.stringify(body));
}

function misbehave(how: Misbehaviour, response: ServerResponse, { body }: ApiAnswer): void {
  const text = JSON.stringify(body);
  const half = text.slice(0, Math.max(1, text.length / 2));
  switch (how) {
    case 'drop':
      response.destroy();
      return;
    case 'hang':
      return;
    case 'flood':
      response.writeHead(200, { 'content-type': 'application/json' });
      flood(response);
      return;
    case 'truncate':
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(half);
      return;
    case 'cut':
    case 'stall':
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(text)),
      });
      response.write(half, () => {
        if (how === 'cut') response.destroy();
      });
  }
}

/** Sends until the connection is ended. */
function flood(response: ServerResponse): void {
  const send = () => {
    while (!response.destroyed && response.write(' '.repeat(65_536)));
  };
  response.on('drain', send);
  send();
}
