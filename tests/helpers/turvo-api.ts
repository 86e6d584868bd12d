import { readFileSync } from 'node:fs';
import { type ApiAnswer, type ApiRequest, type ApiServer, type AtEnd, openApiServer } from './api-server.ts';

type Row = Record<string, unknown> & { readonly id: number };

/** A loopback server that answers as integrations of Turvo's public API have met it, and worse when told to. */
export interface TurvoApi extends ApiServer {
  /** What makes the program use it, with a client that asks for tokens. */
  readonly env: Readonly<Record<string, string>>;
  /** Whole ones; the listing gives a few members of each. */
  readonly shipments: Row[];
  readonly customers: Row[];
  readonly carriers: Row[];
  readonly locations: Row[];
  /** The most rows of a page, whatever is asked for. */
  pageRows: number;
  /** The rows of shipments stand in a member of this name. */
  shipmentsName: 'shipments' | 'Shipments';
  /** Every page is the first, and promises more. */
  isIgnoringStart: boolean;
  /** Where the token request has to hold the client. */
  clientIn: 'query' | 'body';
  /** Said of a token, in seconds; the server itself never ends one. */
  expiresIn: number;
  /** No token that was given before is taken from now on. */
  revokeTokens(): void;
  /** Requests for a token, so far. */
  readonly tokenRequests: () => readonly ApiRequest[];
}

const API_KEY = 'turvo-key-of-the-tests';
const CLIENT = { id: 'turvo-client', secret: 'turvo-secret-of-the-tests' };
const USER = { name: 'api.user@acme.example', password: 'turvo-password-of-the-tests' };

/** One record of each stream, composed from what is known of the API. */
export const TURVO_EXAMPLES = JSON.parse(readFileSync('fixtures/feeds/turvo-examples.json', 'utf8')) as {
  readonly [name in 'shipmentRow' | 'shipment' | 'customer' | 'carrier' | 'location']: Row;
};

/** Starts a server that holds one record of each stream. */
export async function openTurvoApi(atEnd?: AtEnd): Promise<TurvoApi> {
  const tokens = { given: 0, revoked: 0 };
  const server = await openApiServer((request) => answer(api, request, tokens), atEnd);
  const { shipment, shipmentRow, customer, carrier, location } = TURVO_EXAMPLES;
  const api: TurvoApi = Object.assign(server, {
    env: {
      TURVO_BASE_URL: `${server.url}/v1`,
      TURVO_API_KEY: API_KEY,
      TURVO_CLIENT_ID: CLIENT.id,
      TURVO_CLIENT_SECRET: CLIENT.secret,
      TURVO_USERNAME: USER.name,
      TURVO_PASSWORD: USER.password,
      TURVO_REQUESTS_PER_SECOND: '1000',
    },
    shipments: [{ ...shipmentRow, ...shipment }],
    customers: [customer],
    carriers: [{ updated: '2025-09-30T08:12:00Z', ...carrier }],
    locations: [location],
    pageRows: 100,
    shipmentsName: 'shipments' as const,
    isIgnoringStart: false,
    clientIn: 'query' as const,
    expiresIn: 43_200,
    revokeTokens: () => {
      tokens.revoked = tokens.given;
    },
    tokenRequests: () => server.requests.filter(({ path }) => path === '/v1/oauth/token'),
  });
  return api;
}

interface Tokens {
  given: number;
  revoked: number;
}

function answer(api: TurvoApi, request: ApiRequest, tokens: Tokens): ApiAnswer {
  const { path, headers } = request;
  if (headers['x-api-key'] !== API_KEY) return failure(403, '403', 'Forbidden');
  if (path === '/v1/oauth/token') return giveToken(api, request, tokens);
  const [, number = ''] = /^Bearer turvo-token-(\d+)$/.exec(headers['authorization'] ?? '') ?? [];
  if (number === '' || Number(number) <= tokens.revoked) return failure(401, '401', 'Unauthorized');
  const [, resource = '', id = ''] = /^\/v1\/(shipments|customers|carriers|locations)\/(\w+)$/.exec(path) ?? [];
  if (resource === '') return failure(404, '404', 'Not found');
  const rows = api[resource as 'shipments' | 'customers' | 'carriers' | 'locations'];
  if (id === 'list') return listOf(api, resource, rows, request);
  const row = rows.find((candidate) => String(candidate.id) === id);
  return row === undefined ? failure(404, '404', 'Not found') : ok(row);
}

function giveToken({ clientIn, expiresIn }: TurvoApi, { method, query, body }: ApiRequest, tokens: Tokens): ApiAnswer {
  const sent = JSON.parse(body || '{}') as Record<string, string>;
  const client = clientIn === 'query' ? query : sent;
  const isRight =
    method === 'POST' &&
    client['client_id'] === CLIENT.id &&
    client['client_secret'] === CLIENT.secret &&
    sent['grant_type'] === 'password' &&
    sent['username'] === USER.name &&
    sent['password'] === USER.password;
  if (!isRight) return { status: 400, body: { error: 'invalid_grant' } };
  tokens.given += 1;
  const access_token = `turvo-token-${tokens.given}`;
  return {
    status: 200,
    body: { access_token, token_type: 'bearer', expires_in: expiresIn, scope: 'read+trust+write' },
  };
}

/** What a listing tells of a shipment. */
const SUMMARY = ['id', 'customId', 'status', 'created', 'updated', 'lastUpdatedOn'];

function listOf(api: TurvoApi, resource: string, rows: readonly Row[], { query }: ApiRequest): ApiAnswer {
  const { 'updated[gte]': from = '', 'updated[lte]': to = '9', 'customId[eq]': customId } = query;
  const found = rows.filter(
    (row) =>
      String(row['updated']) >= from &&
      String(row['updated']) <= to &&
      (customId === undefined || row['customId'] === customId),
  );
  const start = api.isIgnoringStart ? 0 : Number(query['start'] ?? 0);
  const pageSize = Math.min(api.pageRows, Number(query['pageSize'] ?? 24));
  const page = found.slice(start, start + pageSize);
  const moreAvailable = api.isIgnoringStart || start + page.length < found.length;
  const isShort = resource === 'shipments';
  return ok({
    pagination: { start, pageSize, totalRecordsInPage: page.length, moreAvailable, lastObjectKey: null },
    [isShort ? api.shipmentsName : resource]: isShort ? page.map(summaryOf) : page,
  });
}

function summaryOf(row: Row): Row {
  return Object.fromEntries(SUMMARY.flatMap((name) => (name in row ? [[name, row[name]]] : []))) as Row;
}

function ok(details: unknown): ApiAnswer {
  return { status: 200, body: { Status: 'SUCCESS', details } };
}

function failure(status: number, errorCode: string, errorMessage: string): ApiAnswer {
  return { status, body: { Status: 'ERROR', details: { errorMessage, errorCode } } };
}
