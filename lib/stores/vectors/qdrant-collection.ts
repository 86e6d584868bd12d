import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError, isApexError } from '../../contracts/errors.ts';
import { sha256 } from '../../contracts/identity.ts';
import type { QdrantConnection } from './qdrant-connection.ts';
import { PAYLOAD_INDEXES } from './qdrant-filters.ts';

/** What the vectors of a collection are made by. */
export interface EmbedderName {
  readonly model: string;
  readonly dimensions: number;
}

/** What lies in a collection and how, as this apex writes it; a higher number is refused. */
const COLLECTION_FORMAT = 1;

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
  { name, dimensions }: { readonly name: string; readonly dimensions: number },
  signal: AbortSignal,
): Promise<string> {
  let info = await findCollection(connection, name, signal);
  const isMade = info === null && (await makeCollection(connection, name, dimensions, signal));
  info ??= await findCollection(connection, name, signal);
  assertFits(info!, { name, dimensions, place: connection.place });
  const identity = isMade
    ? await giveIdentity(connection, name, signal)
    : await awaitIdentity(connection, name, signal);
  for (const [path, type] of Object.entries(PAYLOAD_INDEXES))
    if (info!.payload_schema[path] === undefined)
      await connection.ask(
        'createFieldIndex',
        { collection_name: name, wait: true, field_name: path, field_schema: type },
        signal,
      );
  return identity;
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

/**
 * The identity is a random one in the name of an alias: it goes with its collection, other tools do not see it among the collections,
 * and a server that is another one, or was emptied, has none or another.
 */
async function giveIdentity(connection: QdrantConnection, name: string, signal: AbortSignal): Promise<string> {
  const alias = `${name}--apex${COLLECTION_FORMAT}--${randomUUID()}`;
  const actions = [{ create_alias: { collection_name: name, alias_name: alias } }];
  await connection.ask('updateAliases', { actions }, signal);
  return (await identityOf(connection, name, signal))!;
}

async function awaitIdentity(connection: QdrantConnection, name: string, signal: AbortSignal): Promise<string> {
  for (let waitedMs = 0; waitedMs < IDENTITY_WAIT_MS; waitedMs += IDENTITY_POLL_MS) {
    const identity = await identityOf(connection, name, signal);
    if (identity !== null) return identity;
    await delay(IDENTITY_POLL_MS, undefined, { signal });
  }
  // Made by another tool, or by an apex that died before it gave one.
  return giveIdentity(connection, name, signal);
}

/** The identity of a collection, null where it has none; of several the first, so that all come to the same. @throws ConfigError NEWER_FORMAT. */
export async function identityOf(
  connection: QdrantConnection,
  name: string,
  signal: AbortSignal,
): Promise<string | null> {
  const { aliases } = await connection.ask<{ aliases: { alias_name: string }[] }>(
    'getCollectionAliases',
    { collection_name: name },
    signal,
  );
  const found = aliases.flatMap(({ alias_name: alias }) => {
    const [, format, identity] = /--apex(\d+)--([0-9a-f-]{36})$/.exec(alias) ?? [];
    return identity === undefined ? [] : [{ format: Number(format), identity }];
  });
  const newest = Math.max(0, ...found.map(({ format }) => format));
  if (newest > COLLECTION_FORMAT)
    throw new ConfigError(
      `the collection ${name} of Qdrant at ${connection.place} has format ${newest}, this apex knows up to ${COLLECTION_FORMAT}`,
      { code: 'NEWER_FORMAT' },
    );
  return found.map(({ identity }) => identity).sort()[0] ?? null;
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
