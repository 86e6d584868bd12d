// The doctor: looks at every part and says what is wrong with it and what to do.
// May import src and lib/contracts.
// Must never change anything.

import { type Check, type Finding, problem } from '../../lib/contracts/check.ts';
import { ERROR_CODES, type ErrorCode, EXIT } from '../../lib/contracts/error-codes.ts';
import { type ApexError, isApexError } from '../../lib/contracts/errors.ts';
import type { Surroundings } from '../pipeline/context.ts';
import { graver } from '../pipeline/session.ts';

/** How long a check may take that does not say so itself. */
const LIMIT_MS = 10_000;

/** A check's name with what it came to. */
export interface NamedFinding extends Finding {
  readonly name: string;
}

/** What all checks came to. */
export interface Diagnosis {
  /** In the order of the checks. */
  readonly findings: readonly NamedFinding[];
  /** 0 when nothing is a problem, else the gravest of the problems'. */
  readonly exitStatus: number;
  /** A check is still at work, although its time is over. */
  readonly isCheckLeft: boolean;
}

interface DoctorOptions {
  readonly sleep: Surroundings['sleep'];
  /** Hears how many checks have ended so far. */
  readonly onEnded: (count: number) => void;
}

/** Does all checks side by side. One that fails, or does not come to an end, is a finding and stops no other. */
export async function diagnose(checks: readonly Check[], { sleep, onEnded }: DoctorOptions): Promise<Diagnosis> {
  let ended = 0;
  let isCheckLeft = false;
  const findings = await Promise.all(
    checks.map(async (check): Promise<NamedFinding> => {
      const finding = await contained(check, sleep);
      ended += 1;
      onEnded(ended);
      isCheckLeft ||= finding === null;
      return { name: check.name, ...(finding ?? lateFinding(check)) };
    }),
  );
  const statuses = findings.flatMap(({ code }) => (code === null ? [] : [ERROR_CODES[code].exit]));
  return { findings, exitStatus: statuses.reduce<number>(graver, EXIT.done), isCheckLeft };
}

/** What the check came to within its time; null when it did not. */
async function contained(check: Check, sleep: Surroundings['sleep']): Promise<Finding | null> {
  const over = new AbortController();
  const done = new AbortController();
  const checked = asyncOf(() => check.run(over.signal))
    .catch(findingOf)
    .finally(() => done.abort());
  const late = sleep(check.limitMs ?? LIMIT_MS, done.signal).then(
    () => {
      over.abort();
      return null;
    },
    () => checked,
  );
  return Promise.race([checked, late]);
}

async function asyncOf<T>(work: () => Promise<T>): Promise<T> {
  return work();
}

function findingOf(error: unknown): Finding {
  if (isApexError(error)) return toldFailure(error);
  const system = systemCode(error);
  if (system !== null) return problem(SYSTEM_CODES[system]!, `the system says ${system}`);
  // The message may be a driver's, which may say what nobody should read.
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return problem('CHECK_FAILED', `the check itself failed (${String(code ?? name)})`);
}

/** Messages about settings end with what to do, which the table of codes leaves to them. */
function toldFailure({ code, message }: ApexError): Finding {
  const [found = '', ...advice] = message.split('; ');
  if (advice.length === 0 || ERROR_CODES[code].exit !== EXIT.config) return problem(code, message);
  const text = advice.join('; ');
  return problem(code, found, `${text.charAt(0).toUpperCase()}${text.slice(1)}.`);
}

/** What the system's refusals mean. */
const SYSTEM_CODES: { readonly [systemCode: string]: ErrorCode } = {
  EACCES: 'APEX_PERMISSION',
  EPERM: 'APEX_PERMISSION',
  EROFS: 'APEX_PERMISSION',
  ENOSPC: 'DISK_FULL',
  EIO: 'APEX_JOURNAL',
};

function systemCode(error: unknown): string | null {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && code in SYSTEM_CODES ? code : null;
}

function lateFinding({ limitMs = LIMIT_MS }: Check): Finding {
  return problem('CHECK_FAILED', `no answer within ${limitMs / 1_000} s`);
}
