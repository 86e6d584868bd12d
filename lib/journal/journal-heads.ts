import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { JOURNAL_FORMAT } from './format.ts';

/** What the first page of a run's file tells without opening it as a database. */
export type JournalHead = 'whole' | 'empty' | 'newer' | 'damaged';

const HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\u0000';
/** Offsets in the header, each of a number in big-endian order. Source: https://sqlite.org/fileformat2.html#the_database_header */
const AT = { pageSize: 16, changes: 24, pages: 28, format: 60, pagesKnownAt: 92 } as const;

/**
 * Looks at the head of a run's file: quick, and good for many. It cannot see damage further in.
 *
 * While a log lies beside the file, its head may be older than what is there, so only what is plainly foreign counts as damage.
 * @throws the file system's error.
 */
export function journalHead(path: string): JournalHead {
  const { size } = statSync(path);
  const hasLog = (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
  if (size === 0) return 'empty';
  if (size < HEADER_BYTES) return 'damaged';
  const head = readHead(path);
  if (head.toString('latin1', 0, MAGIC.length) !== MAGIC) return 'damaged';
  if (head.readUInt32BE(AT.format) > JOURNAL_FORMAT) return 'newer';
  const isCountTrusted = head.readUInt32BE(AT.changes) === head.readUInt32BE(AT.pagesKnownAt);
  const declared = head.readUInt32BE(AT.pages) * pageSizeOf(head);
  return isCountTrusted && !hasLog && size < declared ? 'damaged' : 'whole';
}

function readHead(path: string): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  const file = openSync(path, 'r');
  try {
    readSync(file, head, 0, HEADER_BYTES, 0);
    return head;
  } finally {
    closeSync(file);
  }
}

/** A page of 65,536 bytes does not fit the two bytes and is written as 1. */
function pageSizeOf(head: Buffer): number {
  const size = head.readUInt16BE(AT.pageSize);
  return size === 1 ? 65_536 : size;
}
