import { commandsByWord, indented, places, valueFlags } from './script.ts';
import { type Completed, type CompletedCommand, everyCommand } from './tree.ts';

/** The script for fish: to be sourced, or kept as `apex.fish` in its folder of completions. */
export function fishScript(program: CompletedCommand): string {
  const commands = everyCommand(program);
  return `# Completion of apex for fish. For this shell: apex completion fish | source
function __apex_at --description 'Is the command line in this command, with so many arguments before?'
  set -l words (commandline -opc)
  set -l command ''
  set -l flag ''
  set -l over ''
  set -l count 0
  for word in $words[2..-1]
    if test -n "$flag"
      set flag ''
    else if test -z "$over" -a "$word" = '--'
      set over 1
    else if test -z "$over"; and string match -qr -- '^-.' $word
      switch "$command $word"
        case ${valueFlags(program)
          .map(({ before }) => quoted(before))
          .join(' ')}
          set flag $word
      end
    else
      switch "$count $command $word"
${indented(
  commandsByWord(program).flatMap(({ before, command }) => [
    `case ${quoted(`0 ${before}`)}`,
    `  set command ${quoted(command.path)}`,
  ]),
  4,
)}
        case '*'
          set count (math $count + 1)
      end
    end
  end
  test "$command" = "$argv[1]"; and string match -q -- $argv[2] $count
end
complete -c apex -f
${commands.flatMap(linesOf).join('\n')}
`;
}

function linesOf(command: CompletedCommand): string[] {
  const at = (place: string) => `complete -c apex -n ${quoted(`__apex_at ${quoted(command.path)} ${quoted(place)}`)}`;
  return [
    ...command.commands.map(({ name, summary }) => `${at('0')} -a ${quoted(name)} -d ${quoted(summary)}`),
    ...places(command).map(({ place, completed }) => `${at(place)} ${offered(completed)}`),
    ...command.flags.map(({ spellings, summary, value }) => {
      const names = spellings.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
      const taken = value === null ? '' : value === 'path' ? ' -r -F' : ` -x ${offered(value)}`.trimEnd();
      return `${at('*')} ${names.join(' ')}${taken} -d ${quoted(summary)}`;
    }),
  ];
}

function offered(completed: Completed): string {
  if (completed === 'path') return '-F';
  return completed === 'anything' ? '' : `-a ${quoted(completed.words.join(' '))}`;
}

/** A text as one word of fish, in whose quotes a backslash and a quote are marked by a backslash. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
