// Completion: the command tree as data, and a script of it for each shell.
// May import commander and the settings table.
// Must never run a command: a script is made once and asks nobody.

import type { Argument, Command, Option } from 'commander';
import { SETTINGS } from '../../src/config/settings.ts';

/** What may stand in a place of the command line. */
export type Completed = { readonly words: readonly string[] } | 'path' | 'anything';

/** A flag with all its spellings. */
export interface CompletedFlag {
  readonly spellings: readonly string[];
  readonly summary: string;
  /** What its value is, or null when it takes none. */
  readonly value: Completed | null;
}

/** A command with what may follow it. */
export interface CompletedCommand {
  /** Its name and those above it, without the program's: `runs show`; empty for the program. */
  readonly path: string;
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly CompletedCommand[];
  readonly flags: readonly CompletedFlag[];
  /** Its arguments in order; the last may be repeated when `isRepeated`. */
  readonly operands: readonly Completed[];
  readonly isRepeated: boolean;
}

/** How an argument or a value is called in the help that is a place on disk. */
const PATH_NAME = /path|file|folder|target|location/i;

/** What arguments of these names stand for, where it is known beforehand. */
const NAMED_WORDS: { readonly [name: string]: readonly string[] } = {
  setting: Object.values(SETTINGS).map(({ name }) => name),
};

/** What people may type, from the tree itself: a command that is added appears by itself, one that is hidden does not. */
export function completedTree(program: Command): CompletedCommand {
  return completedCommand(program, '', []);
}

function completedCommand(command: Command, path: string, inherited: readonly Option[]): CompletedCommand {
  const help = command.createHelp();
  const own = help.visibleOptions(command);
  const handedDown = [...inherited, ...own.filter(({ long }) => long !== '--help' && long !== '--version')];
  const commands = help.visibleCommands(command).map((child) => {
    const childPath = path === '' ? child.name() : `${path} ${child.name()}`;
    return child.name() === 'help'
      ? helpCommand(child, childPath, command)
      : completedCommand(child, childPath, handedDown);
  });
  const byDefault = commands.find(({ name }) => name === defaultName(command));
  return {
    path,
    name: command.name(),
    summary: command.summary() || command.description(),
    commands,
    flags: withoutTwins([...own, ...inherited].map(completedFlag), byDefault?.flags ?? []),
    operands: command.registeredArguments.map(completedArgument),
    isRepeated: command.registeredArguments.at(-1)?.variadic === true,
  };
}

/** The command `help` takes the names of those beside it. */
function helpCommand(help: Command, path: string, parent: Command): CompletedCommand {
  const words = parent
    .createHelp()
    .visibleCommands(parent)
    .map((command) => command.name());
  const summary = help.summary() || help.description();
  return { path, name: 'help', summary, commands: [], flags: [], operands: [{ words }], isRepeated: false };
}

/** What a group does without a subcommand: its flags may follow the group's own name. */
function defaultName(command: Command): string | null {
  return (command as unknown as { _defaultCommandName: string | null })._defaultCommandName;
}

function withoutTwins(flags: readonly CompletedFlag[], more: readonly CompletedFlag[]): CompletedFlag[] {
  const known = new Set(flags.map(({ spellings }) => spellings[0]));
  return [...flags, ...more.filter(({ spellings }) => !known.has(spellings[0]))];
}

function completedFlag({ short, long, description, required, optional, argChoices, flags }: Option): CompletedFlag {
  const takesValue = required || optional;
  const valueName = /[<[](.+?)[>\]]/.exec(flags)?.[1] ?? '';
  return {
    spellings: [long, short].filter((spelling) => spelling !== undefined),
    summary: description,
    value: takesValue ? completed(valueName, argChoices) : null,
  };
}

function completedArgument(argument: Argument): Completed {
  return completed(argument.name(), argument.argChoices);
}

function completed(name: string, choices: readonly string[] | undefined): Completed {
  if (choices !== undefined) return { words: choices };
  const words = NAMED_WORDS[name];
  if (words !== undefined) return { words };
  return PATH_NAME.test(name) ? 'path' : 'anything';
}

/** A command and all below it, those above first. */
export function everyCommand(command: CompletedCommand): CompletedCommand[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}
