import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dumpMemory } from '../helpers/dump.ts';
import { apex, type Finished, newFolder } from '../helpers/program.ts';

/** Small batches, so that a handful of documents passes every point several times; one at a time, so that points come in order. */
export const SETTINGS = { APEX_BATCH_SIZE: '3', APEX_CONCURRENCY: '1' };

/** A memory with a first state of a folder, and the folder's second state: what every crash test starts from. */
export interface Scenario {
  /** The folder of documents, in its second state. */
  readonly documents: string;
  /** Another folder, for the ingest that comes in between. */
  readonly others: string;
  /** The command that is killed. */
  readonly args: readonly string[];
  /** What the memory holds before it. */
  readonly before: Record<string, unknown[]>;
  /** What an uninterrupted run of it gives. */
  readonly reference: Record<string, unknown[]>;
  /** The points that an uninterrupted run passes, each once, in order of first passing. */
  readonly points: readonly string[];
  /** A copy of the memory before the command. */
  newHome(): string;
  remove(): void;
}

/** Transactions in which a process may die: before their commit, and after it before anyone knows. */
const COMMITS: { readonly [command in 'ingest' | 'delete']: readonly string[] } = {
  ingest: [
    ...['records.open-run', 'records.allocate', 'records.write', 'graph.write', 'vectors.write', 'records.pivot'],
    ...[
      'graph.publish',
      'vectors.publish',
      'graph.retire',
      'vectors.retire',
      'records.retire',
      'records.finish',
      'graph.close',
      'cache.set',
      'cache.retire',
    ],
    ...[
      'journal.run_started',
      'journal.batch_assigned',
      'journal.effects_planned',
      'journal.pivot_planned',
      'journal.batch_done',
      'journal.run_finished',
    ],
  ],
  delete: [
    'records.pivot',
    'graph.retire',
    'vectors.retire',
    'records.retire',
    'records.finish',
    'cache.retire',
    'journal.pivot_planned',
    'journal.batch_done',
  ],
};

