import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../lib/contracts/error-codes.ts';
import { dumpCurrent, dumpRecords } from '../helpers/dump-records.ts';
import { fetchRecords } from '../helpers/fetch.ts';
import { assembleMachine } from '../helpers/machine.ts';
import { apex, newFolder } from '../helpers/program.ts';
import { openChangingFleet } from './changing-fleet.ts';
import { openChangingFreight } from './changing-freight.ts';
import { type ChangingWorld, picksFrom } from './changing-world.ts';
import { listRuns, problemsAtRest } from './invariants.ts';
import { killAfter } from './kill-after.ts';
import { embeddedMemory } from './memories.ts';
import { randomFrom } from './random.ts';
import type { OnRound, Soak } from './random-kills.ts';

interface RecordKillOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly onRound?: OnRound;
  /** The sources move on between a kill and what follows it, too. Then only what holds in the end is the same. */
  readonly isMoving: boolean;
}

/** The share of kills that are followed by another kill. */
const RECOVERY_KILLS = 0.4;
/** The share of kills after which the source moves on, where it may. */
const MOVES = 0.5;
/** The share of rounds in which the same command is given twice at once. */
const DUELS = 0.2;
/** How often all stores are compared with each other. */
const VERIFIED_EVERY = 5;
/** The tokens of the loopback servers: their common part must be in no file. */
const SECRET = 'of-the-tests';

/**
 * Goal: whenever `apex ingest-json` is killed, given again it comes to what it would have come to undisturbed. Method: two sources
 * change, the command over one of them is killed at a random moment, at times again while it recovers, and given again until
 * it ends. A second memory meets the same sources undisturbed, and must be the same: things with all their facts, past ones too,
 * readings, latest values, where each stream stands, and what was rejected.
 */
export async function randomRecordKills(options: RecordKillOptions): Promise<Soak> {
  const kills = await RecordKills.open(options);
  const { rounds, onRound = () => 'go on' } = options;
  try {
    let told = 0;
    for (let round = 1; ; round += 1) {
      await kills.round(round);
      const { failures } = kills.result;
      const isEnded = onRound(round, failures.slice(told)) === 'end';
      if (isEnded || round >= rounds) {
        await kills.verify(round);
        return { rounds: round, ...kills.result };
      }
      told = failures.length;
    }
  } finally {
    kills.remove();
  }
}

class RecordKills {
  readonly #pick: ReturnType<typeof picksFrom>;
  readonly #isMoving: boolean;
  readonly #root = newFolder('record-kills');
  readonly #home = join(this.#root, 'home');
  readonly #twin = join(this.#root, 'twin');
  readonly #closing: (() => void)[] = [];
  readonly #failures: string[] = [];
  readonly #killed: Record<string, number> = {};
  #worlds: readonly ChangingWorld[] = [];
  #killsInRecovery = 0;
  /** How long a command took that nobody killed: kills fall within it. */
  #lastMs = 1_000;

  private constructor({ seed, isMoving }: RecordKillOptions) {
    this.#pick = picksFrom(randomFrom(seed));
    this.#isMoving = isMoving;
  }

