import type { OnEvent } from '../../lib/contracts/apex.ts';
import type { Role, Stores } from '../../lib/contracts/store.ts';
import type { Surroundings } from '../pipeline/context.ts';
import { Circuit, type Outage, patient } from './circuit.ts';

interface OutageSettings {
  /** Roles whose store may be out of reach: those that a server plays. The cache is best effort and never waited for. */
  readonly roles: readonly Exclude<Role, 'cache'>[];
  readonly maxOutageMs: number;
  readonly surroundings: Pick<Surroundings, 'now' | 'elapsed' | 'sleep'>;
}

/** The stores that are waited for when they are out of reach, and who hears of it. */
export class Outages {
  readonly #circuits: readonly (readonly [role: Role, circuit: Circuit])[];
  readonly #listeners = new Set<OnEvent>();

  constructor({ roles, maxOutageMs, surroundings }: OutageSettings) {
    const onChange = (outage: Outage | null, role: Role) => this.#tell(outage, role);
    this.#circuits = roles.map((role) => [role, new Circuit({ role, maxOutageMs, surroundings, onChange })]);
  }

  /** Whether some store is out of reach now. */
  get isAny(): boolean {
    return this.#circuits.some(([, circuit]) => circuit.isOpen);
  }

  /** The stores, with those behind circuits that may be out of reach. */
  guard(stores: Stores): Stores {
    const guarded = this.#circuits.map(([role, circuit]) => [role, patient(stores[role], circuit)]);
    return { ...stores, ...Object.fromEntries(guarded) };
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

  #tell(outage: Outage | null, role: Role): void {
    for (const onEvent of this.#listeners)
      if (outage === null) onEvent({ kind: 'store_back', role });
      else
        onEvent({ kind: 'waiting_store', role, reason: outage.reason, since: new Date(outage.sinceMs).toISOString() });
  }
}
