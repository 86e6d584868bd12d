import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../lib/contracts/error-codes.ts';
import { apex, newFolder } from '../helpers/program.ts';
import { picksFrom } from './changing-world.ts';
import { problemsAtRest } from './invariants.ts';
import { killAfter } from './kill-after.ts';
import { embeddedMemory } from './memories.ts';
import { randomFrom } from './random.ts';
import { type OnRound, playRounds, type Soak } from './random-kills.ts';

/** The share of the commands that are killed. */
const KILLS = 0.6;
/** The longest a command is left alone before it is killed. */
const MAX_LIFE_MS = 1_200;
/** How long a command is left that is not to be killed. */
const PATIENCE_MS = 120_000;
const INGESTS = 4;
const CLEANUPS = 2;
const STAGED_A_ROUND = 3;
const SECRET = 'of-the-staging-tests';
/** Small batches, so that kills fall between them. */
const ENVIRONMENT = { APEX_BATCH_SIZE: '2', OPENAI_API_KEY: SECRET };

/**
 * Goal: nothing that waits in staging is ever removed before it is taken, nothing that a kill left there stays, and what staging is said
 * to hold is what lies there. Method: four commands that stage or ingest and two cleanups run at once over one data directory, most of
 * them killed at a random moment; then all is ingested, cleaned up and looked at.
 */
export async function stagedKills(rounds: number, seed: number, onRound: OnRound = () => 'go on'): Promise<Soak> {
  const soak = new StagedKills(seed);
  try {
    return await playRounds(soak, rounds, onRound);
  } finally {
    soak.remove();
  }
}

class StagedKills {
  readonly #pick: ReturnType<typeof picksFrom>;
  readonly #root = newFolder('staged-soak');
  readonly #home = join(this.#root, 'home');
  readonly #documents = join(this.#root, 'documents');
  readonly #incoming = join(this.#root, 'incoming');
  readonly #memory = embeddedMemory(this.#home);
  readonly #failures: string[] = [];
  readonly #killed: Record<string, number> = {};
  /** Places of all that `apex stage` said it had staged. */
  readonly #staged = new Set<string>();
  #round = 0;

