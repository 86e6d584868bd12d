import type { Observation, ObservedFact } from '../contracts/feed.ts';
import type { Fields } from './fields.ts';
import { emailNames, phoneNames } from './names.ts';
import { fact, named, type Since } from './observations.ts';
import { accountNames, accountRef, COVERED, codeOf, contactRef, isDeleted } from './turvo-values.ts';

/** The times of a shipment that date what it states. */
export interface Times {
  /** Since when its orders, stops and places are what they are. */
  readonly created: Since;
  /** When it last changed; what was deleted is gone since then at the latest. */
  readonly updated: Since;
}

/** What a part of a shipment states, and the things that it names. */
export interface Part {
  readonly facts: readonly ObservedFact[];
  readonly observations: readonly Observation[];
}

/**
 * Statements that a row holds. A deleted row ended at the latest when the record changed; where that is not told, nothing can be
 * said of it.
 */
function rowFacts(row: Fields, { updated }: Times, state: (to: string | null) => ObservedFact): ObservedFact[] {
  if (!isDeleted(row)) return [state(null)];
  return updated.at === null ? [] : [state(updated.at)];
}

/** For whom a shipment goes. */
export function customersOf(orders: readonly Fields[], times: Times): Part {
  const parts = orders.flatMap((order) => {
    const customer = order.object('customer');
    if (customer === null || !customer.has('id')) return [];
    const of = accountRef('Customer', customer);
    const facts = rowFacts(order, times, (to) => fact('FOR_CUSTOMER', of, times.created, { to }));
    return [{ facts, observations: named(of, { names: accountNames(customer) }) }];
  });
  return joined(parts);
}

/** Who carries a shipment: the first carrier came with the first status Covered, the present one with the last. */
export function carriersOf(carriages: readonly Fields[], shipment: Fields, times: Times): Part {
  const covered = shipment
    .objects('statusHistory')
    .filter((row) => codeOf(row, 'code')?.key === COVERED)
    .flatMap((row) => row.time('lastUpdatedOn') ?? [])
    .sort();
  const parts = carriages.flatMap((carriage) => {
    const carrier = carriage.object('carrier');
    if (carrier === null || !carrier.has('id')) return [];
    const of = accountRef('Carrier', carrier);
    const at = isDeleted(carriage) ? covered[0] : covered.at(-1);
    const since: Since = at !== undefined ? { at, basis: 'source_event' } : times.updated;
    const facts = rowFacts(carriage, times, (to) => fact('CARRIED_BY', of, before(since, to), { to }));
    return [{ facts, observations: named(of, { names: accountNames(carrier) }) }];
  });
  return joined(parts);
}

/** Who drives for its carriers. */
export function driversOf(carriages: readonly Fields[], times: Times): Part {
  const parts = carriages.flatMap((carriage) =>
    carriage.objects('drivers').flatMap((row) => {
      const context = row.object('context');
      if (context === null || !context.has('id')) return [];
      const of = contactRef('Driver', context);
      const ended = isDeleted(carriage) ? carriage : row;
      const facts = rowFacts(ended, times, (to) => fact('DRIVEN_BY', of, before(times.updated, to), { to }));
      const names = [
        ...phoneNames(row.object('phone')?.word('number') ?? null),
        ...emailNames(row.object('email')?.text('email') ?? null),
      ];
      return [{ facts, observations: named(of, { names }) }];
    }),
  );
  return joined(parts);
}

/** What was first seen when it had ended has no known start. */
function before(since: Since, to: string | null): Since {
  return to !== null && since.at !== null && since.at >= to ? { ...since, at: null } : since;
}

function joined(parts: readonly Part[]): Part {
  return {
    facts: parts.flatMap(({ facts }) => facts),
    observations: parts.flatMap(({ observations }) => observations),
  };
}
