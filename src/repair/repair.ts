// Healing: takes what verify finds to where nothing differs any more.
// May import src and lib/contracts.
// Must never guess: what cannot be proved to be what was written is left, and said.

import type { Difference } from '../../lib/contracts/apex.ts';
import { EXIT } from '../../lib/contracts/error-codes.ts';
import type { RunSession } from '../pipeline/session.ts';
import { atWork } from '../verify/at-work.ts';
import { INVENTORIED } from '../verify/compare.ts';
import { verify } from '../verify/verify.ts';
import { healDocuments } from './documents.ts';
import {
  clearCache,
  mendClosings,
  mendDocuments,
  mendIndexes,
  mendLatest,
  mendStrays,
  retireOrphans,
} from './sweep.ts';

/** Looks at everything at most so often: what was healed may have hidden something else. */
const MAX_LOOKS = 6;

/**
 * Heals what verify finds and looks again, until nothing differs or healing changes nothing more. Whatever it does may be
 * repeated, so a repair that was killed is gone on with by doing it again.
 */
export async function repairAll(session: RunSession): Promise<void> {
  let before = '';
  for (let looks = 1; ; looks += 1) {
    session.signal.throwIfAborted();
    const report = await look(session);
    session.onEvent({ kind: 'looked', report });
    if (report.differences.length === 0) return;
    const found = signatureOf(report.differences);
    if (found === before || looks === MAX_LOOKS) break;
    before = found;
    await heal(report.differences, session);
  }
  session.earn(EXIT.needsAttention);
}

function look({ parts, runId, signal, onEvent }: RunSession) {
  const options = {
    atWork: () => atWork(parts, { exceptRunId: runId, signal }),
    embeddingModel: parts.embedder.model,
    onCompared: (documents: number) => onEvent({ kind: 'compared', documents }),
  };
  return verify(parts.stores, options, signal);
}

/** What differs, without what changes by writing a document again. */
function signatureOf(differences: readonly Difference[]): string {
  return JSON.stringify(
    differences.map(({ document_id, role, kind, problem }) => [document_id, role, kind, problem]).sort(),
  );
}

/**
 * In the order in which one heal makes way for the next: through an index that is wrong nothing is seen right; a document's own row
 * says which versions are orphans; full text must agree with the chunks that are about to be removed; and a wrong embedding
 * must not be taken for a right one.
 */
async function heal(differences: readonly Difference[], session: RunSession): Promise<void> {
  const indexes = differences.filter(({ kind }) => kind === 'index');
  if (indexes.length > 0) return mendIndexes(indexes, session);
  await clearCache(differences, session);
  await mendDocuments(differences, session);
  await retireOrphans(differences, session);
  await mendStrays(differences, session);
  await healDocuments(documentsIn(differences), session);
  await mendClosings(differences, session);
  await mendLatest(differences, session);
}

/** What a document written again would not change. */
const DERIVED: ReadonlySet<string> = new Set(['closing', 'series', 'latest']);

function documentsIn(differences: readonly Difference[]): string[] {
  const roles: readonly string[] = INVENTORIED;
  const found = differences.filter(({ role, kind }) => roles.includes(role) && !DERIVED.has(kind));
  return [...new Set(found.map(({ document_id }) => document_id))].filter((id) => id !== '').sort();
}
