import { accessSync, constants, lstatSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Check, type Finding, ok, problem, warning } from '../contracts/check.ts';
import { diskError, freeSpace, nearestThere } from '../support/disk.ts';
import { assertOwn, folderError, judgeFileSystem } from './data-folder.ts';
import { type JournalHead, journalHead } from './journal-heads.ts';
import { isWholeJournal } from './run-journal.ts';
import { FolderRunReader } from './run-reader.ts';

export { FolderRunReader } from './run-reader.ts';

/** Whether a data directory can be trusted and what lies in it of runs; each check works whatever is wrong with the others. */
export function dataFolderChecks(home: string): Check[] {
  return [
    { name: 'data_directory', run: () => checkFolder(home) },
    { name: 'file_system', run: () => checkFileSystem(home) },
    { name: 'registry', run: () => checkRegistry(home) },
    { name: 'journals', limitMs: JOURNALS_LIMIT_MS, run: (signal) => checkJournals(home, signal) },
  ];
}

/** A cron of every five minutes leaves a hundred thousand journals a year. */
const JOURNALS_LIMIT_MS = 60_000;

/** What others than its owner may do with a folder. */
const OTHERS_BITS = 0o077;

async function checkFolder(home: string): Promise<Finding> {
  try {
    if (lstatSync(home, { throwIfNoEntry: false }) === undefined) return await checkParent(home);
    assertOwn(home);
    accessSync(home, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw folderError(home, error);
  }
  const mode = lstatSync(home).mode & 0o777;
  if ((mode & OTHERS_BITS) === 0) return ok(`${home}, for this user alone`);
  return warning(`${home} is open to other users (mode ${mode.toString(8).padStart(4, '0')})`, `chmod 700 '${home}'`);
}

async function checkParent(home: string): Promise<Finding> {
  accessSync(await nearestThere(home), constants.W_OK | constants.X_OK);
  return ok(`${home} is not there yet: the first ingest makes it`);
}

/** Names of the file systems that a data directory is most often on. Source: `f_type` in the manual page statfs(2). */
const FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'XFS'],
  [0x9123683e, 'Btrfs'],
  [0x2fc12fc1, 'ZFS'],
  [0xf2f52010, 'F2FS'],
  [0x01021994, 'tmpfs'],
]);

/** What looks like a file system and keeps nothing. */
const NO_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x9fa0, 'proc'],
  [0x62656572, 'sysfs'],
]);

async function checkFileSystem(home: string): Promise<Finding> {
  const { type } = statfsSync(await nearestThere(home));
  const nothing = NO_FILE_SYSTEMS.get(type);
  if (nothing !== undefined)
    return problem('APEX_CONFIG', `the data directory would be on ${nothing}`, 'Set APEX_HOME to another folder.');
  const [doubt] = judgeFileSystem(home, type);
  if (doubt !== undefined) return warning(doubt.message, 'Set APEX_HOME to a folder on a disk that stays.');
  const name = FILE_SYSTEMS.get(type);
  if (name !== 'tmpfs') return ok(name ?? `a local one (0x${type.toString(16)})`);
  return warning(
    'the data directory is on tmpfs: what it holds is gone after a restart',
    'Set APEX_HOME to a folder on a disk.',
  );
}

async function checkRegistry(home: string): Promise<Finding> {
  const reader = new FolderRunReader(home);
  const { runIds, flaw } = await reader.known();
  if (flaw === 'damaged')
    return problem(
      'APEX_JOURNAL',
      `${join(home, 'registry.db')} is damaged`,
      'Check the disk. The next command sets the file aside and lists the runs again from their journals.',
    );
  const lost = reader.journals().filter((runId) => !runIds.has(runId));
  if (lost.length === 0) return ok(runIds.size === 0 ? 'no run yet' : `${runIds.size} runs`);
  return warning(
    `${some(lost, 'journal has', 'journals have')} no row in the registry: ${named(lost)}`,
    'The next command lists these runs again: apex runs list',
  );
}