  constructor(seed: number) {
    this.#pick = picksFrom(randomFrom(seed));
    for (const folder of [this.#documents, this.#incoming]) mkdirSync(folder, { recursive: true });
    writeFileSync(join(this.#documents, 'damaged.pdf'), '%PDF-1.7 damaged');
  }

  get result(): Omit<Soak, 'rounds'> {
    const kills = Object.values(this.#killed).reduce((sum, count) => sum + count, 0);
    return { kills, killsInRecovery: 0, killed: this.#killed, searches: 0, failures: this.#failures };
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }

  async round(round: number): Promise<void> {
    this.#round = round;
    this.#write(this.#documents, `document-${this.#pick.below(8)}.md`);
    const fresh = Array.from({ length: STAGED_A_ROUND }, (_, index) =>
      this.#write(this.#incoming, `staged-${round}-${index}.txt`),
    );
    // One of them waits from the beginning, so that there is something to take.
    await this.#do(['stage', fresh[0]!], PATIENCE_MS);
    const ingests = Array.from({ length: INGESTS }, () => this.#chooseIngest(fresh));
    const cleanups = Array.from({ length: CLEANUPS }, () => this.#pick.of([['cleanup'], ['staging', 'cleanup']]));
    await Promise.all([...ingests, ...cleanups].map((args) => this.#do(args, this.#chooseLife())));
    const found = await this.#lostAmong(await this.#waiting());
    found.push(...(await this.#finish()));
    this.#failures.push(...found.map((problem) => `round ${round}: ${problem}`));
  }

  #write(folder: string, name: string): string {
    const path = join(folder, name);
    const load = `LD-${600_000 + this.#pick.below(20)}`;
    writeFileSync(path, `Load number: ${load}\n\nNote ${this.#pick.below(1e6)} of round ${this.#round}.\n`);
    return path;
  }

  #chooseIngest(fresh: readonly string[]): string[] {
    return this.#pick.of([
      ['ingest', this.#documents],
      ['ingest', '--staged'],
      ['stage', ...fresh],
      ['stage', this.#pick.of(fresh), join(this.#documents, 'damaged.pdf')],
    ]);
  }

  #chooseLife(): number {
    return this.#pick.is(KILLS) ? 50 + this.#pick.below(MAX_LIFE_MS) : PATIENCE_MS;
  }

  async #do(args: readonly string[], lifeMs: number): Promise<void> {
    const env = { APEX_HOME: this.#home, ...ENVIRONMENT };
    const { signal, exitCode, stdout, stderr } = await killAfter(args, env, lifeMs);
    for (const event of eventsIn(stdout))
      if (event['event'] === 'staged') this.#staged.add(String(event['source_uri']));
    const name = args.slice(0, args[1]?.startsWith('/') === true ? 1 : 2).join(' ');
    if (signal === 'SIGKILL') this.#killed[name] = (this.#killed[name] ?? 0) + 1;
    if (exitCode === EXIT.needsAttention || exitCode === EXIT.bug)
      this.#failures.push(`round ${this.#round}: ${name} ended with ${exitCode}: ${stderr}`);
  }

  async #run(...args: string[]) {
    return apex([...args, '--json'], { home: this.#home, env: ENVIRONMENT });
  }

  /** What waits, or could not be taken, by its place. */
  async #waiting(): Promise<ReadonlyMap<string, string>> {
    const { lines } = await this.#run('staging', 'list');
    return new Map(lines.map(({ source_uri, status }) => [String(source_uri), String(status)]));
  }

  /** What was staged and is neither in staging nor in the memory. */
  async #lostAmong(waiting: ReadonlyMap<string, string>): Promise<string[]> {
    const known = new Set((await this.#memory.current()).map(({ sourceUri }) => sourceUri));
    return [...this.#staged]
      .filter((uri) => !waiting.has(uri) && !known.has(uri) && !uri.endsWith('/damaged.pdf'))
      .map((uri) => `${uri} was staged, and is lost`);
  }

  /** Takes all that is left, and cleans up. @returns what is wrong then. */
  async #finish(): Promise<string[]> {
    const found: string[] = [];
    for (const args of [['ingest', this.#documents], ['ingest', '--staged'], ['cleanup']]) {
      const { exitCode, stderr } = await this.#run(...args);
      const isEnded =
        exitCode === EXIT.done || exitCode === EXIT.quarantined || (exitCode === EXIT.usage && args[1] === '--staged');
      if (!isEnded) found.push(`${args[0]} ${args[1] ?? ''} ended with ${exitCode}: ${stderr}`);
    }
    const waiting = await this.#waiting();
    found.push(...(await this.#lostAmong(waiting)));
    for (const [uri, status] of waiting) if (status !== 'failed') found.push(`${uri} is still ${status}`);
    found.push(...(await this.#wrongSums()));
    found.push(
      ...(await problemsAtRest(this.#memory, { secret: SECRET, isGood: (uri) => !uri.endsWith('/damaged.pdf') })),
    );
    return found;
  }

  /** What lies there is what is counted, and of nothing that is not listed. */
  async #wrongSums(): Promise<string[]> {
    const base = join(this.#home, 'staging');
    const names = existsSync(base) ? readdirSync(base, { recursive: true, encoding: 'utf8' }) : [];
    const files = names
      .map((name) => ({ name, stats: lstatSync(join(base, name)) }))
      .filter(({ stats }) => stats.isFile());
    // The area's own marks are no part of what lies in it.
    const content = files.filter(({ name }) => !name.startsWith('.'));
    const bytes = content.reduce((sum, { stats }) => sum + stats.size, 0);
    const { lines } = await this.#run('staging', 'stats');
    const stats = lines.find(({ event }) => event === 'staging_stats') as { used_bytes: number };
    const orphans = names.filter((name) => /^\.(?:incoming|gone)\/./.test(name));
    return [
      ...(stats.used_bytes === bytes
        ? []
        : [`staging stats say ${stats.used_bytes} B, there are ${bytes}: ${namesOf(content)}`]),
      ...(orphans.length === 0 ? [] : [`orphans: ${orphans.join(', ')}`]),
    ];
  }
}

const namesOf = (files: readonly { readonly name: string }[]) => files.map(({ name }) => name).join(', ');

/** The JSON lines of a command that may have been killed in the middle of one. */
function eventsIn(stdout: string): Record<string, unknown>[] {
  return stdout.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as Record<string, unknown>];
    } catch {
      return [];
    }
  });
}
