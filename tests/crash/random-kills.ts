import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apex, newFolder } from '../helpers/program.ts';
import { endOfCleanup, listRuns, problemsAtRest, problemsOfRollback } from './invariants.ts';
import { killAfter } from './kill-after.ts';
import { embeddedMemory, type Memory, serverMemory } from './memories.ts';
import { randomFrom } from './random.ts';
import { openReader } from './reader.ts';

/** What a soak came to. */
export interface Soak {
  readonly rounds: number;
  readonly kills: number;
  /** Kills of a command that was recovering from a kill. */
  readonly killsInRecovery: number;
  /** How often each command was killed. */
  readonly killed: Readonly<Record<string, number>>;
  /** Searches made while commands ran and were killed. */
  readonly searches: number;
  readonly failures: readonly string[];
}

/** Is told the number of a round that is done and what was found in it, and says whether that is all. */
export type OnRound = (round: number, problems: readonly string[]) => 'go on' | 'end';

/** Whose memory is to stay right. */
export interface Patient {
  openMemory(home: string): Memory;
  /** The longest a command is left alone before it is killed. Most take less, and are then not killed. */
  readonly maxLifeMs: number;
}

const EMBEDDED: Patient = { openMemory: embeddedMemory, maxLifeMs: 700 };

/** Memories on servers, where a command takes longer. @param newEnvironment names servers, and places of its own in them. */
export function onServers(newEnvironment: () => Readonly<Record<string, string>>): Patient {
  return { openMemory: (home) => serverMemory(home, newEnvironment()), maxLifeMs: 2_500 };
}

/** How long a command is left that is not to be killed. */
const DUEL_PATIENCE_MS = 120_000;
const MAX_DOCUMENTS = 12;
/** The share of kills that are followed by a kill of the recovery. */
const RECOVERY_KILLS = 0.3;
/** The share of rounds in which two commands work on the same at once. */
const DUELS = 0.5;
/** The share of those commands that are killed. */
const DUEL_KILLS = 0.5;
/** The share of rounds in which what is gone from the folder is deleted. */
const SYNCED_ROUNDS = 0.5;
/** The share of rounds in which somebody searches all the time; in the others no process keeps the memory open over a kill. */
const READ_ROUNDS = 0.5;
/** How often the memory is compared with a fresh one. */
const COMPARED_EVERY = 10;
/** A secret that must be in no file. */
const CANARY = 'canary-5b1f0c7e';
const ENVIRONMENT = { APEX_BATCH_SIZE: '4', OPENAI_API_KEY: CANARY };

/**
 * Goal: whatever is killed whenever, the memory stays right. Method: a folder changes, a command over it is killed at a random
 * moment, recovery too at times; then the command is done again and checked. In half of the rounds two commands that want the same
 * go on at once first: two retries, two syncs, an ingest beside a delete or a repair. Somebody searches meanwhile in half of the rounds.
 *
 * Checked: one current version a document (I1), every store complete (I2, by `verify`), a visible document never partial or
 * absent (I3, by the reader), what was reported as written stays (I4), nothing left over (I5), rollback leaves what was visible as
 * it was (I6), the same memory as a fresh one of the same folder (I7, every tenth round), the journal never behind its mirror (I9), live
 * owners left alone by cleanup (I11), nothing parked and exit status 5 never seen (I12), no secret in any file (I13), modes and no
 * links (I14), good documents never quarantined (I18).
 */
export async function randomKills(
  rounds: number,
  seed: number,
  onRound: OnRound = () => 'go on',
  patient = EMBEDDED,
): Promise<Soak> {
  const soak = new RandomKills(seed, patient);
  try {
    return await playRounds(soak, rounds, onRound);
  } finally {
    await soak.remove();
  }
}

/** What is played round by round. */
interface Played {
  round(round: number): Promise<void>;
  /** So far. */
  readonly result: Omit<Soak, 'rounds'>;
}

