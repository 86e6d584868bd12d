import { accessSync, constants, existsSync } from 'node:fs';
import { SqlThread, type SqlThreadSettings } from './sql-thread.ts';

/** How long a lock of another connection is waited for. */
const BUSY_TIMEOUT_MS = 2_000;

/**
 * Opens a database that is there only to look into it: when it is closed, its folder is as it was before.
 *
 * A log that lies beside it is read and left alone, so the connection is read-only then. Without a log SQLite needs one while it
 * reads, and only a connection that may write takes it away again. @throws what `toError` makes of it; ConfigError.
 */
export function openToRead(settings: Pick<SqlThreadSettings, 'path' | 'extensions' | 'toError'>): Promise<SqlThread> {
  const hasLog = ['-wal', '-journal'].some((ending) => existsSync(settings.path + ending));
  const isReadOnly = hasLog || !isWritable(settings.path);
  const pragmas = { query_only: 'ON' };
  return SqlThread.open({ ...settings, pragmas, isReadOnly, isOnlyRead: true, busyTimeoutMs: BUSY_TIMEOUT_MS });
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
