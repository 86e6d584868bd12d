import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** An answer that is not the right one. */
export interface WrongAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is when a text, else as JSON. */
  readonly body: unknown;
}

/** What is done with a request: null for the right answer, now or when the promise says. */
export type Respond = (texts: readonly string[], call: number) => WrongAnswer | null | Promise<WrongAnswer | null>;

/** A loopback server that speaks OpenAI's embeddings protocol and remembers what it was asked. */
export interface OpenAiServer {
  readonly baseUrl: string;
  /** The texts of each call, in order. */
  readonly calls: readonly (readonly string[])[];
  /** What makes the program use it. */
  readonly env: Readonly<Record<string, string>>;
  /** Decides about the calls from now on. */
  respond: Respond;
  /** Tokens that it says a text has; null: it says nothing of tokens. */
  tokensOf: ((text: string) => number) | null;
  /** What is answered when the models are asked for; each must know the key. */
  models: WrongAnswer;
}

/** Floats of its vectors. */
export const SERVER_DIMENSIONS = 8;

/** Starts a server that is closed when the test ends. */
export async function openOpenAiServer(respond: Respond = () => null): Promise<OpenAiServer> {
  const calls: string[][] = [];
  const http = createServer(async (request, response) => {
    if (request.method === 'GET') return answerModels(request, response, server);
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { input } = JSON.parse(Buffer.concat(parts).toString('utf8')) as { input: string[] };
    calls.push(input);
    const { status, headers, body } = (await server.respond(input, calls.length)) ?? {
      status: 200,
      body: {
        object: 'list',
        ...(server.tokensOf === null
          ? {}
          : { usage: { total_tokens: input.reduce((sum, text) => sum + server.tokensOf!(text), 0) } }),
        data: input.map((text, index) => ({ object: 'embedding', index, embedding: vectorOf(text) })),
      },
    };
    const isText = typeof body === 'string';
    response.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json', ...headers });
    response.end(isText ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  const baseUrl = `http://127.0.0.1:${(http.address() as AddressInfo).port}/v1`;
  const server: OpenAiServer = {
    baseUrl,
    calls,
    env: {
      APEX_EMBEDDER: 'openai',
      OPENAI_BASE_URL: baseUrl,
      OPENAI_API_KEY: 'key-of-the-tests',
      OPENAI_EMBEDDING_DIMENSIONS: String(SERVER_DIMENSIONS),
    },
    respond,
    tokensOf: null,
    models: { status: 200, body: { object: 'list', data: [{ id: 'text-embedding-3-small', object: 'model' }] } },
  };
  return server;
}

function answerModels(request: IncomingMessage, response: ServerResponse, { env, models }: OpenAiServer): void {
  const isKnown = request.headers.authorization === `Bearer ${env['OPENAI_API_KEY']}`;
  const { status, headers, body } = isKnown ? models : refusal(401, 'invalid_api_key');
  response.writeHead(status, {
    'content-type': typeof body === 'string' ? 'text/html' : 'application/json',
    ...headers,
  });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** The error body that the protocol knows. */
export function refusal(status: number, code: string, headers: Readonly<Record<string, string>> = {}): WrongAnswer {
  return { status, headers, body: { error: { message: `refused: ${code}`, type: 'error', code } } };
}

/** Depends on the text alone, and is never zero. */
function vectorOf(text: string): number[] {
  const vector = Array.from({ length: SERVER_DIMENSIONS }, () => 0.1);
  for (let index = 0; index < text.length; index += 1) vector[text.charCodeAt(index) % SERVER_DIMENSIONS]! += 1;
  return vector;
}
