import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openQdrantStandIn, type QdrantStandIn } from './stand-in.ts';

/**
 * Goal: the stand-in answers as a real Qdrant did. Method: every exchange that was recorded of one is asked again, in order, and
 * status, type and body are compared; only numbers of operations, places in a text, and last digits of floats may differ.
 */

const RECORDED = new URL('../../../../shared/reference/qdrant-exchanges.json', import.meta.url);
const API_KEY = 'key-of-the-tests';

interface Exchange {
  readonly name: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly body?: unknown;
    /** Sent as it is. */
    readonly raw?: string;
    readonly headers?: Readonly<Record<string, string | null>>;
  };
  readonly response: { readonly status: number; readonly content_type: string | null; readonly body: unknown };
}

const exchanges = existsSync(RECORDED)
  ? (JSON.parse(readFileSync(RECORDED, 'utf8')) as { exchanges: Exchange[] }).exchanges
  : [];
if (exchanges.length === 0)
  console.log('no recorded exchanges of Qdrant beside the project: the stand-in is not held to them');

describe.skipIf(exchanges.length === 0)('the stand-in answers as recorded:', () => {
  let standIn: QdrantStandIn;
  beforeAll(async () => {
    standIn = await openQdrantStandIn({ apiKey: API_KEY });
  });
  afterAll(() => standIn.stop());

  test.each(exchanges.map((exchange): [string, Exchange] => [exchange.name, exchange]))('%s', async (_, exchange) => {
    const { status, content_type: type, body } = exchange.response;
    const answer = await ask(standIn.url, exchange.request);
    // The real one ended the connection; it answers 400 as often, which is what a client can rely on.
    expect(answer.status).toBe(status === 0 ? 400 : status);
    if (status === 0) return;
    expect(answer.type).toBe(type);
    expectAlike(answer.body, body);
  });
});

async function ask(url: string, { method, path, body, raw, headers = {} }: Exchange['request']) {
  const tooLarge = /^<(\d+) bytes>$/.exec(String(body))?.[1];
  const text =
    raw ?? (tooLarge === undefined ? (body === undefined ? null : JSON.stringify(body)) : 'x'.repeat(Number(tooLarge)));
  const sent = new Headers({ 'api-key': API_KEY, ...(text === null ? {} : { 'content-type': 'application/json' }) });
  for (const [name, value] of Object.entries(headers))
    if (value === null) sent.delete(name);
    else sent.set(name, value === '<given>' ? 'another-key' : value);
  const response = await fetch(url + path, { method, headers: sent, body: text });
  const answer = await response.text();
  const type = response.headers.get('content-type') || null;
  return { status: response.status, type, body: type === 'application/json' ? JSON.parse(answer) : answer };
}

/** Equal in keys and values. */
function expectAlike(found: unknown, wanted: unknown, path = ''): void {
  if (typeof wanted === 'number' && !Number.isInteger(wanted)) expect(found, path).toBeCloseTo(wanted, 5);
  else if (/\.(?:operation_id|version)$/.test(path)) expect(typeof found, path).toBe(typeof wanted);
  else if (typeof wanted === 'string') expect(withoutPlace(found as string), path).toBe(withoutPlace(wanted));
  else if (wanted === null || typeof wanted !== 'object') expect(found, path).toEqual(wanted);
  else {
    expect(Object.keys(found as object).sort(), path).toEqual(Object.keys(wanted).sort());
    for (const [key, value] of Object.entries(wanted))
      expectAlike((found as Record<string, unknown>)[key], value, `${path}.${key}`);
  }
}

function withoutPlace(text: string): string {
  return text.replace(/ at line \d+ column \d+$/, '');
}
