// `npm run docs`: writes docs/reference from the command tree, the settings table and the error table, and the help that the program
// shows without building the tree; `--check` only compares.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Command } from 'commander';
import { createProgram } from '../commands/program.ts';
import { ERROR_CODES, type ErrorCode, EXIT, isQuarantineReason } from '../lib/contracts/error-codes.ts';
import type { FieldRow } from '../lib/contracts/feed.ts';
import { MAPPERS } from '../lib/mappers/index.ts';
import { SETTINGS, type SettingEntry } from '../src/config/settings.ts';
import { METRICS, type MetricFamily } from '../src/metrics/families.ts';

const ROOT = join(import.meta.dirname, '..');
const FOLDER = join(ROOT, 'docs', 'reference');

/** The pages must not depend on the terminal they are made on. */
const HELP_COLUMNS = 100;

function commandsPage(): string {
  const program = createProgram();
  const sections = [program, ...visible(program)].map(
    (command) => `## ${fullName(command)}\n\n\`\`\`\n${helpOf(command)}\n\`\`\`\n`,
  );
  return `# Commands\n\nWhat \`apex <command> --help\` shows.\n\n${sections.join('\n')}`;
}

/** All that a command's help shows, its examples too. */
function helpOf(command: Command): string {
  return shownHelp(command, HELP_COLUMNS).trim();
}

function shownHelp(command: Command, columns: number): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => columns,
  });
  command.outputHelp();
  return text;
}

/** What help is written for where there is no terminal. */
const NARROW_COLUMNS = 80;

/** Columns beyond which no line of the help is wrapped any more. */
const ENDLESS_COLUMNS = 1_000;

/** The program's own help as the module that holds it; see `commands/help.ts`. */
function helpModule(): string {
  const program = createProgram();
  const wide = shownHelp(program, ENDLESS_COLUMNS);
  let wideColumns = NARROW_COLUMNS;
  while (shownHelp(program, wideColumns) !== wide) wideColumns += 1;
  return [
    '// Made by `npm run docs` from the command tree: what `apex --help` shows.',
    '',
    '/** On 80 columns, and on so many that nothing is wrapped. */',
    'export const HELP = {',
    '  narrow: [',
    ...linesOf(shownHelp(program, NARROW_COLUMNS)),
    '  ],',
    `  wideColumns: ${wideColumns},`,
    '  wide: [',
    ...linesOf(wide),
    '  ],',
    '} as const;',
    '',
  ].join('\n');
}

function linesOf(text: string): string[] {
  return text.split('\n').map((line) => `    ${JSON.stringify(line)},`);
}

