import { readFileSync, statSync } from 'node:fs';

/** One line of the kernel's list: `12: POSIX  ADVISORY  WRITE 4711 fe:00:131075 1073741824 1073742335`. */
const LINE = /^\d+: (?:->)? *\S+ +\S+ +\S+ +(-?\d+) +([\da-f]+):([\da-f]+):(\d+) /;

/**
 * The processes that hold a lock on a file, as far as the kernel tells: none where it keeps no list, where it has no number for
 * them (they are in another container), or where nothing is there. Source: `/proc/locks` in the manual page proc(5).
 */
export function lockHolders(path: string, listPath = '/proc/locks'): number[] {
  let list: string;
  let key: string;
  try {
    list = readFileSync(listPath, 'utf8');
    const { dev, ino } = statSync(path, { bigint: true });
    key = `${majorOf(dev)}:${minorOf(dev)}:${ino}`;
  } catch {
    return [];
  }
  const holders = new Set<number>();
  for (const line of list.split('\n')) {
    const [, process = '', major = '', minor = '', inode = ''] = LINE.exec(line) ?? [];
    const isHeld = `${Number.parseInt(major, 16)}:${Number.parseInt(minor, 16)}:${inode}` === key;
    if (isHeld && Number(process) > 0) holders.add(Number(process));
  }
  return [...holders];
}

/** How Linux packs the two halves of a device's number. Source: the manual page makedev(3). */
function majorOf(device: bigint): bigint {
  return ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
}

function minorOf(device: bigint): bigint {
  return (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
}