export async function openScenario(command: 'ingest' | 'delete'): Promise<Scenario> {
  const root = newFolder(`crash-${command}`);
  const documents = join(root, 'documents');
  const others = join(root, 'others');
  const before = join(root, 'before');
  writeFirstState(documents);
  writeDocuments(others, { 'other.md': '# Other\n\nLoad LD-900001 is carried by Farrow Freight LLC.\n' });
  await mustSucceed(apex(['ingest', documents, '--json'], { home: before, env: SETTINGS }), 3);
  let args = ['ingest', documents, '--json'];
  if (command === 'ingest') writeSecondState(documents);
  else args = ['delete', ...(await idsOf(before, ['mail.eml', 'contract.md', 'broken.pdf'])), '--json'];
  const after = join(root, 'after');
  cpSync(before, after, { recursive: true });
  const log = join(root, 'points.log');
  await mustSucceed(
    apex(args, { home: after, env: { ...SETTINGS, APEX_CRASH_LOG: log } }),
    command === 'ingest' ? 3 : 0,
  );
  const passed = [...new Set(readFileSync(log, 'utf8').trim().split('\n'))];
  const commits = COMMITS[command].flatMap((label) => [`${label}:before-commit`, `${label}:after-commit`]);
  let homes = 0;
  return {
    documents,
    others,
    args,
    before: dumpMemory(before),
    reference: dumpMemory(after),
    points: [...passed, ...commits],
    newHome: () => {
      homes += 1;
      const home = join(root, `home-${homes}`);
      cpSync(before, home, { recursive: true });
      return home;
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** How a killed command is brought to its end. */
export const RECOVERIES = ['resume', 'rollback', 'cleanup first', 'second ingest first'] as const;
export type Recovery = (typeof RECOVERIES)[number];

/** What a kill and a recovery from it came to. */
export interface Outcome {
  readonly killed: Finished;
  readonly verified: Finished;
  readonly dump: Record<string, unknown[]>;
}

/** Kills the scenario's command at a point, recovers, verifies and dumps. */
export async function killAndRecover(scenario: Scenario, point: string, recovery: Recovery): Promise<Outcome> {
  const home = scenario.newHome();
  const killed = await apex(scenario.args, { home, env: { ...SETTINGS, APEX_CRASH_POINT: point } });
  await recover(scenario, home, recovery);
  const verified = await apex(['verify', '--json'], { home });
  const dump = dumpMemory(home, (sourceUri) => !sourceUri.includes('/others/'));
  rmSync(home, { recursive: true, force: true });
  return { killed, verified, dump };
}

/** Brings a memory whose command was killed to the state an uninterrupted run would have reached. */
export async function recover(scenario: Scenario, home: string, recovery: Recovery): Promise<void> {
  const again = () => apex(scenario.args, { home, env: SETTINGS });
  if (recovery === 'rollback') {
    const runId = await interruptedRun(home);
    if (runId !== null) await mustSucceed(apex(['rollback', runId, '--json'], { home, env: SETTINGS }), 4);
  } else if (recovery === 'cleanup first') {
    await mustSucceed(apex(['cleanup', '--json'], { home, env: SETTINGS }), 0);
  } else if (recovery === 'second ingest first') {
    await mustSucceed(apex(['ingest', scenario.others, '--json'], { home, env: SETTINGS }), 0);
  }
  const resumed = recovery === 'rollback' ? null : await apex(['resume', '--json'], { home, env: SETTINGS });
  // A command killed before its run was listed, or after its end, leaves nothing to resume: then it is run again.
  if (resumed === null || resumed.stdout === '') await again();
}

async function interruptedRun(home: string): Promise<string | null> {
  const { lines } = await apex(['runs', 'list', '--json'], { home });
  const run = lines.find(({ state }) => state === 'running' || state === 'interrupted');
  return run === undefined ? null : String(run['run_id']);
}

async function idsOf(home: string, names: readonly string[]): Promise<string[]> {
  const current = await apex(['documents', 'list', '--json'], { home });
  const setAside = await apex(['documents', 'list', '--quarantined', '--json'], { home });
  const rows = [...current.lines, ...setAside.lines];
  return names.map((name) =>
    String(rows.find(({ source_uri }) => String(source_uri).endsWith(`/${name}`))!['document_id']),
  );
}

async function mustSucceed(running: Promise<Finished>, exitCode: number): Promise<void> {
  const finished = await running;
  if (finished.exitCode !== exitCode)
    throw new Error(
      `exit ${finished.exitCode} ${finished.signal}, expected ${exitCode}: ${finished.stdout}\n${finished.stderr}`,
    );
}

function writeFirstState(folder: string): void {
  writeDocuments(folder, {
    'contract.md':
      '# Contract\n\n## Parties\n\nShipper: Tarrow Foods Inc\n\n## Term\n\nDated January 5, 2026. The term is one year.\n',
    'load.txt':
      'Date: January 10, 2026\n\nLoad number: LD-700001\nCarrier: Farrow Freight LLC\nShipper: Tarrow Foods Inc\n',
    'table.csv': 'Load,Carrier\nLD-700001,Farrow Freight LLC\nLD-700002,Brightwater Trucking Inc\n',
    'unchanged.txt': 'This document never changes. Invoice number: INV-4711.\n',
    'mail.eml': mail('Load LD-700001 leaves today.', [
      'Attached: BOL number: BOL-880001',
      'Second attachment, PO number: PO-5501',
    ]),
    'broken.pdf': '%PDF-1.7 and nothing else',
  });
}

function writeSecondState(folder: string): void {
  writeDocuments(folder, {
    'contract.md':
      '# Contract\n\n## Parties\n\nShipper: Tarrow Foods Inc\n\n## Term\n\nDated January 5, 2026. The term is two years.\n',
    'load-2.txt': 'Date: January 20, 2026\n\nLoad number: LD-700001\nCarrier: Brightwater Trucking Inc\n',
    'table.csv': 'Load,Carrier\nLD-700002,Brightwater Trucking Inc\n',
    'mail.eml': mail('Load LD-700001 left yesterday.', ['Attached: BOL number: BOL-880001']),
    'also-broken.pdf': '%PDF-1.4 broken too',
    'new.html':
      '<html><body><h1>Notice</h1><p>Load LD-700003 is delayed. Carrier: Farrow Freight LLC</p></body></html>',
  });
}

function writeDocuments(folder: string, documents: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(documents)) writeFileSync(join(folder, name), text);
}

function mail(text: string, attachments: readonly string[]): string {
  const parts = attachments.map(
    (body, index) =>
      `--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename="a${index}.txt"\n\n${body}\n`,
  );
  return `From: Dana Reyes <dana@tarrow.example>\nTo: ops@farrow.example\nSubject: LD-700001\nDate: Mon, 12 Jan 2026 09:00:00 +0000\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\n${text}\n${parts.join('')}--b--\n`;
}
