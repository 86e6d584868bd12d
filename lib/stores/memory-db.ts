import { statSync } from 'node:fs';
import { getLoadablePath } from 'sqlite-vec';
import type { ErrorCode } from '../contracts/error-codes.ts';
import { type ApexError, ConfigError, StoreError } from '../contracts/errors.ts';
import { NO_INDEX, SqlReader } from '../support/sql-reader.ts';
import { type CommitProbe, type Sql, type SqlFailure, SqlThread } from '../support/sql-thread.ts';
import { MEMORY_APPLICATION_ID, MEMORY_FORMAT, MEMORY_MIGRATIONS, memorySchema } from './memory-schema.ts';

/** Pages of the log that are folded in between writes, and that a commit folds in itself: 32 and 64 MiB. */
const FOLDED_PAGES = { idle: 8_192, commit: 16_384 };

/**
 * How long a write waits for those of other processes. SQLite's lock is given to whoever asks at the right moment: of ten processes
 * that write for a minute, one may be passed over for many seconds.
 */
const LOCK_WAIT_MS = 30_000;

export interface MemorySettings {
  readonly path: string;
  readonly embedder: { readonly model: string; readonly dimensions: number };
  /** Gives the UUID of a memory that is made now. */
  readonly createMemoryId: () => string;
  /** Whether every commit survives a power cut by itself: there is no pivot in this file that would see to it. */
  readonly isSynced?: boolean;
  readonly probe?: CommitProbe | null;
}

/** An open `memory.db`: one connection, one queue of writers, for all four roles. */
export interface MemoryDb {
  readonly path: string;
  readonly sql: Sql;
  readonly memoryId: string;
  readonly dimensions: number;
}

/**
 * Opens the embedded memory, making it when it is not there.
 *
 * @throws ConfigError NEWER_FORMAT, or EMBEDDER_MISMATCH when it holds vectors of another embedder; StoreError as SQLite fails.
 */
export async function openMemoryDb(settings: MemorySettings): Promise<MemoryDb> {
  const sql = await SqlThread.open({
    path: settings.path,
    pragmas: {
      journal_mode: 'WAL',
      synchronous: settings.isSynced === true ? 'FULL' : 'NORMAL',
      wal_autocheckpoint: FOLDED_PAGES.commit,
      secure_delete: 'ON',
      trusted_schema: 'ON',
      cache_size: -32_768,
    },
    extensions: [getLoadablePath()],
    idleFoldPages: FOLDED_PAGES.idle,
    busyTimeoutMs: LOCK_WAIT_MS,
    probe: settings.probe ?? null,
    toError: (failure) => storeError(failure, settings.path),
  });
  try {
    return { path: settings.path, sql, ...(await identify(sql, settings)) };
  } catch (error) {
    await sql.close();
    throw error;
  }
}

/**
 * Opens a memory that is only read, and whose folder is left as it is to the last byte; null when there is none yet.
 *
 * @throws ConfigError and StoreError as `openMemoryDb`.
 */
export async function readMemoryDb(settings: Pick<MemorySettings, 'path' | 'embedder'>): Promise<MemoryDb | null> {
  const { path } = settings;
  if (!statSync(path, { throwIfNoEntry: false })) return null;
  const sql = new SqlReader({ path, toError: (failure) => storeError(failure, path) });
  const format = await formatOf(sql, path);
  if (format === 0) return null;
  if (format < MEMORY_FORMAT) throw olderFormat(path, format);
  return { path, sql, ...(await identityOf(sql, settings)) };
}

async function identify(sql: Sql, settings: MemorySettings): Promise<{ memoryId: string; dimensions: number }> {
  const format = await formatOf(sql, settings.path);
  if (format === 0) await create(sql, settings);
  else await migrate(sql, format);
  return identityOf(sql, settings);
}

/** The format of the file, 0 while it is empty. @throws ConfigError when it is another program's, or a newer one. */
async function formatOf(sql: Sql, path: string): Promise<number> {
  const [format] = await sql.all<{ user_version: number }>('PRAGMA user_version');
  const [owner] = await sql.all<{ application_id: number }>('PRAGMA application_id');
  const { user_version: version } = format!;
  if (version !== 0 && owner!.application_id !== MEMORY_APPLICATION_ID) throw foreign(path);
  if (version > MEMORY_FORMAT) throw newerFormat(path, version);
  return version;
}

async function identityOf(
  sql: Sql,
  { embedder: { model, dimensions } }: Pick<MemorySettings, 'embedder'>,
): Promise<{ memoryId: string; dimensions: number }> {
  const rows = await sql.all<{ name: string; value: string }>('SELECT name, value FROM memory');
  const values = new Map(rows.map(({ name, value }) => [name, value]));
  if (values.get('embedder') !== model || Number(values.get('dimensions')) !== dimensions) {
    const held = `${values.get('embedder')} with ${values.get('dimensions')} dimensions`;
    throw new ConfigError(
      `this memory holds vectors of ${held}, not of ${model} with ${dimensions}; use that embedder, or another data directory`,
      { code: 'EMBEDDER_MISMATCH', details: { held, wanted: `${model} with ${dimensions} dimensions` } },
    );
  }
  return { memoryId: values.get('memory_id')!, dimensions };
}

