import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type Check, type Finding, ok, problem, warning } from '../../../lib/contracts/check.ts';
import { StoreError } from '../../../lib/contracts/errors.ts';
import { diagnose } from '../../../src/doctor/doctor.ts';

const check = (name: string, run: Check['run'], limitMs = 10_000): Check => ({ name, limitMs, run });
const gives = (finding: Finding) => async () => finding;
const never = () => new Promise<Finding>(() => {});

/** A clock on which only what takes longer than a check may is ever over. */
const sleep = async (ms: number, signal: AbortSignal) => {
  await delay(ms, undefined, { signal });
};
const examined = (...checks: Check[]) => diagnose(checks, { sleep, onEnded: () => {} });

test('findings come in the order of the checks, whichever ends first', async () => {
  const slow = check('slow', async () => {
    await delay(20);
    return ok('there');
  });
  const { findings } = await examined(slow, check('quick', gives(ok('here'))));
  expect(findings.map(({ name, found }) => [name, found])).toEqual([
    ['slow', 'there'],
    ['quick', 'here'],
  ]);
});

test('warnings leave the exit status at 0, the gravest problem decides it', async () => {
  expect((await examined(check('a', gives(warning('x', 'y'))))).exitStatus).toBe(0);
  const problems = [problem('APEX_STORE', 'x'), problem('APEX_JOURNAL', 'x'), problem('APEX_CONFIG', 'x')];
  const { exitStatus } = await examined(...problems.map((finding, index) => check(String(index), gives(finding))));
  expect(exitStatus).toBe(74);
});

test('a failure that is foreseen is a problem of its code, with what the table says to do', async () => {
  const { findings, exitStatus } = await examined(
    check('store', () => Promise.reject(new StoreError('the store is gone', { code: 'APEX_STORE' }))),
  );
  expect(findings).toMatchObject([
    {
      name: 'store',
      level: 'problem',
      found: 'the store is gone',
      code: 'APEX_STORE',
      advice: 'Run the same command again.',
    },
  ]);
  expect(exitStatus).toBe(75);
});

test('a check that fails by itself stops no other, and a driver’s text is not told', async () => {
  const broken = check('broken', () => {
    throw new TypeError('password=1234 is not a function');
  });
  const { findings } = await examined(broken, check('fine', gives(ok('fine'))));
  expect(findings).toMatchObject([
    { level: 'problem', code: 'CHECK_FAILED', found: 'the check itself failed (TypeError)' },
    { level: 'ok' },
  ]);
});

test('a check that does not come to an end is left alone and told, and the others are not lost by it', async () => {
  let wasTold = false;
  const stuck = check(
    'stuck',
    (signal) => {
      signal.addEventListener('abort', () => {
        wasTold = true;
      });
      return never();
    },
    5,
  );
  const { findings, isCheckLeft } = await examined(stuck, check('fine', gives(ok('fine'))));
  expect(findings).toMatchObject([
    { level: 'problem', code: 'CHECK_FAILED', found: 'no answer within 0.005 s' },
    { level: 'ok' },
  ]);
  expect({ isCheckLeft, wasTold }).toEqual({ isCheckLeft: true, wasTold: true });
});

test('how many have ended is told as they do', async () => {
  const counts: number[] = [];
  const checks = [check('a', gives(ok(''))), check('b', gives(ok('')))];
  const { isCheckLeft } = await diagnose(checks, { sleep, onEnded: (count) => counts.push(count) });
  expect(counts).toEqual([1, 2]);
  expect(isCheckLeft).toBe(false);
});
