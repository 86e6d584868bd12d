import type { Json } from '../contracts/document.ts';
import { PLAIN_RETRY_AFTER } from '../support/http-waits.ts';
import { requiredValue, wholeValue } from './feed-options.ts';
import { own } from './feed-records.ts';
import { type FeedSource, type Listing, type OneRequest, PLAIN_STREAM, type StreamSpec } from './feed-spec.ts';
import { readTurvoCredentials } from './turvo-tokens.ts';

// Turvo's reference is not public. Source of paths, parameters and answers: public integrations that agree with each other.

const PAGE_SIZE = '100';
const MINUTE_MS = 60_000;

/** Rows move while they are counted: what changes after the walk has begun is left to the next. */
const UPDATED = {
  kind: 'updated-after',
  bounds: { from: 'updated[gte]', to: 'updated[lte]', format: 'iso' },
  overlapMs: 15 * MINUTE_MS,
} as const;

function oneAt(path: string, lookup: Listing | null = null): OneRequest {
  return { path, query: {}, record: 'details', lookup };
}

function streamOf(name: string, summary: string): StreamSpec {
  return {
    ...PLAIN_STREAM,
    name,
    summary,
    path: `/${name}/list`,
    query: { pageSize: PAGE_SIZE },
    paging: 'offset',
    rows: name,
    progress: UPDATED,
    allOf: `turvo:${name.slice(0, -1)}:`,
    one: oneAt(`/${name}/{id}`),
  };
}

const STREAMS: readonly StreamSpec[] = [
  {
    ...streamOf('shipments', 'shipments with their route, orders and statuses'),
    hasDetails: true,
    // The list is said to have active ones of the last 180 days only; older ones are there by their id.
    allOf: null,
    // People know a shipment by its own number, the API by another.
    one: oneAt('/shipments/{id}', {
      path: '/shipments/list',
      query: { 'customId[eq]': '{id}', pageSize: '1' },
      paging: 'offset',
      rows: 'shipments',
    }),
  },
  streamOf('customers', 'companies that ship'),
  streamOf('carriers', 'companies that carry'),
  streamOf('locations', 'places of pickup and delivery'),
];

/** An answer of 200 may say `Status: "ERROR"`, and what the status would be in `errorCode`; without one it may be anything. */
function statusInside(value: Json): number | null {
  const status = own(value, 'Status');
  if (typeof status !== 'string' || status.toUpperCase() !== 'ERROR') return null;
  const code = Number(own(own(value, 'details'), 'errorCode'));
  return Number.isInteger(code) && code >= 400 && code < 600 ? code : 500;
}

/** Turvo: shipments and the companies and places they are about. */
export default {
  name: 'turvo',
  summary: 'Turvo: shipments and the companies and places they are about',
  options: [
    {
      name: 'TURVO_API_TOKEN',
      isSecret: true,
      fallback: '',
      summary: 'Bearer token; without it one is asked for with the client, the user and the key.',
    },
    { name: 'TURVO_API_KEY', isSecret: true, fallback: '', summary: 'The key of the API, sent with every request.' },
    { name: 'TURVO_CLIENT_ID', isSecret: false, fallback: '', summary: 'Name of the API client.' },
    { name: 'TURVO_CLIENT_SECRET', isSecret: true, fallback: '', summary: 'Secret of the API client.' },
    { name: 'TURVO_USERNAME', isSecret: false, fallback: '', summary: 'User that the API client acts for.' },
    { name: 'TURVO_PASSWORD', isSecret: true, fallback: '', summary: 'Password of that user.' },
    {
      name: 'TURVO_CLIENT_ID_IN',
      isSecret: false,
      fallback: 'query',
      summary: 'Where the token request holds the client and its secret: `query` or `body`.',
    },
    {
      name: 'TURVO_BASE_URL',
      isSecret: false,
      fallback: 'https://publicapi.turvo.com/v1',
      summary: 'Address of the API.',
    },
    {
      name: 'TURVO_REQUESTS_PER_SECOND',
      isSecret: false,
      fallback: '1',
      summary: 'Requests in a second; what Turvo allows is not documented.',
    },
  ],
  streams: STREAMS,
  ownHosts: null,
  backoff: { minMs: 2_000, maxMs: 60_000 },
  retryAfter: PLAIN_RETRY_AFTER,
  statusInside,
  probe: { path: '/shipments/list', query: { pageSize: '1' } },
  connect: (values, timing) => {
    const requests = wholeValue(values, 'TURVO_REQUESTS_PER_SECOND', { min: 1, max: 1_000 });
    return {
      baseUrl: requiredValue(values, 'TURVO_BASE_URL'),
      headers: {},
      ...readTurvoCredentials(values, timing),
      rate: { requests, perMs: 1_000, burst: Math.max(2, requests) },
    };
  },
} satisfies FeedSource;
