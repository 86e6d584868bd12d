import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { completedTree, everyCommand } from '../../commands/completion/tree.ts';
import { createProgram } from '../../commands/program.ts';
import { apex, newFolder } from '../helpers/program.ts';

/**
 * Goal: the scripts that `apex completion` prints offer what may be typed, in the shells themselves.
 * Method: each shell reads the printed script and is asked what it would offer for a line; bash and zsh by the variables that they
 * give a completion function, fish by its own question.
 */

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

const hasShell = Object.fromEntries(
  SHELLS.map((shell) => {
    const isHere = ['/bin', '/usr/bin', '/usr/local/bin'].some((folder) => existsSync(join(folder, shell)));
    if (!isHere) console.log(`${shell} is not installed: its completion is only looked at, not tried`);
    return [shell, isHere];
  }),
);

const scripts = new Map<Shell, string>();
const home = newFolder('completion');

beforeAll(async () => {
  for (const shell of SHELLS) {
    const { stdout, stderr, exitCode } = await apex(['completion', shell], { home });
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    scripts.set(shell, stdout);
  }
  return () => rmSync(home, { recursive: true });
});

/** How a shell is asked for what it would offer; the last word of the line is the one that is begun. */
const QUESTIONS: { readonly [shell in Shell]: (line: string) => string } = {
  // Bash breaks words at equals signs.
  bash: (line) => {
    const words = line.split(/ |(?==)|(?<==)/).map((word) => `'${word}'`);
    return `COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _apex; printf '%s\\n' "\${COMPREPLY[@]}"`;
  },
  // Only the editor of an interactive shell has what these do.
  zsh: (line) => {
    const words = line.split(' ').map((word) => `'${word}'`);
    return `
      compset() { current="\${current#*=}" }
      _files() { print -l -- \${~:-$current*}(N) }
      _describe() {
        [[ $1 == -o ]] && shift
        local item; for item in "\${(@P)2}"; do item="\${item%%:*}"; [[ $item == $current* ]] && print -r -- $item; done; true
      }
      words=(${words.join(' ')}); CURRENT=${words.length}; _apex`;
  },
  fish: (line) => `complete -C '${line}' | string replace -r '\\t.*' ''`,
};

/** What a shell offers for a line. */
async function offered(shell: Shell, line: string, folder = home): Promise<string[]> {
  const script = scripts.get(shell)!;
  const source = shell === 'zsh' ? `compdef() { true }\n${script}` : script;
  const flags = shell === 'zsh' ? ['-f'] : shell === 'bash' ? ['--noprofile', '--norc'] : ['--no-config'];
  const { stdout, stderr } = await execa(shell, [...flags, '-c', `${source}\n${QUESTIONS[shell](line)}`], {
    cwd: folder,
    env: { HOME: folder },
    reject: false,
  });
  expect(stderr, line).toBe('');
  const values = stdout.split('\n').filter((word) => word !== '');
  // Fish gives a flag with its value, as it would stand on the line.
  return values.map((value) => (shell === 'fish' && value.startsWith('--') ? value.replace(/.*=/, '') : value)).sort();
}

const COMMANDS = createProgram()
  .commands.filter((command) => command.name() !== 'prepare-alone')
  .map((command) => command.name());

/** Lines as far as they are typed, and what must be offered. */
const LINES: readonly [line: string, words: readonly string[]][] = [
  ['apex ', [...COMMANDS, 'help']],
  ['apex ru', ['runs']],
  ['apex runs ', ['help', 'list', 'show']],
  ['apex runs sh', ['show']],
  ['apex runs --js', ['--json']],
  ['apex runs list --js', ['--json']],
  ['apex search --mode ', ['graph', 'hybrid', 'keyword', 'vector']],
  ['apex search --mode key', ['keyword']],
  ['apex search --mode=key', ['keyword']],
  ['apex search --mode keyword --li', ['--limit']],
  ['apex search --limit 5 --mo', ['--mode']],
  ['apex search --limit ', []],
  ['apex completion ', ['bash', 'fish', 'zsh']],
  ['apex completion zsh ', []],
  ['apex config OPENAI_API', ['OPENAI_API_KEY']],
  ['apex help ver', ['verify']],
  ['apex runs show ', []],
  ['apex prepare', []],
  ['apex nosuch ', []],
  ['apex delete -- --js', []],
];

test.each(SHELLS.flatMap((shell) => LINES.map(([line, words]) => ({ shell, line, words }))))(
  '$shell offers for `$line` what may come there',
  async ({ shell, line, words }) => {
    if (!hasShell[shell]) return;
    expect(await offered(shell, line)).toEqual([...words].sort());
  },
);

test.each(SHELLS)('%s offers paths where a path is taken, whatever their names', async (shell) => {
  if (!hasShell[shell]) return;
  const folder = newFolder('completion-paths');
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'my papers'));
  writeFileSync(join(folder, "my note's.txt"), '');
  writeFileSync(join(folder, 'other.txt'), '');
  const bare = (names: string[]) => names.map((name) => name.replaceAll('\\', '').replace(/\/$/, ''));
  expect(bare(await offered(shell, 'apex ingest my', folder))).toEqual(["my note's.txt", 'my papers']);
  expect(bare(await offered(shell, 'apex ingest --source local_upload other.txt my', folder))).toHaveLength(2);
  expect(await offered(shell, 'apex verify o', folder)).toEqual([]);
});

test.each(SHELLS)('%s reads the script without a complaint', async (shell) => {
  if (!hasShell[shell]) return;
  const file = join(home, `apex.${shell}`);
  writeFileSync(file, scripts.get(shell)!);
  const { exitCode, stderr } = await execa(shell, ['-n', file], { reject: false });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
});

test.each(SHELLS)('the script for %s knows every command that is not hidden, and every flag of it', (shell) => {
  const script = scripts.get(shell)!;
  const all = everyCommand(completedTree(createProgram()));
  for (const name of COMMANDS) expect(all.map(({ path }) => path)).toContain(name);
  for (const { path, flags } of all) {
    if (path !== '') expect(script).toContain(shell === 'fish' ? path.split(' ').at(-1) : `'${path}'`);
    for (const { spellings } of flags) expect(script).toContain(spellings[0]!.replace(/^--/, ''));
  }
  expect(script).not.toContain('prepare-alone');
});

test('a command that is added, with its flags, is offered without a further word', () => {
  const program = createProgram();
  program.command('new-one').argument('<path>').option('--fresh <folder>').option('--shade <name>', 'which', 'red');
  const added = everyCommand(completedTree(program)).find(({ path }) => path === 'new-one');
  expect(added).toMatchObject({ operands: ['path'], isRepeated: false });
  // Those of the program may follow every command.
  const own = added!.flags.filter(({ spellings }) => !program.options.some(({ long }) => long === spellings[0]));
  expect(own.map(({ spellings, value }) => [spellings[0], value])).toEqual([
    ['--fresh', 'path'],
    ['--shade', 'anything'],
    ['--help', null],
  ]);
});

test('a shell that is none is refused, and those that are named', async () => {
  const { exitCode, stderr } = await apex(['completion', 'powershell'], { home });
  expect(exitCode).toBe(2);
  expect(stderr).toContain("'powershell' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish.");
});

test('zsh without its completion system is told what is missing', async () => {
  if (!hasShell['zsh']) return;
  const { stderr } = await execa('zsh', ['-f', '-c', scripts.get('zsh')!], { reject: false });
  expect(stderr).toContain('completion needs compinit');
});
