import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError, isApexError } from '../../contracts/errors.ts';
import { sha256 } from '../../contracts/identity.ts';
import type { QdrantCall, QdrantConnection } from './qdrant-connection.ts';
import { PAYLOAD_INDEXES } from './qdrant-filters.ts';

/** What the vectors of a collection are made by. */
export interface EmbedderName {
  readonly model: string;
  readonly dimensions: number;
}

/** A format of what lies in a collection, and how that of older ones becomes it. */
export interface CollectionFormat {
  /** Stands in the name of the alias that is its identity. A newer one is refused. */
  readonly number: number;
  /**
   * By number, the calls that make what is of the format before into this one, each about the collection. Qdrant has no transactions:
   * each must land on itself, since two may do it at once, and one that failed is done again.
   */
  readonly migrations: {
    readonly [format: number]: readonly { readonly call: QdrantCall; readonly payload: object }[];
  };
}

const COLLECTION_FORMAT: CollectionFormat = { number: 1, migrations: {} };

/** Of these, only what the query API needs; `points/query` came with it. Source: Qdrant's release notes. */
export const OLDEST_VERSION = '1.10.0';

const PREFIX = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;
/** Qdrant takes up to 255 characters; with a format and an identity behind it an alias must fit as well. */
const MAX_MODEL_CHARACTERS = 80;

/**
 * The collection of an embedder: `<prefix>_<model>_<dimensions>`. Letters of the model are in lower case, and what is no letter,
 * digit, point or hyphen is a hyphen; where that changed or cut it, eight digits of its digest tell it from models that read alike.
 *
 * @throws ConfigError APEX_CONFIG for a prefix of other characters than letters, digits, hyphens and underscores, or over 63.
 */
export function collectionNameOf(prefix: string, { model, dimensions }: EmbedderName): string {
  if (!PREFIX.test(prefix))
    throw new ConfigError(
      `a name of Qdrant collections cannot begin with '${prefix}': give letters, digits, hyphens and underscores, 63 at most`,
      { code: 'APEX_CONFIG' },
    );
  const plain = model
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, '-')
    .slice(0, MAX_MODEL_CHARACTERS);
  const named = plain === model ? plain : `${plain}-${sha256(model).slice(0, 8)}`;
  return `${prefix}_${named}_${dimensions}`;
}

/** What Qdrant tells of a collection, as far as apex looks at it. */
export interface CollectionInfo {
  readonly points_count?: number | null;
  readonly config: {
    readonly params: {
      readonly vectors?: { readonly size?: number; readonly distance?: string; readonly datatype?: string | null };
    };
  };
  readonly payload_schema: { readonly [path: string]: { readonly data_type: string } };
}

/** The collection, or null where there is none. Errors as `QdrantConnection.ask`. */
export async function findCollection(
  connection: QdrantConnection,
  name: string,
  signal: AbortSignal,
): Promise<CollectionInfo | null> {
  try {
    return await connection.ask<CollectionInfo>('getCollection', { collection_name: name }, signal);
  } catch (error) {
    if (isApexError(error) && error.details['status'] === 404) return null;
    throw error;
  }
}

/**
 * Makes sure that the collection is there with its payload indexes, and tells its identity. Two may do it at once.
 *
 * @throws ConfigError EMBEDDER_MISMATCH for other dimensions, APEX_CONFIG for a distance or a kind of vectors that other tools would
 * not read as cosine, NEWER_FORMAT. Else as `QdrantConnection.ask`.
 */
export async function ensureCollection(
  connection: QdrantConnection,
  {
    name,
    dimensions,
    format = COLLECTION_FORMAT,
  }: { readonly name: string; readonly dimensions: number; readonly format?: CollectionFormat | undefined },
  signal: AbortSignal,
): Promise<string> {
  let info = await findCollection(connection, name, signal);
  const isMade = info === null && (await makeCollection(connection, name, dimensions, signal));
  info ??= await findCollection(connection, name, signal);
  assertFits(info!, { name, dimensions, place: connection.place });
  const place = { connection, name, format };
  const found = isMade ? await giveIdentity(place, signal) : await awaitIdentity(place, signal);
  await migrate(place, found, signal);
  for (const [path, type] of Object.entries(PAYLOAD_INDEXES))
    if (info!.payload_schema[path] === undefined)
      await connection.ask(
        'createFieldIndex',
        { collection_name: name, wait: true, field_name: path, field_schema: type },
        signal,
      );
  return found.identity;
}

/** @returns false when somebody else has just made it. */
async function makeCollection(
  connection: QdrantConnection,
  name: string,
  dimensions: number,
  signal: AbortSignal,
): Promise<boolean> {
  const vectors = { size: dimensions, distance: 'Cosine' };
  try {
    await connection.ask('createCollection', { collection_name: name, vectors, on_disk_payload: true }, signal);
    return true;
  } catch (error) {
    if (isApexError(error) && error.details['status'] === 409) return false;
    throw error;
  }
}

