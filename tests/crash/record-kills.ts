import { EXIT } from '../../lib/contracts/error-codes.ts';
import { type ChangingWorld, picksFrom } from './changing-world.ts';
import { byProgram, doOn, inProcess } from './drivers.ts';
import { listRuns, problemsAtRest } from './invariants.ts';
import { killAfter } from './kill-after.ts';
import { randomFrom } from './random.ts';
import { type OnRound, type Patient, playRounds, type Soak } from './random-kills.ts';
import { differencesOf, dumpMet, type Look } from './record-dumps.ts';
import { mendSome } from './record-mending.ts';
import { openRecordPlace, type RecordPlace } from './record-place.ts';

interface RecordKillOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly onRound?: OnRound;
  /** The sources move on between a kill and what follows it, too. Then only what holds in the end is the same. */
  readonly isMoving: boolean;
  /** Opens the memory that commands are killed over; embedded unless said. */
  readonly openMemory?: Patient['openMemory'];
}

/** The share of kills that are followed by another kill. */
const RECOVERY_KILLS = 0.4;
/** The share of kills after which the source moves on, where it may. */
const MOVES = 0.5;
/** The share of rounds in which the same command is given twice at once. */
const DUELS = 0.2;
/** The share of rounds in which rejected records are tried again, instead of a source asked. */
const RETRIES = 0.25;
/** How else a source may be asked. */
const FLAGS = [[], [], [], ['--sync'], ['--sync'], ['--all']] as const;
/** The share of commands that end a round which are given to the built program; the others to the same code in this process. */
const BY_PROGRAM = 0.3;
/** For so much of its time a command is starting; of the kills this share may fall within it, too. */
const STARTING = 0.4;
const STARTING_KILLS = 0.2;
/** How often all stores are compared with each other, besides at the end. */
const VERIFIED_EVERY = 10;
/** A `--sync` that goes on where another was killed deletes nothing, and says so: what it did not see comes with the next. */
const UNSEEN = 'did not see it from its beginning';
const MAX_TIMES = 3;
/** The tokens of the loopback servers: their common part must be in no file. */
const SECRET = 'of-the-tests';

/** What a round is about. */
interface Task {
  readonly args: readonly string[];
  /** The source that is asked; null: none is. */
  readonly world: ChangingWorld | null;
}

/**
 * Goal: whenever `apex ingest-json` or `apex records retry` is killed, given again it comes to what it would have come to undisturbed.
 * Method: three sources change; a command over one of them, or over what of them was rejected, is killed at a random moment, at times
 * again while it recovers, and given again until it ends. A second memory, an embedded one, meets the same undisturbed, and must be
 * the same: things with all their facts, past ones too, readings, latest values, where each stream stands, and what was rejected.
 */
export async function randomRecordKills(options: RecordKillOptions): Promise<Soak> {
  const { rounds, onRound = () => 'go on' } = options;
  const place = await openRecordPlace(options.seed + 1, options.openMemory);
  try {
    const kills = new RecordKills(place, options);
    await kills.meetAll();
    return await playRounds(kills, rounds, onRound, async (round, isEnded) => {
      if (isEnded || round % VERIFIED_EVERY === 0) await kills.verify(round);
    });
  } finally {
    await place.close();
  }
}

class RecordKills {
  readonly #place: RecordPlace;
  readonly #pick: ReturnType<typeof picksFrom>;
  readonly #look: Look;
  readonly #failures: string[] = [];
  readonly #killed: Record<string, number> = {};
  #killsInRecovery = 0;
  /** How long the built program took that nobody killed: kills fall within it. */
  #lastMs = 1_000;

  constructor(place: RecordPlace, { seed, isMoving }: RecordKillOptions) {
    this.#place = place;
    this.#pick = picksFrom(randomFrom(seed));
    this.#look = { isMoving, isByContract: !place.memory.hasOneCommit };
  }

