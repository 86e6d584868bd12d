import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Role } from '../../lib/contracts/store.ts';
import { type Finished, newFolder } from '../helpers/program.ts';
import { type FaultyProxy, openProxy } from '../helpers/proxy.ts';
import type { StartedServer } from '../servers/start.ts';
import { writeFirstState, writeSecondState } from './documents.ts';
import {
  DOUBTED,
  DOUBTS,
  FAULTS,
  type FaultCase,
  isBeginning,
  isDoubted,
  PHASES,
  type PhaseName,
  ROLES,
} from './fault-table.ts';
import { listRuns, query, strangeFiles } from './invariants.ts';
import { demand, type Environment, type Looked, look, makeHomes, run, type ServerHome } from './server-homes.ts';

/** The servers that faults are done to. */
export interface FaultServers {
  /** Names servers that others use too, and places of its own in them. */
  newEnvironment(): Environment;
  /** Starts one of these that nobody else uses; the second time it is the same. */
  own(role: Role): Promise<StartedServer>;
}

/** Faults, each with a memory of its own that was made for it. */
export interface FaultScenario {
  /** Lets a fault happen while the main job runs, brings it to its end. @returns what is wrong then, and how it went. */
  play(index: number): Promise<Played>;
  remove(): Promise<void>;
}

export interface Played {
  readonly problems: readonly string[];
  /** What the disturbed command ended with. */
  readonly exitCode: number | null;
}

/** The setting that says where the server of a role is. */
const ADDRESSES: { readonly [role in Role]: string } = {
  records: 'DATABASE_URL',
  graph: 'NEO4J_URI',
  vectors: 'QDRANT_URL',
  cache: 'REDIS_URL',
};

/** Faults last some seconds, so silence is to be noticed sooner. */
const ANSWER_MS = 2_500;
/** How long a run waits for a store: for one that comes back, and for one that does not. */
const PATIENCE_SECONDS = '90';
const IMPATIENCE_SECONDS = '2';
const TEMPORARY = 75;
const NOT_FOUND = 2;

/** How a command that stopped is brought to its end, each in turn. */
const WAYS = ['again', 'resume', 'rollback'] as const;

/** How often the command is given again that stopped before its fault began: an overloaded machine is slow to answer, too. */
const MAX_STARTS = 5;
const NOT_FORGOTTEN = /what was deleted is no longer found, but the cache did not answer/;
/** Of a run that nobody need come back to. */
const ENDED: ReadonlySet<string> = new Set(['completed', 'rolled_back']);

interface Expected {
  readonly args: readonly string[];
  readonly exitCode: number;
  readonly dump: Record<string, unknown[]>;
  readonly embeddingCalls: number;
}

/**
 * Goal: whatever becomes of a server, or of the way to it, the memory comes out as if nothing had been. Method: the built program
 * reaches each server through a proxy; when a request of the phase passes, the fault happens. Then the run ends by itself, or it
 * stops with 75 and the same command, `resume`, or `rollback` and the same command bring it to its end.
 *
 * Checked: one complete version a document in all stores (I1, I2, by `verify`), nothing left over (I5), rollback and what follows
 * (I6), the same memory as undisturbed (I4, I7), nothing embedded twice by a run that did not stop (I8), no good document in
 * quarantine, no attempt counted twice, nothing parked (I12), no secret in output or files (I13), a cache that changes neither
 * memory nor exit status (I17).
 */
