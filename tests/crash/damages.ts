import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

/** A data directory whose files are to be ruined, with what they may be ruined from. */
export interface Patient {
  readonly home: string;
  /** The data directory as it was a while before: where older copies come from. */
  readonly older: string;
  /** The run that the state is about. Its id is another one each time, so it comes first for the same seed to hit the same file. */
  readonly runId: string;
  readonly random: () => number;
}

/** A way to ruin files. Gives what it did, or null where there is nothing to ruin in this way. */
export type Damage = (patient: Patient) => string | null;

const ENDINGS = ['', '-wal', '-shm'];

/** Files of SQLite that a damage may hit: those of each run, and the registry. */
function databases({ home, runId }: Patient): string[] {
  const isOther = (name: string) => name.endsWith('.db') && name !== `${runId}.db`;
  const runs = [`${runId}.db`, ...readdirSync(join(home, 'runs')).filter(isOther)].map((name) => join('runs', name));
  return ['registry.db', ...runs.filter((name) => existsSync(join(home, name)))];
}

function pick<T>(all: readonly T[], random: () => number): T | null {
  return all.length === 0 ? null : all[Math.floor(random() * all.length)]!;
}

/** One of the files that the damage can hit. */
function pickFile(patient: Patient, endings: readonly string[], isWanted: (name: string) => boolean = () => true) {
  const all = databases(patient).flatMap((name) => endings.map((ending) => `${name}${ending}`));
  return pick(
    all.filter((name) => existsSync(join(patient.home, name)) && isWanted(name)),
    patient.random,
  );
}

/** The files that hold something: logs are empty once they are folded in. */
function pickFilled(patient: Patient): string | null {
  return pickFile(patient, ['', '-wal'], (name) => readFileSync(join(patient.home, name)).length > 0);
}

/** Takes back what a run's own log says was its last state: SQLite must look at the files anew. */
function forgetIndex(home: string, name: string): void {
  rmSync(join(home, `${name.replace(/-wal$/, '')}-shm`), { force: true });
}

function remove(home: string, name: string): void {
  for (const ending of ENDINGS) rmSync(join(home, `${name}${ending}`), { force: true });
}

function replace({ from, name, home, as }: { from: string; name: string; home: string; as: string }): void {
  remove(home, as);
  for (const ending of ['', '-wal'])
    if (existsSync(join(from, `${name}${ending}`)))
      cpSync(join(from, `${name}${ending}`), join(home, `${as}${ending}`));
}

function flip(path: string, bits: number, random: () => number): void {
  const bytes = readFileSync(path);
  for (let count = 0; count < bits; count += 1) {
    const index = Math.floor(random() * bytes.length);
    bytes[index] = bytes[index]! ^ (1 << Math.floor(random() * 8));
  }
  writeFileSync(path, bytes);
}

/** Flips one bit in a text of a table: what no format of a file notices. */
function flipText(path: string, { table, column }: { table: string; column: string }, random: () => number): string {
  const db = new Database(path);
  try {
    const rows = db.prepare(`SELECT rowid AS row, ${column} AS text FROM ${table}`).all() as {
      row: number;
      text: string;
    }[];
    const chosen = pick(rows, random);
    if (chosen === null) return 'nothing: it has no rows';
    const bytes = Buffer.from(chosen.text);
    const index = Math.floor(random() * bytes.length);
    bytes[index] = bytes[index]! ^ (1 << Math.floor(random() * 7));
    db.prepare(`UPDATE ${table} SET ${column} = ? WHERE rowid = ?`).run(bytes.toString(), chosen.row);
    return `byte ${index} of row ${chosen.row}`;
  } finally {
    db.close();
  }
}

function canRead(path: string): boolean {
  let db: Database.Database | null = null;
  try {
    db = new Database(path, { readonly: true });
    return db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() !== 0;
  } catch {
    return false;
  } finally {
    db?.close();
  }
}