async function checkJournals(home: string, signal: AbortSignal): Promise<Finding> {
  const reader = new FolderRunReader(home);
  const found: { readonly [head in JournalHead]: string[] } = { whole: [], empty: [], newer: [], damaged: [] };
  const runIds = reader.journals();
  for (const runId of runIds) {
    signal.throwIfAborted();
    found[headOf(reader.journalPath(runId))].push(runId);
  }
  if (found.newer.length > 0)
    return problem(
      'NEWER_FORMAT',
      `${some(found.newer, 'journal was', 'journals were')} written by a newer apex: ${named(found.newer)}`,
    );
  const unfinished = (await reader.unfinished()).map(({ runId }) => runId);
  const broken = await brokenOf(unfinished, reader, new Set(runIds), found.damaged, signal);
  if (broken.length > 0)
    return problem(
      'JOURNAL_WENT_BACK',
      `the journal of ${some(broken, 'unfinished run', 'unfinished runs')} is gone or damaged: ${named(broken)}`,
      'Ingest again: the stores say what became of it, and the next command settles what it left.',
    );
  return judgeRest(found, setAsideFiles(home), runIds.length);
}

function judgeRest(
  { damaged }: { readonly damaged: readonly string[] },
  setAside: readonly string[],
  journals: number,
): Finding {
  if (damaged.length > 0)
    return warning(
      `${some(damaged, 'journal of a finished run', 'journals of finished runs')} cannot be read: ${named(damaged)}`,
      'Nothing depends on them any more, but check the disk.',
    );
  if (setAside.length > 0)
    return warning(
      `${some(setAside, 'file was', 'files were')} set aside as damaged: ${named(setAside)}`,
      'Check the disk; what they told was taken from elsewhere, so they may be removed.',
    );
  return ok(journals === 0 ? 'none yet' : `${journals}, all in a format that this apex reads`);
}

/** Unfinished runs that are read to their end at most; there are seldom more than a few. */
const MAX_READ = 20;

/** Those of the unfinished runs whose journal is not there, or not whole. */
async function brokenOf(
  unfinished: readonly string[],
  reader: FolderRunReader,
  there: ReadonlySet<string>,
  damaged: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const broken = unfinished.filter((runId) => !there.has(runId) || damaged.includes(runId));
  for (const runId of unfinished.slice(0, MAX_READ)) {
    signal.throwIfAborted();
    if (!broken.includes(runId) && !(await isWholeJournal(reader.journalPath(runId)))) broken.push(runId);
  }
  return broken;
}

/** Other processes set files aside at any time. */
function headOf(path: string): JournalHead {
  try {
    return journalHead(path);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return 'whole';
    throw diskError(error, path);
  }
}

function setAsideFiles(home: string): string[] {
  return ['', 'runs'].flatMap((folder) => {
    const path = join(home, folder);
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [];
    return readdirSync(path).flatMap((name) => (name.endsWith('.damaged') ? [join(folder, name)] : []));
  });
}

/** What is named at most of many. */
const MAX_NAMED = 3;

function some(names: readonly string[], one: string, many: string): string {
  return `${names.length} ${names.length === 1 ? one : many}`;
}

/** The first of them. */
function named(names: readonly string[]): string {
  return `${names.slice(0, MAX_NAMED).join(', ')}${names.length > MAX_NAMED ? ', …' : ''}`;
}

/** Free bytes below which nothing is to be begun any more. */
const MIN_FREE_BYTES = 100_000_000;

/** Whether the disks under these folders have room for what may still be staged. */
export function diskCheck(
  { home, stagingBase }: { readonly home: string; readonly stagingBase: string },
  maxStagingBytes: number,
): Check {
  return {
    name: 'free_disk',
    run: async () => {
      const [data, staging] = await Promise.all([freeSpace(home), freeSpace(stagingBase)]);
      const disks = [
        { place: 'the data directory', ...data },
        ...(staging.device === data.device ? [] : [{ place: 'staging', ...staging }]),
      ];
      const found = disks.map(({ place, freeBytes }) => `${gigabytes(freeBytes)} free under ${place}`).join(', ');
      if (disks.some(({ freeBytes }) => freeBytes < MIN_FREE_BYTES)) return problem('DISK_FULL', found);
      if (staging.freeBytes >= maxStagingBytes) return ok(found);
      return warning(
        `${found}, less than the quota of staging (${gigabytes(maxStagingBytes)})`,
        'Free space, or lower STAGING_MAX_SIZE_GB.',
      );
    },
  };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}
