import { bearerOf, fixedCredentials, requiredValue, wholeValue } from './feed-options.ts';
import { type Bounds, type FeedSource, type OneRequest, PLAIN_STREAM, type StreamSpec } from './feed-spec.ts';

// Source of paths, parameters, limits and pages: Samsara's OpenAPI description and its pages on pagination, rate limits, telematics
// and response codes.

/** The largest page where a size can be asked for. */
const LIMIT = '512';
/** At most three are taken in one request. */
const STAT_TYPES = 'gps,engineStates,fuelPercents';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const LISTED = { paging: 'cursor', rows: 'data' } as const;
const TIMES: Bounds = { from: 'startTime', to: 'endTime', format: 'iso' };
/** What changed during the last walk may have been listed before it did. */
const UPDATED = {
  kind: 'updated-after',
  bounds: { from: 'updatedAfterTime', to: null, format: 'iso' },
  overlapMs: 10 * MINUTE_MS,
} as const;

/** Limits of single endpoints; those of the statistics are not documented, and the lowest documented one is assumed. */
const SLOW = { requests: 5, perMs: 1_000, burst: 5 };
const FAST = { requests: 25, perMs: 1_000, burst: 25 };

function oneAt(path: string): OneRequest {
  return { path, query: {}, record: 'data', lookup: null };
}

const ONE_SNAPSHOT: OneRequest = {
  path: '/fleet/vehicles/stats',
  query: { types: STAT_TYPES, vehicleIds: '{id}' },
  record: 'data',
  lookup: null,
};

const STREAMS: readonly StreamSpec[] = [
  {
    ...PLAIN_STREAM,
    ...LISTED,
    name: 'vehicle-stats-feed',
    summary: 'positions, engine states and fuel levels as they come in',
    path: '/fleet/vehicles/stats/feed',
    query: { types: STAT_TYPES },
    progress: { kind: 'cursor', history: 'vehicle-stats-history' },
    one: ONE_SNAPSHOT,
    rate: SLOW,
  },
  {
    ...PLAIN_STREAM,
    ...LISTED,
    name: 'vehicle-stats',
    summary: 'the latest position, engine state and fuel level of each vehicle',
    isDefault: false,
    path: '/fleet/vehicles/stats',
    query: { types: STAT_TYPES },
    one: ONE_SNAPSHOT,
    rate: SLOW,
  },
  {
    ...PLAIN_STREAM,
    ...LISTED,
    name: 'vehicle-stats-history',
    summary: 'positions, engine states and fuel levels of a time',
    isDefault: false,
    path: '/fleet/vehicles/stats/history',
    query: { types: STAT_TYPES },
    progress: { kind: 'window', bounds: TIMES, overlapMs: DAY_MS },
    rate: SLOW,
  },
  {
    ...PLAIN_STREAM,
    ...LISTED,
    name: 'vehicles',
    summary: 'the vehicles of the fleet',
    path: '/fleet/vehicles',
    query: { limit: LIMIT },
    progress: UPDATED,
    allOf: 'samsara:vehicle:',
    one: oneAt('/fleet/vehicles/{id}'),
    rate: FAST,
  },
  {
    ...PLAIN_STREAM,
    ...LISTED,
    name: 'drivers',
    summary: 'the drivers, those who are deactivated included',
    path: '/fleet/drivers',
    query: { limit: LIMIT },
    // Without the status only active ones are listed.
    variants: [{ driverActivationStatus: 'active' }, { driverActivationStatus: 'deactivated' }],
    progress: UPDATED,
    allOf: 'samsara:driver:',
    one: oneAt('/fleet/drivers/{id}'),
    rate: SLOW,
  },
  {
    ...PLAIN_STREAM,
    ...LISTED,
    name: 'addresses',
    summary: 'saved addresses with their geofences',
    path: '/addresses',
    query: { limit: LIMIT },
    allOf: 'samsara:address:',
    one: oneAt('/addresses/{id}'),
    rate: SLOW,
  },
  {
    ...PLAIN_STREAM,
    ...LISTED,
    name: 'driver-assignments',
    summary: 'who drives which vehicle, and when',
    path: '/fleet/driver-vehicle-assignments',
    query: { filterBy: 'vehicles' },
    // Assignments are confirmed days later.
    progress: { kind: 'window', bounds: TIMES, overlapMs: 8 * DAY_MS },
    rate: SLOW,
  },
];

/** Samsara: vehicles, their drivers, and where they are. */
export default {
  name: 'samsara',
  summary: 'Samsara: vehicles, their drivers, and where they are',
  options: [
    {
      name: 'SAMSARA_API_TOKEN',
      isSecret: true,
      fallback: '',
      summary: 'API token that may read vehicles, statistics, drivers, addresses and assignments.',
    },
    {
      name: 'SAMSARA_BASE_URL',
      isSecret: false,
      fallback: 'https://api.samsara.com',
      summary: 'Address of the API; `https://api.eu.samsara.com` for organisations in the EU.',
    },
    {
      name: 'SAMSARA_API_VERSION',
      isSecret: false,
      fallback: '',
      summary: 'Version of the API, as a date; that of the token by default.',
    },
    {
      name: 'SAMSARA_REQUESTS_PER_SECOND',
      isSecret: false,
      fallback: '25',
      summary: 'Requests in a second, at most 150; single streams have lower limits.',
    },
  ],
  streams: STREAMS,
  ownHosts: null,
  backoff: { minMs: 500, maxMs: 60_000 },
  retryAfter: { millisecondsAbove: null, hasReset: true },
  statusInside: null,
  probe: { path: '/me', query: {} },
  connect: (values) => {
    const requests = wholeValue(values, 'SAMSARA_REQUESTS_PER_SECOND', { min: 1, max: 150 });
    const version = values('SAMSARA_API_VERSION');
    return {
      baseUrl: requiredValue(values, 'SAMSARA_BASE_URL'),
      headers: version === '' ? {} : { 'x-samsara-version': version },
      credentials: fixedCredentials({ authorization: bearerOf(values, 'SAMSARA_API_TOKEN') }),
      variables: ['SAMSARA_API_TOKEN'],
      rate: { requests, perMs: 1_000, burst: requests },
    };
  },
} satisfies FeedSource;
