import type { Closing, Fact, FactAnchor } from '../../lib/contracts/store.ts';

/**
 * Relations that can hold for one thing at a time, with the end that stays the same: a load has one carrier, so a newer
 * carrier closes the older; a carrier has many loads, so the other end closes nothing.
 */
export const SINGLE_VALUED: readonly FactAnchor[] = [
  { type: 'SHIPPER_OF', end: 'object' },
  { type: 'CONSIGNEE_OF', end: 'object' },
  { type: 'CARRIER_OF', end: 'object' },
  { type: 'BILL_TO_OF', end: 'object' },
  { type: 'SHIPS_FROM', end: 'subject' },
  { type: 'SHIPS_TO', end: 'subject' },
];

const ENDS = new Map(SINGLE_VALUED.map(({ type, end }) => [type, end]));

/**
 * The end of validity of each fact, derived from nothing but the facts: the first later fact about the same thing that says
 * otherwise closes it, from that fact's date. Facts without a date neither close nor are closed. Pure; one closing per fact.
 */
export function deriveClosings(facts: readonly Fact[]): Closing[] {
  const about = new Map<string, Fact[]>();
  for (const fact of facts) {
    const end = ENDS.get(fact.type);
    if (end === undefined || fact.validAt === null) continue;
    const key = `${fact.type}\0${end === 'subject' ? fact.subjectId : fact.objectId}`;
    about.set(key, [...(about.get(key) ?? []), fact]);
  }
  const closed = new Map<string, Closing>();
  for (const rivals of about.values()) {
    for (const fact of rivals) {
      const closer = rivals
        .filter((other) => compareDates(other, fact) > 0 && statedValue(other) !== statedValue(fact))
        .sort(byDateAndSpelling)[0];
      if (closer === undefined) continue;
      closed.set(fact.relationId, {
        relationId: fact.relationId,
        invalidAt: closer.validAt,
        expiredAt: closer.createdAt,
      });
    }
  }
  return facts.map((fact) => closed.get(fact.relationId) ?? statedEnd(fact));
}

/** The end that the fact states itself, if any: known since it was stated. */
function statedEnd({ relationId, invalidAt, createdAt }: Fact): Closing {
  return { relationId, invalidAt, expiredAt: invalidAt === null ? null : createdAt };
}

/** Of these stored ends of validity those that do not follow from the facts, as they should be. */
export function wrongClosings(stored: Iterable<Closing>, facts: readonly Fact[]): Closing[] {
  const derived = new Map(deriveClosings(facts).map((closing) => [closing.relationId, closing]));
  return [...stored].flatMap(({ relationId, invalidAt, expiredAt }) => {
    const right = derived.get(relationId) ?? { relationId, invalidAt: null, expiredAt: null };
    return right.invalidAt === invalidAt && right.expiredAt === expiredAt ? [] : [right];
  });
}

function statedValue(fact: Fact): string {
  return ENDS.get(fact.type) === 'object' ? fact.subjectId : fact.objectId;
}

/** Of several at one instant always the same one comes first, whatever order they were given in. */
function byDateAndSpelling(a: Fact, b: Fact): number {
  const spelling = ({ validAt, createdAt }: Fact) => `${validAt}\0${createdAt}`;
  return compareDates(a, b) || (spelling(a) < spelling(b) ? -1 : 1);
}

/** Dates are compared as instants: `2026-01-02` and `2026-01-02T00:00:00Z` are the same. */
function compareDates(a: Fact, b: Fact): number {
  return Date.parse(a.validAt!) - Date.parse(b.validAt!);
}
