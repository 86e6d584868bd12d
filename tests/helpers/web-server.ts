import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { AtEnd } from './api-server.ts';
import type { Certificate } from './tls.ts';

/** A request as it came. */
export interface WebRequest {
  /** Path with query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** A web server on a free port of 127.0.0.1. */
export interface WebServer {
  /** Its origin. */
  readonly url: string;
  readonly port: number;
  /** Every request, in order. */
  readonly requests: WebRequest[];
  /** How often somebody has connected, also without a request. */
  connections: number;
}

/** Starts one that ends with the test, or when somebody else says so. @param certificate makes it speak TLS. */
export async function openWebServer(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  { certificate, atEnd = onTestFinished }: { certificate?: Certificate; atEnd?: AtEnd } = {},
): Promise<WebServer> {
  const take = (incoming: IncomingMessage, response: ServerResponse) => {
    server.requests.push({ path: incoming.url ?? '', headers: incoming.headers as WebRequest['headers'] });
    response.on('error', () => {});
    answer(incoming, response);
  };
  const http = certificate === undefined ? createServer(take) : createTlsServer(certificate, take);
  http.on('connection', () => {
    server.connections += 1;
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  atEnd(() => {
    http.closeAllConnections();
    http.close();
  });
  const { port } = http.address() as AddressInfo;
  const scheme = certificate === undefined ? 'http' : 'https';
  const server: WebServer = { url: `${scheme}://127.0.0.1:${port}`, port, requests: [], connections: 0 };
  return server;
}
