import type { Command } from 'commander';
import { ERROR_CODES, EXIT } from '../lib/contracts/error-codes.ts';
import { type ApexError, UsageError } from '../lib/contracts/errors.ts';
import type { ReportedSetting, SettingsReport } from '../src/config/report.ts';
import type { CommonFlags } from './host.ts';
import { settingJson } from './ui/json.ts';
import { printError, printJson, printLine, printNote } from './ui/output.ts';
import { table } from './ui/table.ts';
import { safeText } from './ui/text.ts';

/** `apex config [setting]`: what the settings are and where they come from. */
export function registerConfig(program: Command): void {
  program
    .command('config')
    .summary('every setting, its value and where it comes from')
    .description(
      'Every setting, its value and where it comes from; secrets are never shown. With a name: the value of that one alone. What is wrong is marked and explained, and then the exit status is 78.',
    )
    .argument('[setting]', 'its name, as APEX_HOME')
    .option('--json', 'one JSON object a line on standard output')
    .addHelpText('after', '\nExamples:\n  $ apex config\n  $ apex config APEX_HOME\n  $ apex config --json')
    .action(async (name: string | undefined, flags: CommonFlags) => {
      const { reportedSettings } = await import('./settings.ts');
      const report = await reportedSettings();
      await (name === undefined ? showAll(report, flags) : showOne(name, report, flags));
    });
}

async function showAll(report: SettingsReport, flags: CommonFlags): Promise<void> {
  const { settings, files, problems } = report;
  process.exitCode = statusOf(problems);
  if (flags.json === true) {
    for (const setting of settings) printJson({ event: 'setting', ...settingJson(setting) });
    const told = problems.map(({ code, message }) => ({ code, message }));
    printJson({ event: 'config', settings: settings.length, files, problems: told, exit_status: process.exitCode });
    return;
  }
  const header = [{ header: 'setting' }, { header: 'from', isOptional: true }, { header: 'value' }];
  for (const line of table(header, settings.map(rowOf))) printLine(line);
  for (const path of files) printNote(`settings file: ${safeText(path)}`);
  await noteProblems(problems);
}

function rowOf(setting: ReportedSetting): string[] {
  const { name, origin, place, value, problem } = setting;
  const mark = problem === null ? '' : '✗ ';
  return [name, place === null ? origin : `${origin}:${place.line}`, `${mark}${value === '' ? '-' : value}`];
}

async function showOne(name: string, report: SettingsReport, flags: CommonFlags): Promise<void> {
  const setting = report.settings.find((candidate) => candidate.name === name);
  if (setting === undefined) throw await unknownSetting(name, report);
  const { problemsOf } = await import('../src/config/report.ts');
  const problems = problemsOf(report, name);
  process.exitCode = statusOf(problems);
  if (flags.json === true) printJson({ event: 'setting', ...settingJson(setting) });
  else printLine(safeText(setting.value));
  await noteProblems(problems);
}

async function unknownSetting(name: string, { settings }: SettingsReport): Promise<UsageError> {
  const { nearest } = await import('../src/config/nearest.ts');
  const names = settings.map((setting) => setting.name);
  const near = nearest(name, names);
  const hint = near === null ? 'apex config shows all' : `did you mean ${near}?`;
  return new UsageError(`there is no setting ${JSON.stringify(name)}; ${hint}`, { code: 'NOT_FOUND' });
}

/** What any other command would end with. */
function statusOf([first]: readonly ApexError[]): number {
  return first === undefined ? EXIT.done : ERROR_CODES[first.code].exit;
}

async function noteProblems(problems: readonly ApexError[]): Promise<void> {
  if (problems.length === 0) return;
  const { styleOf } = await import('./ui/style.ts');
  const { failure } = styleOf('stderr');
  for (const { message } of problems) printError(failure(`✗ ${safeText(message)}`));
}
