import { branch, commandsByWord, indented, places, quoted, valueFlags } from './script.ts';
import { type Completed, type CompletedCommand, everyCommand } from './tree.ts';

/** The script for bash, from version 3.2 on. It splits `--flag=value` into three words. */
export function bashScript(program: CompletedCommand): string {
  const commands = everyCommand(program);
  return `# Completion of apex for bash. For this shell: source <(apex completion bash)
_apex() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command='' flag='' over='' words='' paths='' word index count=0
  [[ $current == '=' ]] && current=''
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    [[ $word == '=' ]] && continue
    if [[ -n $flag ]]; then
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
    fi
  done
  if [[ -n $flag ]]; then
    case "$command $flag" in
${indented(
  valueFlags(program).flatMap(({ before, value }) => branch([quoted(before)], offered(value))),
  3,
)}
    esac
  elif [[ -z $over && $current == -* ]]; then
    case "$command" in
${indented(
  commands.flatMap(({ path, flags }) =>
    branch([quoted(path)], `words=${quoted(flags.flatMap(({ spellings }) => spellings).join(' '))}`),
  ),
  3,
)}
    esac
  else
    case "$count $command" in
${indented(
  commands.flatMap((command) => [
    ...(command.commands.length === 0
      ? []
      : branch([quoted(`0 ${command.path}`)], `words=${quoted(command.commands.map(({ name }) => name).join(' '))}`)),
    ...places(command).flatMap(({ place, completed }) =>
      branch(
        [place === '*' ? `*${quoted(` ${command.path}`)}` : quoted(`${place} ${command.path}`)],
        offered(completed),
      ),
    ),
  ]),
  3,
)}
    esac
  fi
  COMPREPLY=()
  if [[ -n $paths ]]; then
    # Older versions cannot hand over to the shell's own completion of names, which quotes what needs it.
    local IFS=$'\\n'
    compopt -o default 2>/dev/null || COMPREPLY=($(compgen -f -- "$current"))
  elif [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
}
complete -F _apex apex
`;
}

function offered(completed: Completed): string {
  if (completed === 'path') return 'paths=1';
  return completed === 'anything' ? ':' : `words=${quoted(completed.words.join(' '))}`;
}