/** Plays as many rounds, or fewer where `onRound` ends them. @param after each round, what else is looked at before it counts as done. */
export async function playRounds(
  soak: Played,
  rounds: number,
  onRound: OnRound,
  after: (round: number, isEnded: boolean) => Promise<void> = async () => {},
): Promise<Soak> {
  let told = 0;
  for (let round = 1; ; round += 1) {
    await soak.round(round);
    const { failures } = soak.result;
    const isEnded = onRound(round, failures.slice(told)) === 'end' || round >= rounds;
    told = failures.length;
    await after(round, isEnded);
    if (isEnded) return { rounds: round, ...soak.result };
  }
}

class RandomKills {
  readonly #random: () => number;
  readonly #root = newFolder('soak');
  readonly #home = join(this.#root, 'home');
  readonly #documents = join(this.#root, 'documents');
  readonly #patient: Patient;
  readonly #memory: Memory;
  readonly #env: Readonly<Record<string, string>>;
  readonly #failures: string[] = [];
  readonly #killed: Record<string, number> = {};
  #killsInRecovery = 0;
  #searches = 0;
  /** The newest version of each document that a command said it had written, in this round. */
  #reported = new Map<string, number>();
  #deleted = new Set<string>();
  #isSynced = false;
  /** Something was damaged for a repair to find. */
  #isDamaged = false;
  #round = 0;

