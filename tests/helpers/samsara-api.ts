import { readFileSync } from 'node:fs';
import { type ApiAnswer, type ApiRequest, type ApiServer, type AtEnd, openApiServer } from './api-server.ts';

type Row = Record<string, unknown>;

/** A reading as it came in: of which vehicle, of which statistic. */
export interface SamsaraReading {
  readonly vehicle: { readonly id: string; readonly name: string };
  readonly type: 'gps' | 'engineStates' | 'fuelPercents';
  readonly reading: Row & { readonly time: string };
}

/** A loopback server that answers as Samsara documents, and worse when told to. */
export interface SamsaraApi extends ApiServer {
  /** What makes the program use it. */
  readonly env: Readonly<Record<string, string>>;
  readonly vehicles: Row[];
  readonly drivers: Row[];
  readonly addresses: Row[];
  readonly assignments: Row[];
  /** In the order in which they came in: what the feed gives. */
  readonly readings: SamsaraReading[];
  /** The most rows of a page, whatever is asked for. */
  pageRows: number;
  /** So many empty pages, each of which promises more, come before every listing's first. */
  emptyPages: number;
  /** Pages that promise more for ever. `circle`: at two positions; `empty`: at new ones, without rows; `rows`: with rows. */
  endless: 'circle' | 'empty' | 'rows' | null;
  /** From now on no position that was given before is taken. */
  expireCursors(): void;
}

const TOKEN = 'samsara-token-of-the-tests';

/** One record of each stream, composed from the API's description. */
export const SAMSARA_EXAMPLES = JSON.parse(readFileSync('fixtures/feeds/samsara-examples.json', 'utf8')) as {
  readonly [name in 'snapshot' | 'feed' | 'vehicle' | 'driver' | 'address' | 'assignment']: Row;
};

/** Starts a server that holds one record of each stream, and the readings of the vehicle. */
export async function openSamsaraApi(atEnd?: AtEnd): Promise<SamsaraApi> {
  let epoch = 0;
  const server = await openApiServer((request) => answer(api, request, epoch), atEnd);
  const { vehicle, driver, address, assignment } = SAMSARA_EXAMPLES;
  const api: SamsaraApi = Object.assign(server, {
    env: { SAMSARA_BASE_URL: server.url, SAMSARA_API_TOKEN: TOKEN, SAMSARA_REQUESTS_PER_SECOND: '150' },
    vehicles: [vehicle],
    drivers: [driver],
    addresses: [address],
    assignments: [assignment],
    readings: exampleReadings(),
    pageRows: 512,
    emptyPages: 0,
    endless: null,
    expireCursors: () => {
      epoch += 1;
    },
  });
  return api;
}

function exampleReadings(): SamsaraReading[] {
  const { feed } = SAMSARA_EXAMPLES;
  const vehicle = { id: String(feed['id']), name: String(feed['name']) };
  return (['engineStates', 'gps'] as const).flatMap((type) =>
    (feed[type] as SamsaraReading['reading'][]).map((reading) => ({ vehicle, type, reading })),
  );
}

function answer(api: SamsaraApi, request: ApiRequest, epoch: number): ApiAnswer {
  const { path, query, headers } = request;
  if (headers['authorization'] !== `Bearer ${TOKEN}`) return failure(401, 'Invalid token.');
  if (path === '/me') return ok({ data: { id: '90210', name: 'Acme Trucking' } });
  const one = /^\/(?:fleet\/)?(vehicles|drivers|addresses)\/([^/]+)$/.exec(path);
  if (one !== null && one[2] !== 'stats') {
    return oneOf(api[one[1] as 'vehicles' | 'drivers' | 'addresses'], decodeURIComponent(one[2]!));
  }
  const rows = rowsOf(api, request);
  if (typeof rows === 'string') return failure(400, rows);
  if (rows === null) return failure(404, 'Not found.');
  const limit = Math.min(api.pageRows, Number(query['limit'] ?? api.pageRows));
  if (limit > 512) return failure(400, 'limit must be at most 512.');
  return pageOf(api, { rows, limit, epoch, isFeed: path.endsWith('/feed') }, request);
}

/** What a listing gives in all; a text says what is wrong with the request, and null that there is no such listing. */
function rowsOf(api: SamsaraApi, { path, query }: ApiRequest): readonly Row[] | string | null {
  const isUpdated = ({ updatedAtTime }: Row) => String(updatedAtTime) >= (query['updatedAfterTime'] ?? '');
  switch (path) {
    case '/fleet/vehicles':
      return api.vehicles.filter(isUpdated);
    case '/fleet/drivers': {
      const status = query['driverActivationStatus'] ?? 'active';
      return api.drivers.filter((driver) => driver['driverActivationStatus'] === status && isUpdated(driver));
    }
    case '/addresses':
      return api.addresses;
    case '/fleet/driver-vehicle-assignments':
      if (query['filterBy'] === undefined) return 'filterBy is required.';
      return api.assignments.filter(
        ({ startTime, endTime }) =>
          String(startTime) < (query['endTime'] ?? '9') && String(endTime ?? '9') > (query['startTime'] ?? ''),
      );
  }
  if (!path.startsWith('/fleet/vehicles/stats')) return null;
  const types = (query['types'] ?? '').split(',').filter((type) => type !== '');
  if (types.length === 0 || types.length > 3) return 'between 1 and 3 types are required.';
  return statsOf(api, { path, query, types });
}