export async function openFaultScenario(cases: readonly FaultCase[], servers: FaultServers): Promise<FaultScenario> {
  const root = newFolder('server-faults');
  const documents = join(root, 'documents');
  writeFirstState(documents);
  const environments: Environment[] = [servers.newEnvironment(), servers.newEnvironment()];
  for (const one of cases) environments.push(await environmentFor(one, servers));
  const [ingested, deleted, ...homes] = await makeHomes(environments, { root, documents });
  writeSecondState(documents);
  const expected = {
    ingest: await undisturbed(ingested!, ['ingest', documents], 3),
    delete: await undisturbed(deleted!, ['delete', ...(await idsOf(deleted!, ['mail.eml', 'contract.md']))], 0),
  };
  const turns = new Turns();
  return {
    play: (index) => {
      const one = cases[index]!;
      const command = 'doubted' in one ? DOUBTED[one.doubted].command : PHASES[one.phase].command;
      const play = async () => {
        const server = isOfServer(one) ? await servers.own(roleOf(one)) : null;
        await server?.revive();
        const played = await new Play(homes[index]!, { one, server, expected: expected[command] }).play(index);
        rmSync(homes[index]!.home, { recursive: true, force: true });
        return played;
      };
      return isOfServer(one) ? turns.take(roleOf(one), play) : play();
    },
    remove: async () => rmSync(root, { recursive: true, force: true }),
  };
}

function roleOf(one: FaultCase): Role {
  return 'doubted' in one ? DOUBTED[one.doubted].role : one.role;
}

/** Is it the server itself that is killed or held? */
function isOfServer(one: FaultCase): boolean {
  return 'fault' in one && FAULTS[one.fault].isServer;
}

async function environmentFor(one: FaultCase, servers: FaultServers): Promise<Environment> {
  const shared = servers.newEnvironment();
  if (!isOfServer(one)) return shared;
  const role = roleOf(one);
  const { url } = await servers.own(role);
  return { ...shared, [ADDRESSES[role]]: withoutUser(role, url) };
}

/** Only Neo4j's address is given without them. */
function withoutUser(role: Role, address: string): string {
  return role === 'graph' ? address.replace(/\/\/.*@/, '//') : address;
}

async function undisturbed(place: ServerHome, args: readonly string[], exitCode: number): Promise<Expected> {
  const { lines } = await demand(run(place, ...args), exitCode);
  const { dump, verified } = await look(place);
  if (verified.exitStatus !== 0) throw new Error(`undisturbed: ${JSON.stringify(verified.differences)}`);
  return { args, exitCode, dump, embeddingCalls: callsOf(lines) };
}

async function idsOf(place: ServerHome, names: readonly string[]): Promise<string[]> {
  const { lines } = await demand(run(place, 'documents', 'list'), 0);
  return names.map((name) =>
    String(lines.find(({ source_uri }) => String(source_uri).endsWith(`/${name}`))!['document_id']),
  );
}

function callsOf(lines: Finished['lines']): number {
  return Number(lines.find(({ event }) => event === 'summary')?.['embedding_calls'] ?? 0);
}

/** One at a time has a server that is killed or held. */
class Turns {
  readonly #last = new Map<Role, Promise<unknown>>();

  take<Result>(role: Role, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(role) ?? Promise.resolve();
    const result = before.then(work);
    this.#last.set(
      role,
      result.catch(() => {}),
    );
    return result;
  }
}

interface PlayOptions {
  readonly one: FaultCase;
  /** Killed or held, where that is the fault. */
  readonly server: StartedServer | null;
  readonly expected: Expected;
}

/** One fault, happening once to one memory. */
class Play {
  readonly #place: ServerHome;
  readonly #options: PlayOptions;
  readonly #problems: string[] = [];
  #proxies = new Map<Role, FaultyProxy>();
  /** Resolves when the fault that has begun is over by itself; null before it begins. */
  #fault: Promise<void> | null = null;

  constructor(place: ServerHome, options: PlayOptions) {
    this.#place = place;
    this.#options = options;
  }