function visible(program: Command): Command[] {
  return program.commands.flatMap((command) => {
    const isHidden = (command as unknown as { _hidden: boolean })._hidden;
    return isHidden ? [] : [command, ...visible(command)];
  });
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

function settingsPage(): string {
  const entries: readonly SettingEntry[] = Object.values(SETTINGS);
  const rows = entries.map(({ name, fallback, summary, ...entry }) =>
    tableRow([`\`${name}\``, takes(entry), fallback === '' ? '' : `\`${fallback}\``, summary]),
  );
  return [
    '# Settings',
    '',
    'The environment counts over `.env`, that over `apex.config.json` (one JSON object of these names), both in the working folder. An',
    'empty value counts as none. A wrong value ends the command with exit status 78 and says what would be right.',
    '',
    tableRow(['name', 'takes', 'default', 'what it is']),
    tableRow(['---', '---', '---', '---']),
    ...rows,
    '',
  ].join('\n');
}

function takes({ type, choices, min, max, isSecret }: Omit<SettingEntry, 'name' | 'fallback' | 'summary'>): string {
  if (type === 'choice') return choices?.map((choice) => `\`${choice}\``).join(', ') ?? '';
  if (type === 'whole') return `a whole number, ${min} to ${max}`;
  if (type === 'name') return 'letters, digits, `_` and `-`';
  return isSecret === true ? 'a secret text' : 'a text';
}

/** What each exit status means, for people. */
const EXIT_MEANINGS: { readonly [name in keyof typeof EXIT]: string } = {
  done: 'Done.',
  usage: 'A flag or an argument is wrong, a path that is not there for one; the rest is done.',
  quarantined: 'Done; some documents are quarantined, the others are written.',
  rolledBack: 'Rolled back, as asked.',
  needsAttention: 'Something needs attention: a discard is parked, or `verify` found differences.',
  bug: 'A bug of apex.',
  disk: 'The journal or the disk failed.',
  temporary: 'A temporary failure: run the same command again.',
  permission: 'No permission.',
  config: 'A setting is missing or wrong.',
  interrupted: 'Interrupted by Ctrl-C; the message says how to go on.',
  terminated: 'Ended by SIGTERM; the message says how to go on.',
};

function errorsPage(): string {
  const codes = Object.entries(ERROR_CODES).map(([code, { exit, meaning, help }]) =>
    tableRow([`\`${code}\``, String(exit), isQuarantineReason(code as ErrorCode) ? 'yes' : '', meaning, help]),
  );
  const exits = Object.entries(EXIT).map(([name, status]) =>
    tableRow([String(status), EXIT_MEANINGS[name as keyof typeof EXIT]]),
  );
  return [
    '# Exit statuses and error codes',
    '',
    'Exit statuses are a promise: one never changes its meaning. Of several, the gravest is given.',
    '',
    tableRow(['exit status', 'meaning']),
    tableRow(['---', '---']),
    ...exits,
    '',
    'Codes stand in `error.code` of `--json` and beside quarantined documents. For a code that is marked so, a document is set aside while\nits run goes on: `apex documents list --reason <code>` lists them and `apex retry --reason <code>` tries them again.',
    '',
    tableRow(['code', 'exit status', 'set aside', 'meaning', 'what to do']),
    tableRow(['---', '---', '---', '---', '---']),
    ...codes,
    '',
  ].join('\n');
}

function metricsPage(): string {
  const families: readonly (readonly [string, MetricFamily])[] = Object.entries(METRICS);
  const rows = families.map(([name, { type, help, labels }]) =>
    tableRow([`\`${name}\``, type, Object.entries(labels).map(shownLabel).join('; '), help]),
  );
  return [
    '# Metrics',
    '',
    'What `apex metrics` prints, and what is left in `APEX_METRICS_DIR`. Each series has the label `memory` besides: `APEX_METRICS_NAME`. What',
    'is counted never goes back, whatever is killed; it goes on from what `metrics.db` in the data directory and the journals tell.',
    '',
    tableRow(['name', 'type', 'labels', 'what it is']),
    tableRow(['---', '---', '---', '---']),
    ...rows,
    '',
  ].join('\n');
}

/** So many values are listed; of more the page of errors tells. */
const LISTED_VALUES = 16;

function shownLabel([label, values]: readonly [string, readonly string[]]): string {
  if (values.length > LISTED_VALUES) return `\`${label}\`: an [error code](errors.md)`;
  return `\`${label}\`: ${values.map((value) => `\`${value}\``).join(', ')}`;
}

/** Where each field of the records of structured sources goes. */
async function fieldsPage(): Promise<string> {
  const sections: string[] = [];
  for (const [source, load] of Object.entries(MAPPERS)) {
    const { fields } = await load();
    for (const [shape, rows] of Map.groupBy(fields, (row) => row.shape))
      sections.push(
        [
          `## ${source}: ${shape}\n`,
          tableRow(['field', 'goes to']),
          tableRow(['---', '---']),
          ...rows.map(({ path, goesTo }) => tableRow([`\`${path}\``, destinationOf(goesTo)])),
        ].join('\n'),
      );
  }
  return [
    '# Fields of records\n',
    'Where each field goes of the records that `apex ingest-json` takes. The whole record of a thing is kept too, without secrets, with the thing; records of readings and events, rows of lists and pushed changes are not.\n',
    `${sections.join('\n\n')}\n`,
  ].join('\n');
}

function destinationOf(goesTo: FieldRow['goesTo']): string {
  if ('attribute' in goesTo) return `attribute \`${goesTo.attribute}\``;
  if ('key' in goesTo) return 'the key of the thing';
  if ('name' in goesTo) return `a name: ${goesTo.name}`;
  if ('fact' in goesTo) return `fact \`${goesTo.fact}\``;
  if ('reading' in goesTo) return `series \`${goesTo.reading}\``;
  if ('text' in goesTo) return 'the text that is searched';
  return 'raw' in goesTo ? `the raw record only: ${goesTo.raw}` : `nowhere: ${goesTo.dropped}`;
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

const pages = {
  [join(FOLDER, 'commands.md')]: commandsPage(),
  [join(FOLDER, 'settings.md')]: settingsPage(),
  [join(FOLDER, 'errors.md')]: errorsPage(),
  [join(FOLDER, 'metrics.md')]: metricsPage(),
  [join(FOLDER, 'record-fields.md')]: await fieldsPage(),
  [join(ROOT, 'commands', 'help-text.ts')]: helpModule(),
};
const isCheck = process.argv.includes('--check');
mkdirSync(FOLDER, { recursive: true });
for (const [path, text] of Object.entries(pages)) {
  if (!isCheck) writeFileSync(path, text);
  else if (readOrEmpty(path) !== text) {
    console.error(`${relative(ROOT, path)} is stale: run npm run docs`);
    process.exitCode = 1;
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
