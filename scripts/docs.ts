// `npm run docs`: writes docs/reference from the command tree, the settings table and the error table; `--check` only compares.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { createProgram } from '../commands/program.ts';
import { ERROR_CODES } from '../lib/contracts/error-codes.ts';
import { SETTINGS } from '../src/config/settings.ts';

const FOLDER = join(import.meta.dirname, '..', 'docs', 'reference');

function commandsPage(): string {
  const sections = visible(createProgram()).map(
    (command) => `## ${fullName(command)}\n\n\`\`\`\n${command.helpInformation().trim()}\n\`\`\`\n`,
  );
  return `# Commands\n\n${sections.join('\n')}`;
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
  const rows = Object.values(SETTINGS).map(
    ({ name, fallback, summary }) => `| \`${name}\` | ${fallback === '' ? '' : `\`${fallback}\``} | ${summary} |`,
  );
  return `# Settings\n\nThe environment counts over \`.env\`, that over \`apex.config.json\`.\n\n| name | default | what it is |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function errorsPage(): string {
  const rows = Object.entries(ERROR_CODES).map(
    ([code, { exit, meaning, help }]) => `| \`${code}\` | ${exit} | ${meaning} | ${help} |`,
  );
  return `# Error codes\n\n| code | exit status | meaning | what to do |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

const pages = { 'commands.md': commandsPage(), 'settings.md': settingsPage(), 'errors.md': errorsPage() };
const isCheck = process.argv.includes('--check');
mkdirSync(FOLDER, { recursive: true });
for (const [name, text] of Object.entries(pages)) {
  const path = join(FOLDER, name);
  if (!isCheck) writeFileSync(path, text);
  else if (readOrEmpty(path) !== text) {
    console.error(`docs/reference/${name} is stale: run npm run docs`);
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
