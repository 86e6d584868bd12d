import type { ErrorCode } from '../lib/contracts/error-codes.ts';
import { QUARANTINE_REASONS } from '../lib/contracts/error-codes.ts';
import { UsageError } from '../lib/contracts/errors.ts';

/** The reason that a flag names, in any case. @throws UsageError naming the near one and where all are told. */
export async function quarantineReason(name: string): Promise<ErrorCode> {
  const reason = QUARANTINE_REASONS.find((code) => code === name.toUpperCase());
  if (reason !== undefined) return reason;
  const { nearest } = await import('../src/config/nearest.ts');
  const near = nearest(name, QUARANTINE_REASONS);
  const hint = near === null ? `the reasons are ${QUARANTINE_REASONS.join(', ')}` : `did you mean ${near}?`;
  throw new UsageError(`${name} is no reason for quarantine; ${hint}`, { code: 'APEX_USAGE', details: { name } });
}
