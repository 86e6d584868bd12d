import { setTimeout as delay } from 'node:timers/promises';
import type { Role } from '../../lib/contracts/store.ts';
import type { FaultyProxy } from '../helpers/proxy.ts';
import type { StartedServer } from '../servers/start.ts';

export const ROLES = ['records', 'graph', 'vectors', 'cache'] as const satisfies readonly Role[];

/** A request, by what goes over the network. */
interface Marked {
  readonly role: Role;
  readonly text: RegExp;
}

interface Phase {
  readonly command: 'ingest' | 'delete';
  /** The request with which the phase begins, of the store that the fault is done to; others take that of another store. */
  readonly begins: Readonly<Partial<Record<Role, Marked>>> & { readonly others: Marked | null };
}

const pg = (text: RegExp): Marked => ({ role: 'records', text });
/** The metadata of a transaction name its operation; between both stands how long the name is. */
const bolt = (operation: string): Marked => ({ role: 'graph', text: new RegExp(`operation.${operation}`, 's') });
const http = (text: RegExp): Marked => ({ role: 'vectors', text });

const ANYTHING = /[\s\S]/;
const WRITES_VERSIONS = pg(/INSERT INTO \S*version /);
const PIVOTS = pg(/INSERT INTO \S*pivot /);
const FINISHES = pg(/pivot SET is_finished/);
const UPSERTS = http(/PUT \/collections\/[^/]+\/points\?/);
const COUNTS = http(/POST \/collections\/[^/]+\/points\/count/);
const SHOWS = http(/POST \/collections\/[^/]+\/points\/payload/);
const DELETES = http(/POST \/collections\/[^/]+\/points\/delete/);

/** What a command does one after the other. */
export const PHASES = {
  opening: {
    command: 'ingest',
    begins: {
      others: null,
      ...Object.fromEntries(ROLES.map((role) => [role, { role, text: ANYTHING }])),
    },
  },
  writing: { command: 'ingest', begins: { others: WRITES_VERSIONS, graph: bolt('write'), vectors: UPSERTS } },
  counting: { command: 'ingest', begins: { others: UPSERTS, graph: bolt('count'), vectors: COUNTS } },
  pivoting: { command: 'ingest', begins: { others: PIVOTS } },
  publishing: { command: 'ingest', begins: { others: bolt('publish'), vectors: SHOWS } },
  retiring: { command: 'ingest', begins: { others: bolt('retire'), vectors: DELETES } },
  finishing: { command: 'ingest', begins: { others: FINISHES } },
  deleting: { command: 'delete', begins: { others: PIVOTS } },
} as const satisfies Record<string, Phase>;
export type PhaseName = keyof typeof PHASES;

/** What a fault is done to. */
interface Target {
  readonly proxy: FaultyProxy;
  /** A server that may be killed and held; null where none was started for that. */
  readonly server: StartedServer | null;
}

/** How long what ends by itself lasts: longer than an answer is waited for, and than what is tried at once. */
const OUTAGE_MS = 4_000;
const SILENCE_MS = 4_000;
const FLAPS = 6;
const FLAP_MS = 250;
const RESTARTED_AFTER_MS = 1_000;

interface FaultKind {
  /** Whether the server itself must be the tests' own. */
  readonly isServer: boolean;
  /** Lasts until the command has ended. */
  readonly isLasting: boolean;
  /** Resolves when it is over, if it ends by itself. */
  begin(target: Target): void | Promise<void>;
}

const cut = (arrives: boolean | 'late', by: 'reset' | 'end', answerBytes = 0) => ({
  ...{ isServer: false, isLasting: false },
  begin: ({ proxy }: Target) =>
    proxy.set({ kind: 'cut-request', matches: () => true, arrives, by, ...(answerBytes > 0 ? { answerBytes } : {}) }),
});

const timed = (kind: 'down' | 'half-open', ms: number) => ({
  ...{ isServer: false, isLasting: false },
  begin: async ({ proxy }: Target) => {
    proxy.set({ kind });
    await delay(ms);
    proxy.set(null);
  },
});

/** What goes wrong with a server or on the way to it. */
export const FAULTS = {
  latency: {
    ...{ isServer: false, isLasting: true },
    begin: ({ proxy }) => proxy.set({ kind: 'latency', ms: 25 }),
  },
  reset: {
    ...{ isServer: false, isLasting: false },
    begin: ({ proxy }) => {
      proxy.set({ kind: 'down' });
      proxy.set(null);
    },
  },
  outage: timed('down', OUTAGE_MS),
  gone: {
    ...{ isServer: false, isLasting: true },
    begin: ({ proxy }) => proxy.set({ kind: 'down' }),
  },
  flapping: {
    ...{ isServer: false, isLasting: false },
    begin: async ({ proxy }) => {
      for (let flap = 0; flap < FLAPS; flap += 1) {
        proxy.set({ kind: 'down' });
        await delay(FLAP_MS);
        proxy.set(null);
        await delay(FLAP_MS);
      }
    },
  },
  'half-open': timed('half-open', SILENCE_MS),
  'lost request': cut(false, 'reset'),
  'late request': cut('late', 'reset'),
  'lost answer': cut(true, 'end'),
  'torn answer': cut(true, 'reset', 7),
  killed: {
    ...{ isServer: true, isLasting: false },
    begin: async ({ server }) => {
      server!.signal('SIGKILL');
      await delay(RESTARTED_AFTER_MS);
      await server!.restart();
    },
  },
  held: {
    ...{ isServer: true, isLasting: false },
    begin: async ({ server }) => {
      server!.signal('SIGSTOP');
      await delay(SILENCE_MS);
      server!.signal('SIGCONT');
    },
  },
} as const satisfies Record<string, FaultKind>;
export type FaultName = keyof typeof FAULTS;

