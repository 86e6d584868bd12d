import { branch, indented, placeCases, quoted, valueFlags, wordCases } from './script.ts';
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
${wordCases(program)}
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
  placeCases(commands, {
    below: (below) => `words=${quoted(below.map(({ name }) => name).join(' '))}`,
    place: offered,
  }),
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