  async play(index: number): Promise<Played> {
    const { one, expected } = this.#options;
    const disturbed = await this.#disturb();
    const { exitCode } = disturbed;
    const mayStop = roleOf(one) !== 'cache';
    // What is deleted shall be gone from the cache, too: that it may not be is told by the exit status alone.
    const mayStay = !mayStop && expected.args[0] === 'delete' && NOT_FORGOTTEN.test(disturbed.stderr);
    if (exitCode === TEMPORARY && mayStay) this.#checkUndoubled(disturbed);
    else if (exitCode === TEMPORARY && mayStop) await this.#recover(WAYS[index % WAYS.length]!);
    else if (exitCode === expected.exitCode) this.#checkUndoubled(disturbed);
    else this.#blame(`it ended with ${exitCode}: ${disturbed.stdout}\n${disturbed.stderr}`);
    await this.#checkMemory();
    await this.#checkSecrets(disturbed);
    return { problems: this.#problems, exitCode };
  }

  #blame(problem: string): void {
    this.#problems.push(problem);
  }

  /** Runs the command through the proxies, with the fault. */
  async #disturb(): Promise<Finished> {
    const { one, server, expected } = this.#options;
    const env: Record<string, string> = { ...this.#place.env };
    for (const role of ROLES) {
      const proxy = await openProxy(env[ADDRESSES[role]]!);
      this.#proxies.set(role, proxy);
      env[ADDRESSES[role]] = proxy.url;
    }
    const isLasting = 'fault' in one && FAULTS[one.fault].isLasting;
    env['APEX_MAX_OUTAGE_SECONDS'] = isLasting ? IMPATIENCE_SECONDS : PATIENCE_SECONDS;
    env['APEX_ANSWER_MS'] = String(ANSWER_MS);
    this.#prepare(one, server);
    try {
      let finished = await run({ home: this.#place.home, env }, ...expected.args);
      for (let starts = 1; !this.#hasBegun && finished.exitCode === TEMPORARY && starts < MAX_STARTS; starts += 1)
        finished = await run({ home: this.#place.home, env }, ...expected.args);
      await this.#fault;
      if (!this.#hasBegun) this.#blame(`the fault never began: ${finished.stdout}\n${finished.stderr}`);
      return finished;
    } finally {
      for (const proxy of this.#proxies.values()) proxy.close();
    }
  }

  get #hasBegun(): boolean {
    return this.#fault !== null || [...this.#proxies.values()].some(({ cuts }) => cuts > 0);
  }

  #prepare(one: FaultCase, server: StartedServer | null): void {
    if ('doubted' in one) {
      const doubted = DOUBTED[one.doubted];
      const matches = (request: Buffer, earlier: string) => isDoubted(doubted, request, earlier);
      this.#proxies.get(doubted.role)!.set({ kind: 'cut-request', matches, ...DOUBTS[one.doubt] });
      return;
    }
    const proxy = this.#proxies.get(one.role)!;
    const begin = () => {
      this.#fault = Promise.resolve(FAULTS[one.fault].begin({ proxy, server }));
      // Whoever waits for it is told; until then nobody does.
      this.#fault.catch(() => {});
    };
    const mark = beginningOf(one.phase, one.role);
    this.#proxies.get(mark.role)!.watch((request, earlier) => isBeginning(mark, request, earlier), begin);
  }

  async #recover(way: (typeof WAYS)[number]): Promise<void> {
    const { args, exitCode } = this.#options.expected;
    if (way === 'rollback') {
      const interrupted = listRuns(this.#place.home).find(
        ({ state }) => state === 'running' || state === 'interrupted',
      );
      if (interrupted !== undefined) await this.#mustEnd(['rollback', interrupted.runId], 4);
    }
    const isDone = way === 'resume' && (await this.#mustEnd(['resume'], 0, exitCode)).stdout !== '';
    // A delete that had its pivot is not taken back: there is nothing left for the second one to find.
    const isGone = way === 'rollback' && args[0] === 'delete';
    if (!isDone) await this.#mustEnd(args, exitCode, ...(isGone ? [NOT_FOUND] : []));
  }

  async #mustEnd(args: readonly string[], ...exitCodes: number[]): Promise<Finished> {
    const finished = await run(this.#place, ...args);
    if (!exitCodes.includes(finished.exitCode ?? -1))
      this.#blame(`${args[0]} ended with ${finished.exitCode}: ${finished.stdout}\n${finished.stderr}`);
    return finished;
  }

  /** A run that came to its end by itself has counted each attempt once, and embedded nothing twice. */
  #checkUndoubled({ lines }: Finished): void {
    const { one, expected } = this.#options;
    const calls = callsOf(lines);
    if (roleOf(one) !== 'cache' && calls !== expected.embeddingCalls)
      this.#blame(`${calls} calls of the embedder, undisturbed ${expected.embeddingCalls}`);
    const runs = join(this.#place.home, 'runs');
    for (const name of readdirSync(runs).filter((file) => file.endsWith('.db'))) {
      const attempts = query<{ body: string; count: number }>(
        join(runs, name),
        `SELECT json_extract(body, '$.batchNo') AS batchNo, count(*) AS count FROM entry
         WHERE kind IN ('batch_assigned', 'isolated_attempt') GROUP BY 1 HAVING count(*) > 1`,
      );
      if (attempts.length > 0) this.#blame(`attempts were counted twice: ${JSON.stringify(attempts)}`);
    }
  }

  async #checkMemory(): Promise<void> {
    const { expected } = this.#options;
    const { dump, verified } = await this.#lookAfterRepair();
    if (verified.exitStatus !== 0) this.#blame(`verify: ${JSON.stringify(verified.differences)}`);
    for (const [part, rows] of Object.entries(expected.dump))
      for (const difference of differencesOf(rows, dump[part]!)) this.#blame(`${part}: ${difference}`);
    const open = listRuns(this.#place.home).filter(({ state }) => !ENDED.has(state));
    if (open.length > 0) this.#blame(`runs are open: ${JSON.stringify(open)}`);
  }

  /** What a cache did not hear of stays in it, under keys that nobody asks for: `verify` tells it, and a repair removes it. */
  async #lookAfterRepair(): Promise<Looked> {
    const looked = await look(this.#place);
    const { differences } = looked.verified;
    if (roleOf(this.#options.one) !== 'cache' || differences.length === 0 || !differences.every(isStale)) return looked;
    await this.#mustEnd(['verify', '--repair'], 0);
    return look(this.#place);
  }

  async #checkSecrets({ stdout, stderr }: Finished): Promise<void> {
    for (const secret of secretsIn(this.#place.env)) {
      if (`${stdout}${stderr}`.includes(secret)) this.#blame('a password is in the output');
      for (const problem of await strangeFiles(this.#place.home, secret)) this.#blame(problem);
    }
  }
}

function beginningOf(phase: PhaseName, role: Role) {
  const begins: (typeof PHASES)[PhaseName]['begins'] & Partial<Record<Role, unknown>> = PHASES[phase].begins;
  return (begins[role] ?? begins.others) as { readonly role: Role; readonly text: RegExp };
}

function isStale(difference: unknown): boolean {
  const { role, problem } = difference as { readonly role: string; readonly problem: string };
  return role === 'cache' && problem === 'stale';
}

/** What is in one list and not in the other. */
function differencesOf(wanted: readonly unknown[], found: readonly unknown[]): string[] {
  const [there, here] = [wanted, found].map((rows) => new Set(rows.map((row) => JSON.stringify(row))));
  return [
    ...[...there!].filter((row) => !here!.has(row)).map((row) => `missing ${row}`),
    ...[...here!].filter((row) => !there!.has(row)).map((row) => `too much ${row}`),
  ];
}

function secretsIn(env: Environment): Set<string> {
  const passwords = Object.values(env).map((value) => URL.parse(value)?.password ?? '');
  return new Set(
    [...passwords, env['NEO4J_PASSWORD'] ?? '', env['QDRANT_API_KEY'] ?? ''].filter((text) => text !== ''),
  );
}