/** All ways to ruin the journals and the registry of a data directory. */
export const DAMAGES: { readonly [name: string]: Damage } = {
  'cut short': (patient) => {
    const name = pickFilled(patient);
    if (name === null) return null;
    const path = join(patient.home, name);
    const bytes = Math.floor(readFileSync(path).length * patient.random());
    truncateSync(path, bytes);
    forgetIndex(patient.home, name);
    return `${name} at ${bytes} bytes`;
  },
  'bits flipped in a file': (patient) => {
    const name = pickFilled(patient);
    if (name === null) return null;
    const bits = 1 + Math.floor(patient.random() ** 3 * 200);
    flip(join(patient.home, name), bits, patient.random);
    forgetIndex(patient.home, name);
    return `${bits} bits of ${name}`;
  },
  'a bit flipped in an entry': (patient) => {
    const name = pickFile(patient, [''], (file) => file !== 'registry.db' && canRead(join(patient.home, file)));
    if (name === null) return null;
    return `${name}, ${flipText(join(patient.home, name), { table: 'entry', column: 'body' }, patient.random)}`;
  },
  'a bit flipped in a row of the registry': ({ home, random }) => {
    const column = pick(['run_id', 'kind', 'state', 'started_at', 'targets'], random)!;
    const path = join(home, 'registry.db');
    return canRead(path) ? `${column}, ${flipText(path, { table: 'run', column }, random)}` : null;
  },
  'an entry gone': (patient) => {
    const name = pickFile(patient, [''], (file) => file !== 'registry.db' && canRead(join(patient.home, file)));
    if (name === null) return null;
    const db = new Database(join(patient.home, name));
    const lsns = db.prepare('SELECT lsn FROM entry').pluck().all() as number[];
    const lsn = pick(lsns, patient.random);
    if (lsn !== null) db.prepare('DELETE FROM entry WHERE lsn = ?').run(lsn);
    db.close();
    return lsn === null ? null : `${name}, entry ${lsn} of ${lsns.length}`;
  },
  'the log removed': (patient) => {
    const name = pickFile(patient, ['-wal'], (file) => readFileSync(join(patient.home, file)).length > 0);
    if (name === null) return null;
    rmSync(join(patient.home, name));
    forgetIndex(patient.home, name);
    return name;
  },
  'the index of the log removed': (patient) => {
    const name = pickFile(patient, ['-shm']);
    if (name === null) return null;
    rmSync(join(patient.home, name));
    return name;
  },
  'an older copy': (patient) => {
    const { home, older, random } = patient;
    const name = pick(
      databases(patient).filter((file) => existsSync(join(older, file))),
      random,
    );
    if (name === null) return null;
    replace({ from: older, name, home, as: name });
    return name;
  },
  'older copies of all': (patient) => {
    const { home, older } = patient;
    for (const name of databases(patient)) replace({ from: older, name, home, as: name });
    return 'all';
  },
  emptied: (patient) => {
    const name = pickFile(patient, ['', '-wal']);
    if (name === null) return null;
    truncateSync(join(patient.home, name), 0);
    forgetIndex(patient.home, name);
    return name;
  },
  'the file of another run': (patient) => {
    const runs = databases(patient).filter((name) => name !== 'registry.db');
    const name = pick(runs, patient.random);
    const other = pick(
      runs.filter((run) => run !== name),
      patient.random,
    );
    if (name === null || other === null) return null;
    replace({ from: patient.home, name: other, home: patient.home, as: name });
    return `${other} as ${name}`;
  },
  deleted: (patient) => {
    const name = pick(databases(patient), patient.random);
    if (name === null) return null;
    remove(patient.home, name);
    return name;
  },
  'all deleted': (patient) => {
    for (const name of databases(patient)) remove(patient.home, name);
    return 'all';
  },
  'a row of the registry gone': ({ home, random }) => {
    const path = join(home, 'registry.db');
    if (!canRead(path)) return null;
    const db = new Database(path);
    const runId = pick(db.prepare('SELECT run_id FROM run').pluck().all() as string[], random);
    if (runId !== null) db.prepare('DELETE FROM run WHERE run_id = ?').run(runId);
    db.close();
    return runId;
  },
  'the end of the file written over': (patient) => {
    const name = pickFilled(patient);
    if (name === null) return null;
    const bytes = readFileSync(join(patient.home, name));
    const from = Math.floor(bytes.length * patient.random());
    writeFileSync(join(patient.home, name), bytes.fill(0xa5, from));
    forgetIndex(patient.home, name);
    return `${name} from ${from}`;
  },
};
