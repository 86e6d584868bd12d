import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { onMemory } from '../helpers/case.ts';
import { apex } from '../helpers/program.ts';
import { writeDocuments, writeFleet, writeSecondState } from './documents.ts';

/** A command that the crash tests kill everywhere. */
export interface KilledCommand {
  /** Changes the documents or the memory as the command is to find them. Gives what is typed. */
  begin(place: { readonly home: string; readonly documents: string }): Promise<readonly string[]>;
  /** What an uninterrupted one ends with. */
  readonly exitCode: number;
  /** Transactions in which the process may die: before their commit, and after it before anyone knows. */
  readonly commits: readonly string[];
  /** How many points it passes at the least, so that none gets lost. */
  readonly leastPoints: number;
}

const WRITES = [
  ...['records.open-run', 'records.allocate', 'records.write', 'graph.write', 'vectors.write', 'records.pivot'],
  ...['graph.publish', 'vectors.publish', 'graph.retire', 'vectors.retire', 'records.retire', 'records.finish'],
  ...['graph.close', 'cache.set', 'cache.retire'],
];

const RUN = [
  ...['journal.run_started', 'journal.batch_assigned', 'journal.effects_planned', 'journal.pivot_planned'],
  ...['journal.batch_done', 'journal.run_finished', 'registry.create', 'registry.set-state'],
];

/** Damages that a repair finds, each in another store or document. */
const DRIFT = [
  "UPDATE chunk SET text = 'somebody wrote this' WHERE document_id = $(load.txt)",
  'DELETE FROM point WHERE document_id = $(contract.md)',
  'DELETE FROM mention WHERE document_id = $(mail.eml)',
  'UPDATE graph_document SET is_live = 0 WHERE document_id = $(table.csv)',
  'DELETE FROM fact WHERE document_id = $(load.txt)',
  "INSERT INTO entity (entity_id, group_id, type, key, folded_key) VALUES ('stray', '', 'Load', 'LD-1', 'ld-1')",
];

/** Records of which none can be taken. */
const WRONG_READINGS = ['not a time', 'not a time', 'never a time'].map((time, index) =>
  JSON.stringify({
    ...{ id: `90${index}`, name: `TRUCK-90${index}` },
    gps: [{ time, latitude: 41, longitude: -87, speedMilesPerHour: index }],
  }),
);

/** Every command that is killed. */
export const COMMANDS = {
  ingest: {
    begin: async ({ documents }) => {
      writeSecondState(documents);
      return ['ingest', documents];
    },
    exitCode: 3,
    commits: [...WRITES, ...RUN],
    leastPoints: 60,
  },
  delete: {
    begin: async ({ home }) => ['delete', ...(await idsOf(home, ['mail.eml', 'contract.md', 'broken.pdf']))],
    exitCode: 0,
    commits: [
      ...['records.pivot', 'graph.retire', 'vectors.retire', 'records.retire', 'records.finish', 'cache.retire'],
      ...['journal.pivot_planned', 'journal.batch_done', 'registry.create', 'registry.set-state'],
    ],
    leastPoints: 20,
  },
  sync: {
    begin: async ({ documents }) => {
      writeSecondState(documents);
      mkdirSync(join(documents, 'moved'));
      renameSync(join(documents, 'contract.md'), join(documents, 'moved', 'contract.md'));
      for (const name of ['mail.eml', 'load.txt', 'broken.pdf']) rmSync(join(documents, name));
      writeDocuments(documents, { 'late.txt': 'Load number: LD-700009\nCarrier: Farrow Freight LLC\n' });
      return ['ingest', documents, '--sync'];
    },
    exitCode: 3,
    commits: [...WRITES, ...RUN],
    leastPoints: 60,
  },
  repair: {
    begin: async ({ home }) => {
      for (const plant of DRIFT) {
        const [, name] = /\$\((.+)\)/.exec(plant) ?? [];
        const [id] = name === undefined ? [''] : await idsOf(home, [name]);
        onMemory(home, (db) => db.exec(plant.replace(/\$\(.+\)/, `'${id}'`)));
      }
      return ['verify', '--repair'];
    },
    exitCode: 0,
    commits: [...WRITES, ...RUN, 'records.mend', 'graph.mend', 'records.check-text'],
    leastPoints: 60,
  },
  retry: {
    begin: async ({ documents }) => {
      writeDocuments(documents, {
        'empty.txt': 'No longer empty. Load number: LD-700001\nCarrier: Farrow Freight LLC\n',
      });
      return ['retry', '--all'];
    },
    exitCode: 3,
    commits: [
      ...['records.allocate', 'records.write', 'graph.write', 'vectors.write', 'records.pivot', 'graph.publish'],
      ...['vectors.publish', 'records.finish', 'cache.set'],
      ...RUN,
    ],
    leastPoints: 50,
  },
  'ingest-json': {
    begin: async ({ home, documents }) => {
      const file = join(documents, '..', 'records', 'fleet.ndjson');
      writeFleet(file, { readings: 40, plate: 'IL-1' });
      await apex(['ingest-json', '--source', 'samsara', file], { home });
      writeFleet(file, { readings: 300, plate: 'IL-2' });
      return ['ingest-json', '--source', 'samsara', file];
    },
    exitCode: 3,
    // What closes a fact of a thing comes with the thing's own version.
    commits: [...WRITES.filter((label) => label !== 'graph.close'), 'graph.latest', ...RUN],
    leastPoints: 60,
  },
  'records retry': {
    begin: async ({ home, documents }) => {
      const file = join(documents, '..', 'records', 'wrong.ndjson');
      writeDocuments(dirname(file), { 'wrong.ndjson': WRONG_READINGS.map((line) => `${line}\n`).join('') });
      await apex(['ingest-json', '--source', 'samsara', file], { home });
      // As if an apex had rejected all but one that knew less.
      onMemory(home, (db) => db.exec("UPDATE rejected SET raw = replace(raw, 'not a time', '2026-01-05T06:00:00Z')"));
      return ['records', 'retry'];
    },
    exitCode: 3,
    commits: [...WRITES.filter((label) => !/retire|close/.test(label)), 'graph.latest', ...RUN],
    leastPoints: 50,
  },
} as const satisfies Record<string, KilledCommand>;

export type CommandName = keyof typeof COMMANDS;

/** The ids of documents, current or set aside, by the names of their files. */
async function idsOf(home: string, names: readonly string[]): Promise<string[]> {
  const current = await apex(['documents', 'list', '--json'], { home });
  const setAside = await apex(['documents', 'list', '--quarantined', '--json'], { home });
  const rows = [...current.lines, ...setAside.lines];
  return names.map((name) =>
    String(rows.find(({ source_uri }) => String(source_uri).endsWith(`/${name}`))!['document_id']),
  );
}
