import { rmSync } from 'node:fs';
import { EXIT } from '../../lib/contracts/error-codes.ts';
import { dumpWhole } from '../helpers/dump-records.ts';
import { copyOf, type Place } from './damaged-homes.ts';
import { DAMAGES, type Patient } from './damages.ts';
import { byProgram, type Driver, inProcess, type Told } from './drivers.ts';
import { randomFrom } from './random.ts';
import { SETTINGS } from './scenario.ts';
import { halfDocuments } from './whole-documents.ts';

/** What became of one damage. */
export interface DamageOutcome {
  readonly number: number;
  readonly state: string;
  readonly damage: string;
  readonly detail: string;
  readonly recovery: string;
  /** How it was noticed first: by a word of a command, by `verify`, or not at all, which is harmless when nothing is wrong. */
  readonly noticed: string;
  readonly problems: readonly string[];
}

/** What is done first to a data directory with ruined journals, before the same command is given again. */
const RECOVERIES: { readonly [name: string]: (runId: string) => readonly string[] | null } = {
  'the same command': () => null,
  resume: () => ['resume'],
  'resume of the run': (runId) => ['resume', runId],
  cleanup: () => ['cleanup'],
  reconcile: () => ['reconcile'],
  rollback: (runId) => ['rollback', runId],
  'the run shown': (runId) => ['runs', 'show', runId],
  'the runs listed': () => ['runs', 'list'],
};

/** What a command says when it notices that a journal is not what it was. */
const WORDS: { readonly [word: string]: RegExp } = {
  'the journal is older than the records store says': /older than the records store says/,
  'no journal tells of the batch': /no journal tells of batch/,
  'there is no such run': /there is no run/,
  'the run has ended': /there is nothing to (?:resume|roll back)/i,
  'what is parked stays parked': /still parked/,
};

/** How often the built program does it all; in between the same commands are done in this process, which is quicker. */
const PROGRAM_EVERY = 10;

const STATUSES: ReadonlySet<number | null> = new Set<number>(
  Object.values(EXIT).filter((status) => status !== EXIT.bug),
);

/** How Node shows where an error was thrown. */
const STACK_TRACE = /\n\s+at .+:\d+:\d+/;

/**
 * Ruins the journals of a copy of the place, recovers, and does the same command again.
 *
 * A problem is: a memory that is not what an uninterrupted run gives, a `verify` that is content with one that is neither, a
 * stack trace, or an exit status that is in no table.
 */
export async function damageAndRecover(places: readonly Place[], number: number, seed: number): Promise<DamageOutcome> {
  const random = randomFrom(seed * 100_003 + number);
  const place = places[number % places.length]!;
  const recoveries = Object.keys(RECOVERIES);
  const recovery = recoveries[Math.floor(random() * recoveries.length)]!;
  const home = copyOf(place, number);
  try {
    const damage = ruin({ home, older: place.older, runId: place.runId, random }, Math.floor(number / places.length));
    const drive = number % PROGRAM_EVERY === 0 ? byProgram : inProcess;
    return { number, state: place.name, ...damage, recovery, ...(await judge(place, { home, recovery, drive })) };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Ruins files in the way of that number, or in the next way for which there is something to ruin. */
function ruin(patient: Patient, number: number): Pick<DamageOutcome, 'damage' | 'detail'> {
  const names = Object.keys(DAMAGES);
  for (let tried = 0; tried < names.length; tried += 1) {
    const damage = names[(number + tried) % names.length]!;
    const detail = DAMAGES[damage]!(patient);
    if (detail !== null) return { damage, detail };
  }
  throw new Error('there is nothing to ruin');
}

async function judge(
  place: Place,
  { home, recovery, drive }: { readonly home: string; readonly recovery: string; readonly drive: Driver },
): Promise<Pick<DamageOutcome, 'noticed' | 'problems'>> {
  const { scenario, runId } = place;
  const problems: string[] = [];
  const said: string[] = [];
  const run = async (...args: string[]): Promise<Told> => {
    const told = await drive(args, home, SETTINGS);
    const { exitCode, text } = told;
    if (!STATUSES.has(exitCode) || STACK_TRACE.test(text) || text.includes('has a bug'))
      problems.push(`${args.join(' ')} ended with ${exitCode}: ${text}`);
    for (const [word, pattern] of Object.entries(WORDS)) if (pattern.test(text)) said.push(word);
    return told;
  };
  const verified = async () => {
    const { exitCode, text } = await run('verify');
    const dump = dumpWhole(home);
    if (exitCode !== 0) {
      said.push('verify finds differences');
      return { dump, isContent: false, text };
    }
    const half = halfDocuments(dump, scenario.before, scenario.reference);
    if (half.length > 0) problems.push(`verify is content after ${recovery}, and half written are: ${half.join(', ')}`);
    return { dump, isContent: true, text };
  };
  const first = RECOVERIES[recovery]!(runId);
  if (first !== null) {
    const { exitCode, text } = await run(...first);
    const { isContent } = await verified();
    if (recovery === 'reconcile' && exitCode === EXIT.done && !isContent)
      problems.push(`verify finds differences after a reconcile that found none: ${text}`);
  }
  const again = () => run(...scenario.args.filter((argument) => argument !== '--json'));
  let ended = await again();
  // Where the run cannot be gone on with, that is said, and the next one does what it would have done.
  if (ended.exitCode === EXIT.needsAttention) ended = await again();
  if (ended.exitCode !== 3) problems.push(`the same command ended with ${ended.exitCode}: ${ended.text}`);
  const last = await verified();
  if (!last.isContent) problems.push(`verify finds differences at the end: ${last.text}`);
  if (JSON.stringify(last.dump) !== JSON.stringify(scenario.reference)) problems.push('another memory');
  return { noticed: said[0] ?? 'harmless', problems };
}

/** How many damages were noticed how, by their kind. */
export function countNoticed(outcomes: readonly DamageOutcome[]): string[] {
  const counts = new Map<string, number>();
  for (const { damage, noticed } of outcomes) {
    const row = `${damage}: ${noticed}`;
    counts.set(row, (counts.get(row) ?? 0) + 1);
  }
  return [...counts].sort(([a], [b]) => a.localeCompare(b)).map(([row, count]) => `${row}: ${count}`);
}