/** Two processes may come here at once: the second finds the tables made and keeps them. */
async function create(sql: Sql, { embedder, createMemoryId }: MemorySettings): Promise<void> {
  const insert = 'INSERT INTO memory (name, value) VALUES (?, ?)';
  const values = [
    ['memory_id', createMemoryId()],
    ['embedder', embedder.model],
    ['dimensions', String(embedder.dimensions)],
  ];
  try {
    await sql.transaction(
      [
        ...memorySchema(embedder.dimensions).map((text) => ({ sql: text })),
        { sql: insert, rows: values },
        { sql: `PRAGMA application_id = ${MEMORY_APPLICATION_ID}` },
        { sql: `PRAGMA user_version = ${MEMORY_FORMAT}` },
      ],
      { label: 'memory.create', isDurable: true },
    );
  } catch (error) {
    const [made] = await sql.all<{ user_version: number }>('PRAGMA user_version');
    if (made!.user_version === 0) throw error;
  }
}

/** Brings a memory to this format, one format at a time. Another process may do so at once: the second finds it done. */
async function migrate(sql: Sql, from: number): Promise<void> {
  for (let format = from + 1; format <= MEMORY_FORMAT; format += 1) {
    try {
      await sql.transaction(
        [...MEMORY_MIGRATIONS[format]!.map((text) => ({ sql: text })), { sql: `PRAGMA user_version = ${format}` }],
        { label: 'memory.migrate', isDurable: true },
      );
    } catch (error) {
      const [made] = await sql.all<{ user_version: number }>('PRAGMA user_version');
      if (made!.user_version < format) throw error;
    }
  }
}

function foreign(path: string): ConfigError {
  const message = `${path} is a database of another program: point APEX_HOME at another folder`;
  return new ConfigError(message, { code: 'APEX_CONFIG', details: { path } });
}

/** To bring it up to date is to write. */
function olderFormat(path: string, format: number): ConfigError {
  const message = `${path} has format ${format}, of an older apex: let another command bring it up to date, as apex runs list`;
  return new ConfigError(message, { code: 'APEX_CONFIG', details: { format } });
}

function newerFormat(path: string, format: number): ConfigError {
  return new ConfigError(
    `${path} has format ${format}, this apex reads up to ${MEMORY_FORMAT}: use the newer apex, or another data directory`,
    {
      code: 'NEWER_FORMAT',
      details: { format },
    },
  );
}

interface FailureMeaning {
  /** How SQLite's result code, or the file system's, begins. */
  readonly starts: readonly string[];
  readonly code: ErrorCode;
  /** What it says of the file. */
  readonly problem: string;
}

/** Failures that no repetition cures. After a failed sync the same connection could report as written what is not. */
const FINAL_FAILURES: readonly FailureMeaning[] = [
  {
    starts: ['EACCES', 'EPERM', 'EROFS', 'SQLITE_READONLY', 'SQLITE_CANTOPEN'],
    code: 'APEX_PERMISSION',
    problem: 'cannot be written: check its owner and mode, and those of its folder',
  },
  {
    starts: ['SQLITE_CONSTRAINT', 'SQLITE_TOOBIG', 'SQLITE_MISMATCH'],
    code: 'STORE_REFUSED',
    problem: 'refuses the data',
  },
  {
    // The statements are constants: what they say SQLite can do, as long as the file's own tables are whole.
    starts: ['SQLITE_NOTADB', 'SQLITE_CORRUPT', 'SQLITE_ERROR'],
    code: 'MEMORY_DAMAGED',
    problem: 'is damaged; it was left as it is',
  },
  {
    starts: ['SQLITE_IOERR', 'EIO'],
    code: 'APEX_JOURNAL',
    problem: 'could not be read or written: the disk failed',
  },
  {
    starts: [NO_INDEX],
    code: 'APEX_STORE',
    problem: 'has a log that is not folded in, as a copy may have: let another command open it once, as apex runs list',
  },
  { starts: ['EISDIR', 'ELOOP'], code: 'APEX_CONFIG', problem: 'is not a file: move away what has its name' },
];

/** What SQLite's failures mean for the memory. */
export function storeError({ code, sqliteCode, operation, cause }: SqlFailure, path: string): ApexError {
  const details = { operation, sqliteCode };
  if (code === 'DISK_FULL')
    return new StoreError(`the disk is full: ${path} cannot grow`, { code, retryable: true, details, cause });
  if (code === 'LOCKED')
    return new StoreError(`${path} is in use by another process`, { code, retryable: true, details, cause });
  const final = FINAL_FAILURES.find(({ starts }) => starts.some((start) => sqliteCode.startsWith(start)));
  if (final !== undefined) return new StoreError(`${path} ${final.problem}`, { code: final.code, details, cause });
  return new StoreError(`${path} failed (${sqliteCode})`, { code: 'APEX_STORE', retryable: true, details, cause });
}