/** A change whose answer gets lost. */
interface Doubted {
  readonly command: 'ingest' | 'delete';
  readonly role: Role;
  /** What its transaction holds, or the request itself where there are none. */
  readonly text: RegExp;
}

const commit = (command: 'ingest' | 'delete', { role, text }: Marked): Doubted => ({ command, role, text });
/** Removes rows in a transaction that writes none. */
const REMOVES = pg(/^(?![\s\S]*INSERT INTO \S*version )[\s\S]*WITH gone AS/);

export const DOUBTED = {
  'records open a run': commit('ingest', pg(/INSERT INTO \S*run /)),
  'records number versions': commit('ingest', pg(/last_version = d\.last_version/)),
  'records write': commit('ingest', WRITES_VERSIONS),
  'records pivot': commit('ingest', PIVOTS),
  'records retire': commit('ingest', REMOVES),
  'records finish': commit('ingest', FINISHES),
  'records pivot of a delete': commit('delete', PIVOTS),
  'records retire of a delete': commit('delete', REMOVES),
  'graph write': commit('ingest', bolt('write')),
  'graph publish': commit('ingest', bolt('publish')),
  'graph retire': commit('ingest', bolt('retire')),
  'graph retire of a delete': commit('delete', bolt('retire')),
  'vectors write': commit('ingest', UPSERTS),
  'vectors publish': commit('ingest', SHOWS),
  'vectors retire': commit('ingest', DELETES),
  'vectors retire of a delete': commit('delete', DELETES),
} as const satisfies Record<string, Doubted>;
export type DoubtedName = keyof typeof DOUBTED;

/** What becomes of it, and of the connection. */
export const DOUBTS = {
  'carried out, reset': { arrives: true, by: 'reset' },
  'carried out, closed': { arrives: true, by: 'end' },
  'carried out, silence': { arrives: true, by: 'silent' },
  'carried out later': { arrives: 'late', by: 'reset' },
  'never came, reset': { arrives: false, by: 'reset' },
  'never came, silence': { arrives: false, by: 'silent' },
} as const satisfies Record<string, { readonly arrives: boolean | 'late'; readonly by: 'reset' | 'end' | 'silent' }>;
export type DoubtName = keyof typeof DOUBTS;

/** One thing that goes wrong once. */
export type FaultCase =
  | { readonly role: Role; readonly phase: PhaseName; readonly fault: FaultName }
  | { readonly doubted: DoubtedName; readonly doubt: DoubtName };

/** Every fault of every store in every phase, where it can be. */
export function faultCases(): FaultCase[] {
  const phases = Object.keys(PHASES) as PhaseName[];
  const faults = Object.keys(FAULTS) as FaultName[];
  return ROLES.flatMap((role) =>
    phases.flatMap((phase) =>
      faults
        // The server of the vectors may be a stand-in inside the tests.
        .filter((fault) => !(role === 'vectors' && FAULTS[fault].isServer))
        .map((fault) => ({ role, phase, fault })),
    ),
  );
}

/** Every change whose answer gets lost, with every outcome. */
export function doubtCases(): FaultCase[] {
  return (Object.keys(DOUBTED) as DoubtedName[]).flatMap((doubted) =>
    (Object.keys(DOUBTS) as DoubtName[]).map((doubt) => ({ doubted, doubt })),
  );
}

export function nameOf(one: FaultCase): string {
  if ('doubted' in one) return `${one.doubted}: ${one.doubt}`;
  return `${one.role}, ${one.phase}: ${one.fault}`;
}

/** The message COMMIT as Bolt sends it: a part of two bytes, a structure without fields, its signature. */
const BOLT_COMMIT = '\x00\x02\xb0\x12';
/** Where the last transaction of a connection begins. */
const BEGINNINGS: Readonly<Partial<Record<Role, string>>> = { records: 'BEGIN ISOLATION', graph: 'operation' };
const COMMITS: Readonly<Partial<Record<Role, RegExp>>> = {
  records: /^Q[\s\S]{4}COMMIT\0/,
  graph: new RegExp(BOLT_COMMIT),
};

/** Whether a request is the doubted change: a commit, or where there are no transactions, the request itself. */
export function isDoubted({ role, text }: Doubted, request: Buffer, earlier: string): boolean {
  const sent = request.toString('latin1');
  const isCommit = COMMITS[role];
  if (isCommit === undefined) return text.test(sent);
  return isCommit.test(sent) && text.test(earlier.slice(earlier.lastIndexOf(BEGINNINGS[role]!)));
}

/** How much of what came before a request is looked at with it: a text may come in two pieces. */
const PIECE_CHARACTERS = 100;

export function isBeginning({ text }: Marked, request: Buffer, earlier: string): boolean {
  return text.test(`${earlier.slice(-PIECE_CHARACTERS)}${request.toString('latin1')}`);
}