/** @throws ConfigError when vectors written here would not be found, or not be told again. */
export function assertFits(
  { config }: CollectionInfo,
  { name, dimensions, place }: { readonly name: string; readonly dimensions: number; readonly place: string },
): void {
  const { size, distance, datatype } = config.params.vectors ?? {};
  const where = `the collection ${name} of Qdrant at ${place}`;
  if (size === undefined)
    throw new ConfigError(`${where} has named vectors, apex needs an unnamed one; choose another prefix`, {
      code: 'APEX_CONFIG',
    });
  if (size !== dimensions)
    throw new ConfigError(`${where} holds vectors of ${size} dimensions, the embedder gives ${dimensions}`, {
      code: 'EMBEDDER_MISMATCH',
    });
  if (distance !== 'Cosine')
    throw new ConfigError(`${where} measures ${distance}, apex needs Cosine; choose another prefix`, {
      code: 'APEX_CONFIG',
    });
  // Halves and bytes do not hold what a digest could be told from.
  if (datatype != null && datatype !== 'float32')
    throw new ConfigError(`${where} keeps vectors as ${datatype}, apex needs float32; choose another prefix`, {
      code: 'APEX_CONFIG',
    });
}

/** How long the identity is waited for that whoever made the collection gives it next. */
const IDENTITY_WAIT_MS = 5_000;
const IDENTITY_POLL_MS = 100;

interface Place {
  readonly connection: QdrantConnection;
  readonly name: string;
  readonly format: CollectionFormat;
}

/** What the aliases of a collection tell of it. */
interface Identity {
  readonly identity: string;
  /** Of the highest format. */
  readonly number: number;
}

/**
 * The identity is a random one in the name of an alias: it goes with its collection, other tools do not see it among the collections,
 * and a server that is another one, or was emptied, has none or another.
 */
async function giveIdentity(place: Place, signal: AbortSignal): Promise<Identity> {
  await addAlias(place, { identity: randomUUID(), number: place.format.number }, signal);
  return (await findIdentity(place, signal))!;
}

async function addAlias(
  { connection, name }: Place,
  { identity, number }: Identity,
  signal: AbortSignal,
): Promise<void> {
  const alias = `${name}--apex${number}--${identity}`;
  const actions = [{ create_alias: { collection_name: name, alias_name: alias } }];
  await connection.ask('updateAliases', { actions }, signal);
}

async function awaitIdentity(place: Place, signal: AbortSignal): Promise<Identity> {
  for (let waitedMs = 0; waitedMs < IDENTITY_WAIT_MS; waitedMs += IDENTITY_POLL_MS) {
    const found = await findIdentity(place, signal);
    if (found !== null) return found;
    await delay(IDENTITY_POLL_MS, undefined, { signal });
  }
  // Made by another tool, or by an apex that died before it gave one.
  return giveIdentity(place, signal);
}

/** One format at a time. The alias of the newer format comes last and beside the old one: until then it is of the old. */
async function migrate(place: Place, { identity, number }: Identity, signal: AbortSignal): Promise<void> {
  const { connection, name, format } = place;
  for (let next = number + 1; next <= format.number; next += 1) {
    for (const { call, payload } of format.migrations[next]!)
      await connection.ask(call, { ...payload, collection_name: name }, signal);
    await addAlias(place, { identity, number: next }, signal);
  }
}

/** The identity of a collection, null where it has none. @throws ConfigError NEWER_FORMAT. */
export async function identityOf(
  connection: QdrantConnection,
  name: string,
  signal: AbortSignal,
): Promise<string | null> {
  const found = await findIdentity({ connection, name, format: COLLECTION_FORMAT }, signal);
  return found?.identity ?? null;
}

/** Of several identities the first, so that all come to the same. @throws ConfigError NEWER_FORMAT. */
async function findIdentity({ connection, name, format }: Place, signal: AbortSignal): Promise<Identity | null> {
  const { aliases } = await connection.ask<{ aliases: { alias_name: string }[] }>(
    'getCollectionAliases',
    { collection_name: name },
    signal,
  );
  const found = aliases.flatMap(({ alias_name: alias }) => {
    const [, number, identity] = /--apex(\d+)--([0-9a-f-]{36})$/.exec(alias) ?? [];
    return identity === undefined ? [] : [{ number: Number(number), identity }];
  });
  const number = Math.max(0, ...found.map((alias) => alias.number));
  if (number > format.number)
    throw new ConfigError(
      `the collection ${name} of Qdrant at ${connection.place} has format ${number}, this apex knows up to ${format.number}`,
      { code: 'NEWER_FORMAT' },
    );
  const [identity] = found.map((alias) => alias.identity).sort();
  return identity === undefined ? null : { identity, number };
}

/** The version of the server. @throws ConfigError APEX_CONFIG when it is too old, or no Qdrant. */
export async function assertVersion(connection: QdrantConnection, signal: AbortSignal): Promise<string> {
  const { title, version } = await connection.ask<{ title?: unknown; version?: unknown }>('root', {}, signal);
  if (typeof version !== 'string' || !/qdrant/i.test(String(title)))
    throw new ConfigError(`what answers at ${connection.place} is no Qdrant; check QDRANT_URL`, {
      code: 'APEX_CONFIG',
    });
  if (version.localeCompare(OLDEST_VERSION, 'en', { numeric: true }) < 0)
    throw new ConfigError(
      `Qdrant at ${connection.place} has version ${version}; apex needs ${OLDEST_VERSION} or newer`,
      {
        code: 'APEX_CONFIG',
      },
    );
  return version;
}