function statsOf(
  { readings }: SamsaraApi,
  { path, query, types }: Pick<ApiRequest, 'path' | 'query'> & { types: readonly string[] },
): readonly Row[] | string | null {
  const asked = readings.filter(({ type }) => types.includes(type));
  switch (path) {
    case '/fleet/vehicles/stats': {
      const wanted = query['vehicleIds']?.split(',');
      return snapshots(asked).filter(({ id }) => wanted?.includes(String(id)) !== false);
    }
    case '/fleet/vehicles/stats/feed':
      return asked.map(feedRow);
    case '/fleet/vehicles/stats/history': {
      const { startTime, endTime } = query;
      if (startTime === undefined || endTime === undefined) return 'startTime and endTime are required.';
      return asked.filter(({ reading: { time } }) => time >= startTime && time < endTime).map(feedRow);
    }
  }
  return null;
}

function feedRow({ vehicle, type, reading }: SamsaraReading): Row {
  return { ...vehicle, [type]: [reading] };
}

const SNAPSHOT_NAMES = { gps: 'gps', engineStates: 'engineState', fuelPercents: 'fuelPercent' } as const;

/** The latest values of each vehicle, under the names that a snapshot has for them. */
function snapshots(readings: readonly SamsaraReading[]): Row[] {
  const rows = new Map<string, Row>();
  for (const { vehicle, type, reading } of readings.toSorted((a, b) => a.reading.time.localeCompare(b.reading.time))) {
    const row = rows.get(vehicle.id) ?? { ...vehicle };
    rows.set(vehicle.id, { ...row, [SNAPSHOT_NAMES[type]]: reading });
  }
  return [...rows.values()];
}

interface Paged {
  readonly rows: readonly Row[];
  readonly limit: number;
  readonly epoch: number;
  readonly isFeed: boolean;
}

/** A position is the count of what came before it, the empty pages first. */
function pageOf(api: SamsaraApi, { rows, limit, epoch, isFeed }: Paged, { path, query }: ApiRequest): ApiAnswer {
  const cursorAt = (position: number) => Buffer.from(JSON.stringify([epoch, path, position])).toString('base64url');
  const position = positionOf(query['after'], epoch, path);
  if (position === null) return failure(400, 'Invalid cursor.');
  if (api.endless !== null) {
    const data = api.endless === 'rows' ? rows.slice(0, limit) : [];
    const next = api.endless === 'circle' ? 1 - (position % 2) : position + 1;
    return ok({ data, pagination: { endCursor: cursorAt(next), hasNextPage: true } });
  }
  if (isFeed && query['after'] === undefined) {
    // The first answer holds the last known values, however old, and the position after everything.
    const pagination = { endCursor: cursorAt(api.emptyPages + rows.length), hasNextPage: false };
    return ok({ data: lastKnown(rows), pagination });
  }
  const start = Math.max(0, position - api.emptyPages);
  const isEmpty = position < api.emptyPages;
  const data = isEmpty ? [] : rows.slice(start, start + limit);
  const end = isEmpty ? position + 1 : position + data.length;
  const hasNextPage = end < api.emptyPages + rows.length;
  return ok({ data, pagination: { endCursor: cursorAt(end), hasNextPage } });
}

function lastKnown(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [`${row['id']} ${Object.keys(row).at(-1)}`, row])).values()];
}

function positionOf(after: string | undefined, epoch: number, path: string): number | null {
  if (after === undefined) return 0;
  try {
    const [given, of, position] = JSON.parse(Buffer.from(after, 'base64url').toString('utf8')) as [
      number,
      string,
      number,
    ];
    return given === epoch && of === path ? position : null;
  } catch {
    return null;
  }
}

/** By id, or by an external one as `name:value`. */
function oneOf(rows: readonly Row[], id: string): ApiAnswer {
  const [name = '', value] = id.split(':');
  const row = rows.find(
    (candidate) =>
      candidate['id'] === id ||
      (value !== undefined && (candidate['externalIds'] as Row | undefined)?.[name] === value),
  );
  return row === undefined ? failure(404, 'Not found.') : ok({ data: row });
}

function ok(body: unknown): ApiAnswer {
  return { status: 200, body };
}

function failure(status: number, message: string): ApiAnswer {
  return { status, body: { message, requestId: 'req-of-the-tests' } };
}
