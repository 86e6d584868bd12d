/** A test as Vitest's JSON report tells of it. */
export interface TestResult {
  readonly fullName: string;
  readonly status: string;
  readonly failureMessages: readonly string[];
}

interface Named {
  /** As it stands in the source, with its placeholders. */
  readonly title: string;
  /** Of a table of cases the one that is meant; all of them when left out. */
  readonly row?: string;
}

/** The full names of the tests that come of a title: each placeholder stands for the row, or for anything. */
export function titlePattern({ title, row }: Named): RegExp {
  const parts = title.split(/%[sjoidf]|\$\w+/).map((part) => part.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
  return new RegExp(`${parts.join(row ?? '.*')}$`);
}

/** What is said of a bug that a test noticed. */
export const CAUGHT = 'caught';

/** How Vitest begins the message of an assertion that does not hold, of a value and of a promise. */
const ASSERTION = /^(?:AssertionError: |Error: (?:expected |promise (?:resolved|rejected) ))/;

/** Caught when the tests of that title ran and every one failed by an assertion; an error on the way there proves nothing. */
export function verdictOf(results: readonly TestResult[], named: Named): string {
  const pattern = titlePattern(named);
  const ran = results.filter(({ fullName, status }) => pattern.test(fullName) && /^(?:passed|failed)$/.test(status));
  if (ran.length === 0) return 'NOT CAUGHT: no test ran';
  const missed = ran.find(
    ({ status, failureMessages }) => status === 'passed' || !ASSERTION.test(failureMessages[0] ?? ''),
  );
  if (missed === undefined) return CAUGHT;
  return `NOT CAUGHT: ${missed.fullName}: ${missed.failureMessages[0]?.split('\n')[0] ?? missed.status}`;
}
