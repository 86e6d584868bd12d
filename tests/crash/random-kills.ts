import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { dumpMemory } from '../helpers/dump.ts';
import { apex, newFolder } from '../helpers/program.ts';
import { randomFrom } from './random.ts';

/** What a soak came to. */
export interface Soak {
  readonly rounds: number;
  readonly kills: number;
  /** Kills of a command that was recovering from a kill. */
  readonly killsInRecovery: number;
  readonly failures: readonly string[];
}

/** The longest a command is left alone before it is killed. Most take less, and are then not killed. */
const MAX_LIFE_MS = 700;
const MAX_DOCUMENTS = 12;
/** The share of kills that are followed by a kill of the recovery. */
const RECOVERY_KILLS = 0.3;
const SETTINGS = { APEX_BATCH_SIZE: '4' };

/**
 * Goal: whatever is killed whenever, the memory stays right. Method: a folder changes, a command over it is killed at a random
 * moment, recovery too at times; then the command is done again and checked.
 *
 * After each round: one current version a document (I1), every store complete (I2, I4, I9 by `verify`), nothing left over (I5),
 * the same memory as a fresh one of the same folder now and then (I7), live owners left alone (I11), nothing parked (I12), no
 * secret in any file (I13), modes (I14), good documents not quarantined (I18).
 */
export async function randomKills(
  rounds: number,
  seed: number,
  onRound: (round: number) => void = () => {},
): Promise<Soak> {
  const random = randomFrom(seed);
  const root = newFolder('soak');
  const home = join(root, 'home');
  const documents = join(root, 'documents');
  mkdirSync(documents, { recursive: true });
  const failures: string[] = [];
  let kills = 0;
  let killsInRecovery = 0;
  for (let round = 1; round <= rounds; round += 1) {
    change(documents, random);
    const args = await chooseCommand(home, documents, random);
    if (await killed(args, home, random)) {
      kills += 1;
      while (random() < RECOVERY_KILLS) {
        const recovery = await chooseRecovery(home, documents, random);
        if (await killed(recovery, home, random)) [kills, killsInRecovery] = [kills + 1, killsInRecovery + 1];
      }
    }
    await apex(['ingest', documents, '--json'], { home, env: ENVIRONMENT });
    failures.push(
      ...(await problems(home, documents, round % COMPARED_EVERY === 0)).map((problem) => `round ${round}: ${problem}`),
    );
    onRound(round);
  }
  rmSync(root, { recursive: true, force: true });
  return { rounds, kills, killsInRecovery, failures };
}

/** A secret that must be in no file. */
const CANARY = 'canary-5b1f0c7e';
const ENVIRONMENT = { ...SETTINGS, OPENAI_API_KEY: CANARY };
/** How often the memory is compared with a fresh one. */
const COMPARED_EVERY = 10;

/** Adds, changes and removes some documents; one is always damaged. */
function change(folder: string, random: () => number): void {
  const count = 1 + Math.floor(random() * 4);
  for (let index = 0; index < count; index += 1) {
    const number = Math.floor(random() * MAX_DOCUMENTS);
    const load = `LD-${600_000 + Math.floor(random() * 20)}`;
    const text = `# Load ${load}\n\nDate: January ${1 + Math.floor(random() * 28)}, 2026\n\nLoad number: ${load}\nCarrier: Carrier ${number % 3} Freight LLC\n\nNote ${Math.floor(random() * 1e6)}.\n`;
    writeFileSync(join(folder, `document-${number}.md`), text);
  }
  writeFileSync(join(folder, 'damaged.pdf'), '%PDF-1.7 damaged');
}

async function chooseCommand(home: string, documents: string, random: () => number): Promise<string[]> {
  if (random() < 0.8) return ['ingest', documents, '--json'];
  const { lines } = await apex(['documents', 'list', '--json'], { home, env: ENVIRONMENT });
  const ids = lines.map(({ document_id }) => String(document_id)).filter(() => random() < 0.3);
  return ids.length === 0 ? ['ingest', documents, '--json'] : ['delete', ...ids, '--json'];
}

async function chooseRecovery(home: string, documents: string, random: () => number): Promise<string[]> {
  const { lines } = await apex(['runs', 'list', '--json'], { home, env: ENVIRONMENT });
  const run = lines.find(({ state }) => state === 'running' || state === 'interrupted');
  const choice = random();
  if (run !== undefined && choice < 0.3) return ['rollback', String(run['run_id']), '--json'];
  if (choice < 0.6) return ['resume', '--json'];
  return choice < 0.8 ? ['cleanup', '--json'] : ['ingest', documents, '--json'];
}

/** Starts a command and kills it after a random time. False when it had ended by itself before. */
async function killed(args: readonly string[], home: string, random: () => number): Promise<boolean> {
  const running = execa(process.execPath, ['bin/apex.js', ...args], {
    env: { APEX_HOME: home, ...ENVIRONMENT },
    reject: false,
    stdin: 'ignore',
  });
  await Promise.race([running, delay(60 + random() * MAX_LIFE_MS)]);
  running.kill('SIGKILL');
  return (await running).signal === 'SIGKILL';
}

async function problems(home: string, documents: string, isCompared: boolean): Promise<string[]> {
  const found: string[] = [];
  const verified = await apex(['verify', '--json'], { home, env: ENVIRONMENT });
  if (verified.exitCode !== 0) found.push(`verify: ${verified.stdout}${verified.stderr}`);
  const dump = dumpMemory(home);
  const left = [
    ...dump['unsettled']!,
    ...dump['unmentioned']!,
    ...dump['leftovers']!.filter((row) => (row as { rows: number }).rows > 0),
  ];
  if (left.length > 0) found.push(`left over: ${JSON.stringify(left)}`);
  const setAside = (dump['quarantine'] as { source_uri: string }[]).map(({ source_uri }) => source_uri);
  if (setAside.some((uri) => !uri.endsWith('/damaged.pdf')))
    found.push(`a good document is quarantined: ${setAside.join(', ')}`);
  found.push(...(await strangeFiles(home)));
  if (!isCompared) return found;
  const fresh = newFolder('soak-fresh');
  await apex(['ingest', documents, '--json'], { home: fresh, env: ENVIRONMENT });
  const isSame = JSON.stringify(dumpMemory(fresh)) === JSON.stringify(dump);
  rmSync(fresh, { recursive: true, force: true });
  return isSame ? found : [...found, 'the memory differs from a fresh one of the same folder'];
}

/** Files that others may read, or that hold the secret. */
async function strangeFiles(home: string): Promise<string[]> {
  const { stdout } = await execa('grep', ['-rl', CANARY, home], { reject: false });
  const open = readdirSync(home, { recursive: true, encoding: 'utf8' }).filter(
    (name) => (statSync(join(home, name), { throwIfNoEntry: false })?.mode ?? 0) & 0o077,
  );
  return [
    ...(stdout === '' ? [] : [`the secret is in ${stdout}`]),
    ...(open.length === 0 ? [] : [`others may read ${open.join(', ')}`]),
  ];
}
