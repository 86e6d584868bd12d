import type { OnEvent } from '../../lib/contracts/apex.ts';
import type { Journal, JournalEntry } from '../../lib/contracts/journal.ts';
import type { Role, Stores } from '../../lib/contracts/store.ts';
import type { Surroundings } from '../pipeline/context.ts';
import { Circuit, type Outage, patient } from './circuit.ts';

/** Roles whose store may be out of reach. The cache is best effort and never waited for. */
type WaitedRole = Exclude<Role, 'cache'>;

interface OutageSettings {
  /** Those that a server plays. */
  readonly roles: readonly WaitedRole[];
  readonly maxOutageMs: number;
  readonly surroundings: Pick<Surroundings, 'now' | 'elapsed' | 'sleep'>;
}

/** What does not answer when it is opened may not be there at all, and somebody waits to hear of it: it is told the first time. */
const OPENING_OPENS_AFTER = 1;

/** Waits that no run has noted yet: more than a run can have before it begins. */
const MAX_UNNOTED = 100;

/** The stores that are waited for when they are out of reach, and who hears of it. */
export class Outages {
  readonly #circuits: ReadonlyMap<WaitedRole, Circuit>;
  readonly #surroundings: OutageSettings['surroundings'];
  readonly #listeners = new Set<OnEvent>();
  #journal: Pick<Journal, 'append'> | null = null;
  readonly #unnoted: JournalEntry[] = [];

  constructor({ roles, maxOutageMs, surroundings }: OutageSettings) {
    const onChange = (outage: Outage | null, role: Role) => this.#tell(outage, role);
    this.#surroundings = surroundings;
    this.#circuits = new Map(roles.map((role) => [role, new Circuit({ role, maxOutageMs, surroundings, onChange })]));
  }

  get roles(): readonly WaitedRole[] {
    return [...this.#circuits.keys()];
  }

  /** Whether some store is out of reach now. */
  get isAny(): boolean {
    return [...this.#circuits.values()].some((circuit) => circuit.isOpen);
  }

  /** The stores, with those behind circuits that may be out of reach. */
  guard(stores: Stores): Stores {
    const guarded = [...this.#circuits].map(([role, circuit]) => [role, patient(stores[role], circuit)]);
    return { ...stores, ...Object.fromEntries(guarded) };
  }

  /**
   * Opens the part of a role, and waits while its server is out of reach. Whoever is told to stop waits no longer, not even for an
   * opening under way: what it gives is closed again. @throws as `Circuit.pass`.
   */
  open<Part extends { close(): Promise<void> }>(
    role: WaitedRole,
    open: () => Promise<Part>,
    signal: AbortSignal,
  ): Promise<Part> {
    const circuit = this.#circuits.get(role);
    return circuit === undefined
      ? open()
      : circuit.pass(() => unlessStopped(open, signal), signal, OPENING_OPENS_AFTER);
  }

  /** Does some work whose listener hears of outages. */
  async tellDuring<T>(onEvent: OnEvent, work: () => Promise<T>): Promise<T> {
    this.#listeners.add(onEvent);
    try {
      return await work();
    } finally {
      this.#listeners.delete(onEvent);
    }
  }

  /** Does the work of a run: its journal notes what is waited for, and what was since the last run and before the first. */
  async noteDuring<T>(journal: Pick<Journal, 'append'>, work: () => Promise<T>): Promise<T> {
    for (const entry of this.#unnoted.splice(0)) await journal.append(entry);
    this.#journal = journal;
    try {
      return await work();
    } finally {
      this.#journal = null;
    }
  }

  #tell(outage: Outage | null, role: Role): void {
    this.#note(
      outage === null
        ? { kind: 'store_back', role, at: new Date(this.#surroundings.now()).toISOString() }
        : { kind: 'waiting_store', role, reason: outage.reason, at: new Date(outage.sinceMs).toISOString() },
    );
    for (const onEvent of this.#listeners)
      if (outage === null) onEvent({ kind: 'store_back', role });
      else {
        const since = new Date(outage.sinceMs).toISOString();
        onEvent({ kind: 'waiting_store', role, reason: outage.reason, since, maxOutageMs: outage.maxOutageMs });
      }
  }

  #note(entry: JournalEntry): void {
    // A journal that fails says so when it is next asked for something that matters.
    if (this.#journal !== null) this.#journal.append(entry).catch(() => {});
    else if (this.#unnoted.length < MAX_UNNOTED) this.#unnoted.push(entry);
  }
}

async function unlessStopped<Part extends { close(): Promise<void> }>(
  open: () => Promise<Part>,
  signal: AbortSignal,
): Promise<Part> {
  signal.throwIfAborted();
  const opening = open();
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([opening, stopped.promise]);
  } catch (error) {
    if (signal.aborted) void opening.then((part) => part.close()).catch(() => {});
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
