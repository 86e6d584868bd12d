import { branch, indented, placeCases, quoted, valueFlags, wordCases } from './script.ts';
import { type Completed, type CompletedCommand, everyCommand } from './tree.ts';

/** The script for zsh: to be sourced, or kept as `_apex` in a folder of \`fpath\`. */
export function zshScript(program: CompletedCommand): string {
  const commands = everyCommand(program);
  return `#compdef apex
# Completion of apex for zsh. For this shell: source <(apex completion zsh)
_apex() {
  local command='' flag='' over='' word current="\${words[CURRENT]}"
  local -i index count=0
  local -a offered
  for ((index = 2; index < CURRENT; index++)); do
    word="\${(Q)words[index]}"
${wordCases(program)}
  done
  if [[ -z $flag && -z $over && $current == --*=* ]]; then
    flag="\${current%%=*}"
    compset -P '*='
  fi
  if [[ -n $flag ]]; then
    case "$command $flag" in
${indented(
  valueFlags(program).flatMap(({ before, value }) => branch([quoted(before)], action(value))),
  3,
)}
    esac
  elif [[ -z $over && $current == -* ]]; then
    case "$command" in
${indented(
  commands.flatMap(({ path, flags }) =>
    branch(
      [quoted(path)],
      `offered=(${flags.flatMap(({ spellings, summary }) => spellings.map((name) => described(name, summary))).join(' ')})`,
    ),
  ),
  3,
)}
    esac
    _describe -o 'flag' offered && return 0
    return 1
  else
    case "$count $command" in
${indented(
  placeCases(commands, {
    below: (below) => `offered=(${below.map(({ name, summary }) => described(name, summary)).join(' ')})`,
    place: action,
  }),
  3,
)}
    esac
  fi
  (($#offered)) && _describe 'value' offered
}
if [[ "\${funcstack[1]}" == _apex ]]; then
  _apex "$@"
elif (($+functions[compdef])); then
  compdef _apex apex
else
  print -u2 'apex: completion needs compinit; put "autoload -Uz compinit && compinit" before this in .zshrc'
fi
`;
}

function action(completed: Completed): string {
  if (completed === 'path') return '_files; return';
  return completed === 'anything' ? 'return 1' : `offered=(${completed.words.map((word) => quoted(word)).join(' ')})`;
}

/** A colon parts the word from what is said of it. */
function described(word: string, summary: string): string {
  return quoted(`${word.replaceAll(':', '\\:')}:${summary}`);
}