  get result(): Omit<Soak, 'rounds'> {
    const killed = this.#killed;
    const kills = Object.values(killed).reduce((sum, count) => sum + count, 0);
    return { kills, killsInRecovery: this.#killsInRecovery, killed, searches: 0, failures: this.#failures };
  }

  /** Both memories meet the sources as they are at first. */
  async meetAll(): Promise<void> {
    for (const world of this.#place.worlds) {
      const task = { args: argsOf(world), world };
      this.#failures.push(...(await this.#finish(task)), ...(await this.#meetUndisturbed(task)));
    }
  }

  async round(round: number): Promise<void> {
    const task = await this.#chooseTask();
    const killOnce = () => this.#isKilled(task.args);
    const isKilled = this.#pick.is(DUELS)
      ? (await Promise.all([killOnce(), killOnce()])).includes(true)
      : await killOnce();
    const hasMoved = isKilled && (await this.#killRecoveries(task));
    const found = await this.#finish(task);
    // Of two that were killed one is gone on with. The other would be by a later resume, and fetch what is gone by then.
    const isLeft = this.#interrupted() !== undefined;
    if (isLeft) found.push(...(await this.#finish({ ...task, args: ['resume'] })));
    // What is interrupted goes on within its own bounds; what has changed since comes with the next.
    if (isLeft || hasMoved) found.push(...(await this.#finish(task)));
    found.push(...(await this.#meetUndisturbed(task)), ...(await this.#differences()));
    this.#failures.push(...found.map((problem) => `round ${round}, ${task.args.join(' ')}: ${problem}`));
  }

  /** Compares the stores with each other, and looks for what is left over, parked, or readable by others. */
  async verify(round: number): Promise<void> {
    const problems = await problemsAtRest(this.#place.memory, { secret: SECRET, isGood: () => true });
    this.#failures.push(...problems.map((problem) => `round ${round}: ${problem}`));
  }

  /** Something changes for it, too. */
  async #chooseTask(): Promise<Task> {
    const { worlds, memory, twin } = this.#place;
    if (this.#pick.is(RETRIES) && (await mendSome([memory, twin], this.#pick)) > 0)
      return { args: ['records', 'retry'], world: null };
    const world = this.#pick.of(worlds);
    const args = [...argsOf(world), ...this.#pick.of(FLAGS)];
    this.#move({ args, world });
    return { args, world };
  }

  /** What comes and goes between two looks is met by one memory alone, so that only what is synced has something go. */
  #move({ args, world }: Task): void {
    if (args.includes('--sync')) world?.remove();
    world?.change();
  }

  /** Kills what follows a kill, at times. @returns whether the source has moved on meanwhile. */
  async #killRecoveries(task: Task): Promise<boolean> {
    let hasMoved = false;
    while (this.#pick.is(RECOVERY_KILLS)) {
      if (this.#look.isMoving && task.world !== null && this.#pick.is(MOVES)) {
        this.#move(task);
        hasMoved = true;
      }
      const recovery = this.#pick.of([task.args, ['resume'], ['rollback'], ['cleanup']]);
      if (await this.#isKilled(recovery)) this.#killsInRecovery += 1;
    }
    return hasMoved;
  }

  #interrupted() {
    return listRuns(this.#place.memory.home).find(({ state }) => state === 'running' || state === 'interrupted');
  }

  /** Kills a command at a random moment. False when it had ended by itself before. */
  async #isKilled(args: readonly string[]): Promise<boolean> {
    const { memory, env } = this.#place;
    const run = this.#interrupted();
    const isRollback = args[0] === 'rollback';
    if (isRollback && run === undefined) return false;
    const given = isRollback ? [...args, run!.runId] : args;
    const begins = this.#pick.is(STARTING_KILLS) ? 50 : STARTING * this.#lastMs;
    const afterMs = begins + this.#pick.below(this.#lastMs - begins);
    const { signal, exitCode, stderr } = await killAfter(given, { APEX_HOME: memory.home, ...env }, afterMs);
    const name = args.filter((word, index) => word !== '--source' && args[index - 1] !== '--source').join(' ');
    if (exitCode === EXIT.needsAttention || exitCode === EXIT.bug)
      this.#failures.push(`${name} ended with ${exitCode}: ${stderr}`);
    if (signal !== 'SIGKILL') return false;
    this.#killed[name] = (this.#killed[name] ?? 0) + 1;
    return true;
  }

  /** Gives the command until it ends, and has seen all. */
  async #finish({ args }: Task): Promise<string[]> {
    const { memory, env } = this.#place;
    for (let time = 1; ; time += 1) {
      const isProgram = this.#pick.is(BY_PROGRAM);
      const startedMs = performance.now();
      const { exitCode, text } = await (isProgram ? byProgram : inProcess)(args, memory.home, env);
      if (isProgram) this.#lastMs = Math.ceil(performance.now() - startedMs);
      if (exitCode !== EXIT.done && exitCode !== EXIT.quarantined) return [`it ended with ${exitCode}: ${text}`];
      if (args[0] === 'resume' || !text.includes(UNSEEN) || time === MAX_TIMES) return [];
    }
  }

  async #meetUndisturbed({ args }: Task): Promise<string[]> {
    const { exitCode, text } = await doOn(this.#place.undisturbed, args);
    const isMet = exitCode === EXIT.done || exitCode === EXIT.quarantined;
    return isMet ? [] : [`undisturbed it ended with ${exitCode}: ${text}`];
  }

  async #differences(): Promise<string[]> {
    const { memory, twin } = this.#place;
    return differencesOf(await dumpMet(memory, this.#look), await dumpMet(twin, this.#look), this.#look);
  }
}

function argsOf({ source }: ChangingWorld): string[] {
  return ['ingest-json', '--source', source];
}