  constructor(seed: number, patient: Patient) {
    this.#random = randomFrom(seed);
    this.#patient = patient;
    this.#memory = patient.openMemory(this.#home);
    this.#env = { ...this.#memory.env, ...ENVIRONMENT };
    mkdirSync(this.#documents, { recursive: true });
  }

  get result(): Omit<Soak, 'rounds'> {
    const killed = this.#killed;
    const kills = Object.values(killed).reduce((sum, count) => sum + count, 0);
    return {
      kills,
      killsInRecovery: this.#killsInRecovery,
      killed,
      searches: this.#searches,
      failures: this.#failures,
    };
  }

  async remove(): Promise<void> {
    await this.#memory.close();
    rmSync(this.#root, { recursive: true, force: true });
  }

  async round(round: number): Promise<void> {
    const found: string[] = [];
    this.#reported = new Map();
    this.#deleted = new Set();
    this.#round = round;
    // Only a sync forgets what is gone, as a fresh memory never knew it.
    this.#isSynced = round % COMPARED_EVERY === 0 || this.#random() < SYNCED_ROUNDS;
    const isRead = round > 1 && this.#random() < READ_ROUNDS;
    const reader = isRead ? await openReader(this.#memory) : null;
    this.#change(round);
    if (round > 1 && this.#random() < DUELS) await this.#duel();
    if (await this.#isKilled(await this.#chooseCommand())) {
      while (this.#random() < RECOVERY_KILLS) {
        if (await this.#isKilled(this.#chooseRecovery())) this.#killsInRecovery += 1;
      }
      if (this.#random() < 0.2) found.push(...(await this.#rollBack()));
    }
    found.push(...(await this.#finish()));
    if (reader !== null) {
      const { searches, problems } = await reader.close();
      this.#searches += searches;
      found.push(...problems);
    }
    found.push(...(await problemsAtRest(this.#memory, { secret: CANARY, isGood: (uri) => !this.#isBad(uri) })));
    found.push(...(await this.#lostReports()));
    if (round % COMPARED_EVERY === 0) found.push(...(await this.#differencesFromFresh()));
    this.#failures.push(...found.map((problem) => `round ${round}: ${problem}`));
  }

  /** Adds, changes and removes some documents; one is always damaged, and one is always there and always changed. */
  #change(round: number): void {
    const count = 1 + Math.floor(this.#random() * 4);
    for (let index = 0; index < count; index += 1) {
      const number = Math.floor(this.#random() * MAX_DOCUMENTS);
      const load = `LD-${600_000 + Math.floor(this.#random() * 20)}`;
      const date = `January ${1 + Math.floor(this.#random() * 28)}, 2026`;
      const text = `# Load ${load}\n\nDate: ${date}\n\nLoad number: ${load}\nCarrier: Carrier ${number % 3} Freight LLC\n\nNote ${Math.floor(this.#random() * 1e6)}.\n`;
      writeFileSync(join(this.#documents, `document-${number}.md`), text);
    }
    writeFileSync(join(this.#documents, 'damaged.pdf'), '%PDF-1.7 damaged');
    rmSync(join(this.#documents, `document-${Math.floor(this.#random() * MAX_DOCUMENTS)}.md`), { force: true });
    // Empty in its first round, good in its second, gone in its third.
    writeFileSync(this.#late(round), '');
    if (existsSync(this.#late(round - 1)))
      writeFileSync(this.#late(round - 1), `Load number: LD-${round}\n\nLate, but here.\n`);
    rmSync(this.#late(round - 2), { force: true });
    writeFileSync(
      join(this.#documents, 'anchor.md'),
      `Load number: LD-999999\n\nThe lighthouse is in round ${round}.\n`,
    );
  }

  #late(round: number): string {
    return join(this.#documents, `late-${round}.txt`);
  }

  /** Is it in quarantine by right: damaged, empty, or gone before anybody read it again? */
  #isBad(sourceUri: string): boolean {
    return /\/(?:damaged\.pdf|late-\d+\.txt)$/.test(sourceUri) && !sourceUri.endsWith(`/late-${this.#round - 1}.txt`);
  }

  get #ingest(): string[] {
    return ['ingest', this.#documents, ...(this.#isSynced ? ['--sync'] : [])];
  }

  async #chooseCommand(): Promise<string[]> {
    return this.#random() < 0.8 ? this.#ingest : this.#chooseDelete();
  }

  async #chooseDelete(): Promise<string[]> {
    const ids = (await this.#memory.current())
      .filter(({ sourceUri }) => !sourceUri.endsWith('/anchor.md') && this.#random() < 0.3)
      .map(({ documentId }) => documentId);
    return ids.length === 0 ? this.#ingest : ['delete', ...ids];
  }

  /** Two commands that want the same at once; either may be killed. */
  async #duel(): Promise<void> {
    const choice = Math.floor(this.#random() * 4);
    const retry = ['retry', '--all'];
    const sync = ['ingest', this.#documents, '--sync'];
    if (choice === 3) await this.#damageSome();
    const pair = [
      [retry, retry],
      [sync, sync],
      [this.#ingest, await this.#chooseDelete()],
      [['verify', '--repair'], this.#ingest],
    ][choice]!;
    const isKilled = pair.map(() => this.#random() < DUEL_KILLS);
    await Promise.all(pair.map((args, index) => this.#isKilled(args, isKilled[index] ? undefined : DUEL_PATIENCE_MS)));
  }

  /** Takes the vectors of one document away, and damages another in the graph. */
  async #damageSome(): Promise<void> {
    const ids = (await this.#memory.current())
      .filter(({ sourceUri }) => !sourceUri.endsWith('/anchor.md'))
      .map(({ documentId }) => documentId);
    const pick = () => ids[Math.floor(this.#random() * ids.length)] ?? '';
    await this.#memory.damage(pick(), pick());
    this.#isDamaged = true;
  }

  #chooseRecovery(): string[] {
    const run = listRuns(this.#home).find(({ state }) => state === 'running' || state === 'interrupted');
    const choice = this.#random();
    if (run !== undefined && choice < 0.3) return ['rollback', run.runId];
    if (choice < 0.6) return ['resume'];
    return choice < 0.8 ? ['cleanup'] : this.#ingest;
  }

  /** Starts a command and kills it after a random time, or the given one. False when it had ended by itself before. */
  async #isKilled(args: readonly string[], afterMs = 60 + this.#random() * this.#patient.maxLifeMs): Promise<boolean> {
    const env = { APEX_HOME: this.#home, ...this.#env };
    const { signal, stdout, exitCode, stderr } = await killAfter(args, env, afterMs);
    this.#note(stdout);
    // What a killed ingest left beside it may be more than a repair can heal at once.
    const isExpected = exitCode === 5 && args.includes('--repair');
    if ((exitCode === 5 && !isExpected) || exitCode === 70)
      this.#failures.push(`${args[0]} ended with ${exitCode}: ${stderr}`);
    if (signal !== 'SIGKILL') return false;
    this.#killed[args[0]!] = (this.#killed[args[0]!] ?? 0) + 1;
    return true;
  }

  /** Rolls the interrupted runs back, undisturbed, the newest first: what was visible is as it was. Two may have been killed side by side. */
  async #rollBack(): Promise<string[]> {
    const runs = listRuns(this.#home).filter(({ state }) => state === 'running' || state === 'interrupted');
    // Killed before it began a run, and then there may be no memory yet either.
    if (runs.length === 0) return [];
    const before = await this.#memory.visible();
    for (const { runId } of runs) {
      const { exitCode, stderr } = await this.#apex('rollback', runId);
      if (exitCode !== 4) return [`rollback ended with ${exitCode}: ${stderr}`];
    }
    return problemsOfRollback(this.#memory, before);
  }

  /** Brings the folder's state in; a cleanup beside it must not disturb it. */
  async #finish(): Promise<string[]> {
    const isCleaned = this.#random() < 0.2;
    const [ingested, cleaned] = await Promise.all([
      this.#apex(...this.#ingest),
      isCleaned ? this.#apex('cleanup') : null,
    ]);
    const repaired = this.#isDamaged ? await this.#apex('verify', '--repair') : null;
    this.#isDamaged = false;
    return [
      ...(repaired === null || repaired.exitCode === 0
        ? []
        : [`repair ended with ${repaired.exitCode}: ${repaired.stdout}${repaired.stderr}`]),
      ...(ingested.exitCode === 3 ? [] : [`the last ingest ended with ${ingested.exitCode}: ${ingested.stderr}`]),
      ...(cleaned === null || cleaned.exitCode === endOfCleanup(cleaned)
        ? []
        : [`cleanup ended with ${cleaned.exitCode}: ${cleaned.stdout}${cleaned.stderr}`]),
    ];
  }

  async #apex(...args: string[]) {
    const finished = await apex([...args, '--json'], { home: this.#home, env: this.#env });
    this.#note(finished.stdout);
    return finished;
  }

  /** Takes in what a command said it had done; the last line of a killed one may be torn. */
  #note(stdout: string): void {
    for (const line of stdout.split('\n')) {
      const [, documentId, version] =
        /^{"event":"document".*"document_id":"([^"]+)".*"version":(\d+|null)/.exec(line) ?? [];
      if (documentId === undefined) continue;
      if (line.includes('"outcome":"deleted"')) this.#deleted.add(documentId);
      else if (version !== 'null') this.#reported.set(documentId, Number(version));
    }
  }

  /** A document that was reported as written is current in that version or a later one, unless it was deleted in the same round. */
  async #lostReports(): Promise<string[]> {
    const current = new Map((await this.#memory.current()).map(({ documentId, version }) => [documentId, version]));
    return [...this.#reported]
      .filter(([documentId, version]) => !this.#deleted.has(documentId) && (current.get(documentId) ?? 0) < version)
      .map(
        ([documentId, version]) => `${documentId} was reported as version ${version} and is ${current.get(documentId)}`,
      );
  }

  async #differencesFromFresh(): Promise<string[]> {
    const home = newFolder('soak-fresh');
    const fresh = this.#patient.openMemory(home);
    await apex(['ingest', this.#documents, '--json'], { home, env: { ...fresh.env, ...ENVIRONMENT } });
    const isSame = JSON.stringify(await fresh.state()) === JSON.stringify(await this.#memory.state());
    await fresh.close();
    rmSync(home, { recursive: true, force: true });
    return isSame ? [] : ['the memory differs from a fresh one of the same folder'];
  }
}
