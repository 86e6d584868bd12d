import { Argument, type Command } from 'commander';
import { printText } from './ui/output.ts';

/** The shells that a script can be made for, each loaded when it is asked for. */
const SHELLS = {
  bash: async () => (await import('./completion/bash.ts')).bashScript,
  zsh: async () => (await import('./completion/zsh.ts')).zshScript,
  fish: async () => (await import('./completion/fish.ts')).fishScript,
} as const;

/** `apex completion <shell>`: prints a script that completes commands, flags and their values. */
export function registerCompletion(program: Command): void {
  program
    .command('completion')
    .summary('print a script that completes commands in a shell')
    .description(
      'Prints a script that completes commands, flags, their values and paths. Load it in the file that the shell reads when it starts; make it anew after an update of apex.',
    )
    .addArgument(new Argument('<shell>', 'which shell it is for').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex completion fish > ~/.config/fish/completions/apex.fish\n  $ source <(apex completion bash)          # in ~/.bashrc\n  $ source <(apex completion zsh)           # in ~/.zshrc, after compinit',
    )
    .action(async (shell: keyof typeof SHELLS) => {
      const { completedTree } = await import('./completion/tree.ts');
      const script = await SHELLS[shell]();
      printText(script(completedTree(program)));
    });
}
