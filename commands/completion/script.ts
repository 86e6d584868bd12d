import { type Completed, type CompletedCommand, type CompletedFlag, everyCommand } from './tree.ts';

/** A text as one word of a shell: single quotes leave all but themselves alone. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A line of a `case`: what is done for the words that fit any of the patterns; nothing without patterns. */
export function branch(patterns: readonly string[], action: string): string[] {
  return patterns.length === 0 ? [] : [`${patterns.join(' | ')}) ${action} ;;`];
}

/** Lines moved to the right by so many steps. */
export function indented(lines: readonly string[], steps: number): string {
  return lines.map((line) => `${'  '.repeat(steps)}${line}`).join('\n');
}

/** Every command below the program, as a shell sees it come: the command it stands in, then the word. */
export function commandsByWord(
  program: CompletedCommand,
): { readonly before: string; readonly command: CompletedCommand }[] {
  return everyCommand(program).flatMap((parent) =>
    parent.commands.map((command) => ({ before: `${parent.path} ${command.name}`, command })),
  );
}

/** Every spelling of a flag that takes a value, behind the command it may follow. */
export function valueFlags(program: CompletedCommand): { readonly before: string; readonly value: Completed }[] {
  return everyCommand(program).flatMap(({ path, flags }) =>
    flags.flatMap(({ spellings, value }: CompletedFlag) =>
      value === null ? [] : spellings.map((spelling) => ({ before: `${path} ${spelling}`, value })),
    ),
  );
}

/** What may stand in each place of a command that anything is known of; `place` is a pattern of how many arguments stand before. */
export function places(command: CompletedCommand): { readonly place: string; readonly completed: Completed }[] {
  const last = command.operands.length - 1;
  return command.operands.flatMap((completed, index) => {
    if (completed === 'anything') return [];
    return [{ place: command.isRepeated && index === last ? '*' : String(index), completed }];
  });
}

/** For bash and zsh alike, in the loop over the words before the one that is completed: what `$word` is. */
export function wordCases(program: CompletedCommand): string {
  return `    if [[ -n $flag ]]; then
      flag=''
    elif [[ -z $over && $word == '--' ]]; then
      over=1
    elif [[ -z $over && $word == -?* ]]; then
      case "$command $word" in
${indented(
  branch(
    valueFlags(program).map(({ before }) => quoted(before)),
    'flag="$word"',
  ),
  4,
)}
      esac
    else
      case "$count $command $word" in
${indented(
  commandsByWord(program).flatMap(({ before, command }) =>
    branch([quoted(`0 ${before}`)], `command=${quoted(command.path)}`),
  ),
  4,
)}
        *) count=$((count + 1)) ;;
      esac
    fi`;
}

/** How a shell offers what may come. */
interface Offers {
  readonly below: (commands: readonly CompletedCommand[]) => string;
  readonly place: (completed: Completed) => string;
}

/** For bash and zsh alike: by how many arguments stand before and by the command, what may come next. */
export function placeCases(commands: readonly CompletedCommand[], offers: Offers): string[] {
  return commands.flatMap((command) => [
    ...(command.commands.length === 0 ? [] : branch([quoted(`0 ${command.path}`)], offers.below(command.commands))),
    ...places(command).flatMap(({ place, completed }) =>
      branch(
        [place === '*' ? `*${quoted(` ${command.path}`)}` : quoted(`${place} ${command.path}`)],
        offers.place(completed),
      ),
    ),
  ]);
}