  /** Two memories that have met both sources. */
  static async open(options: RecordKillOptions): Promise<RecordKills> {
    const kills = new RecordKills(options);
    const atEnd = (close: () => void) => kills.#closing.push(close);
    const random = randomFrom(options.seed + 1);
    kills.#worlds = [await openChangingFleet(random, atEnd), await openChangingFreight(random, atEnd)];
    for (const world of kills.#worlds) kills.#failures.push(...(await kills.#finish(world)));
    cpSync(kills.#home, kills.#twin, { recursive: true });
    return kills;
  }

  get result(): Omit<Soak, 'rounds'> {
    const killed = this.#killed;
    const kills = Object.values(killed).reduce((sum, count) => sum + count, 0);
    return { kills, killsInRecovery: this.#killsInRecovery, killed, searches: 0, failures: this.#failures };
  }

  remove(): void {
    for (const close of this.#closing) close();
    rmSync(this.#root, { recursive: true, force: true });
  }

  async round(round: number): Promise<void> {
    const found: string[] = [];
    const world = this.#pick.of(this.#worlds);
    world.change();
    let hasMoved = false;
    const isKilled = this.#pick.is(DUELS)
      ? (await Promise.all([this.#isKilled(world, 'ingest-json'), this.#isKilled(world, 'ingest-json')])).includes(true)
      : await this.#isKilled(world, 'ingest-json');
    while (isKilled && this.#pick.is(RECOVERY_KILLS)) {
      if (this.#isMoving && this.#pick.is(MOVES)) {
        world.change();
        hasMoved = true;
      }
      if (await this.#isKilled(world, this.#pick.of(['ingest-json', 'resume', 'rollback', 'cleanup'])))
        this.#killsInRecovery += 1;
    }
    found.push(...(await this.#finish(world)));
    // What is interrupted goes on within its own bounds; what has changed since comes with the next.
    if (hasMoved) found.push(...(await this.#finish(world)));
    await fetchUndisturbed(this.#twin, world);
    found.push(...this.#differences());
    this.#failures.push(...found.map((problem) => `round ${round}: ${problem}`));
    if (round % VERIFIED_EVERY === 0) await this.verify(round);
  }

  /** Compares the stores with each other, and looks for what is left over, parked, or readable by others. */
  async verify(round: number): Promise<void> {
    const memory = embeddedMemory(this.#home);
    const problems = await problemsAtRest(memory, { secret: SECRET, isGood: () => true });
    this.#failures.push(...problems.map((problem) => `round ${round}: ${problem}`));
  }

  /** Kills a command at a random moment. False when it had ended by itself before. */
  async #isKilled(world: ChangingWorld, command: string): Promise<boolean> {
    const run = listRuns(this.#home).find(({ state }) => state === 'running' || state === 'interrupted');
    if (command === 'rollback' && run === undefined) return false;
    const args = command === 'rollback' ? [command, run!.runId] : command === 'ingest-json' ? argsOf(world) : [command];
    const env = { APEX_HOME: this.#home, ...world.api.env };
    const { signal, exitCode, stderr } = await killAfter(args, env, 50 + this.#pick.below(this.#lastMs));
    if (exitCode === EXIT.needsAttention || exitCode === EXIT.bug)
      this.#failures.push(`${command} ended with ${exitCode}: ${stderr}`);
    if (signal !== 'SIGKILL') return false;
    this.#killed[command] = (this.#killed[command] ?? 0) + 1;
    return true;
  }

  /** Gives the command until it ends. */
  async #finish(world: ChangingWorld): Promise<string[]> {
    const startedMs = performance.now();
    const { exitCode, stdout, stderr } = await apex([...argsOf(world), '--json'], {
      home: this.#home,
      env: world.api.env,
    });
    this.#lastMs = Math.ceil(performance.now() - startedMs);
    if (exitCode === EXIT.done || exitCode === EXIT.quarantined) return [];
    return [`ingest-json ended with ${exitCode}: ${stdout}${stderr}`];
  }

  #differences(): string[] {
    const dump = this.#isMoving ? dumpCurrent : dumpRecords;
    const [here, there] = [dump(this.#home), dump(this.#twin)];
    return Object.entries(there).flatMap(([table, rows]) => {
      const others = here[table]!;
      if (JSON.stringify(others) === JSON.stringify(rows)) return [];
      const more = others.filter((row) => !rows.includes(row));
      const missing = rows.filter((row) => !others.includes(row));
      return [
        `${table} differ: there is ${more.join(' ').slice(0, 2_000)}, and not ${missing.join(' ').slice(0, 2_000)}`,
      ];
    });
  }
}

function argsOf({ source }: ChangingWorld): string[] {
  return ['ingest-json', '--source', source];
}

/** What the command does, in this process. */
async function fetchUndisturbed(home: string, { source, api: { env } }: ChangingWorld): Promise<void> {
  const { machine, close } = await assembleMachine(home, { env });
  try {
    await fetchRecords(machine, source);
  } finally {
    await close();
  }
}
