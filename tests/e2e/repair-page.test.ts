import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DRIFT } from '../helpers/drift.ts';

/** Goal: docs/repair.md is true. Method: its table names each store, kind and problem that the tests plant and heal, and no other. */

/** An index cannot be planted wrong by SQL; tests/e2e/damaged-memory.test.ts turns bits of them. */
const NOT_BY_SQL = ['records index changed'];

test('the page lists exactly the kinds of drift that are planted, found and healed', () => {
  const rows = readFileSync('docs/repair.md', 'utf8').matchAll(
    /^\| (records|graph|vectors|cache) \| (\w+) \| ([\w, ]+) \|/gm,
  );
  const listed = [...rows].flatMap(([, role, kind, problems]) =>
    problems!.split(', ').map((problem) => `${role} ${kind} ${problem}`),
  );
  const planted = DRIFT.map(([, , role, kind, problem]) => `${role} ${kind} ${problem}`);
  expect(listed.sort()).toEqual([...new Set([...planted, ...NOT_BY_SQL])].sort());
  expect(new Set(planted).size).toBeGreaterThanOrEqual(20);
});
