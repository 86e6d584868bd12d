import { invalid } from './refusal.ts';

export type Payload = { [key: string]: unknown };
export type PointId = string | number;

/** A condition, or a filter inside a filter. */
export interface Condition extends Filter {
  readonly key?: string;
  readonly match?: { value?: unknown; any?: readonly unknown[]; except?: readonly unknown[] };
  readonly range?: { readonly [bound in 'gt' | 'gte' | 'lt' | 'lte']?: number };
  readonly has_id?: readonly PointId[];
  readonly is_empty?: { readonly key: string };
  readonly is_null?: { readonly key: string };
}

export interface Filter {
  readonly must?: readonly Condition[] | Condition;
  readonly should?: readonly Condition[] | Condition;
  readonly must_not?: readonly Condition[] | Condition;
}

/** Is the point among those that the filter means? One without conditions means all. */
export function matches(filter: Filter | null | undefined, id: PointId, payload: Payload): boolean {
  if (filter == null) return true;
  const holds = (condition: Condition) => conditionHolds(condition, id, payload);
  const should = listOf(filter.should);
  return (
    listOf(filter.must).every(holds) &&
    !listOf(filter.must_not).some(holds) &&
    (should.length === 0 || should.some(holds))
  );
}

function listOf(conditions: readonly Condition[] | Condition | undefined): readonly Condition[] {
  if (conditions === undefined || conditions === null) return [];
  return Array.isArray(conditions) ? conditions : [conditions as Condition];
}

function conditionHolds(condition: Condition, id: PointId, payload: Payload): boolean {
  if (condition.has_id !== undefined) return condition.has_id.includes(id);
  if (condition.is_empty !== undefined) return valuesAt(payload, condition.is_empty.key).length === 0;
  if (condition.is_null !== undefined) return rawAt(payload, condition.is_null.key).some((value) => value === null);
  if (condition.key === undefined) return matches(condition, id, payload);
  const { match, range } = condition;
  const values = valuesAt(payload, condition.key);
  if (match !== undefined) {
    const { value: wanted, any, except } = match;
    if (any !== undefined) return values.some((value) => any.includes(value));
    if (except !== undefined) return values.some((value) => !except.includes(value));
    return values.includes(wanted);
  }
  return values.some((value) => typeof value === 'number' && isWithin(value, range ?? {}));
}

function isWithin(value: number, { gt, gte, lt, lte }: NonNullable<Condition['range']>): boolean {
  return (
    (gt == null || value > gt) &&
    (gte == null || value >= gte) &&
    (lt == null || value < lt) &&
    (lte == null || value <= lte)
  );
}

/** What lies under a path, element by element where it is a list; nulls are nothing. */
export function valuesAt(payload: Payload, path: string): unknown[] {
  return rawAt(payload, path).filter((value) => value !== null);
}

function rawAt(payload: Payload, path: string): unknown[] {
  let found: unknown[] = [payload];
  for (const key of path.split('.'))
    found = found
      .flat()
      .flatMap((value) =>
        value !== null && typeof value === 'object' && key in value ? [(value as Payload)[key]] : [],
      );
  return found.flat();
}

/** @throws Refusal when a condition says nothing of its key. */
export function assertFilter(filter: Filter | null | undefined, requestName: string): void {
  for (const [index, condition] of listOf(filter?.must).entries()) {
    const { key, match, range } = condition;
    if (key !== undefined && match === undefined && range === undefined)
      throw invalid(
        `${requestName}.filter.must[${index}].__all__: Validation error: At least one field condition must be specified [{}]`,
      );
  }
}
