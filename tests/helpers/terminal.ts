import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';

/** The program that gives others a terminal; part of util-linux. Tests that need one are skipped without it, and say so. */
export const hasTerminal = process.platform === 'linux' && existsSync('/usr/bin/script');
if (!hasTerminal) console.log('script of util-linux is absent: the tests on a terminal are skipped');

/** What the key Ctrl-C sends. */
export const CTRL_C = '\u0003';

interface TerminalOptions {
  /** The data directory. */
  readonly home: string;
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** The working folder, where settings files are read. */
  readonly cwd?: string;
}

/** A command on a terminal of its own. */
export interface Terminal {
  /** Everything written to it so far, both outputs, as it was sent. */
  raw(): string;
  /** The same as lines of text, without what moves the cursor or colours. A line drawn again is a line again. */
  lines(): string[];
  /** Resolves once the text has been shown. */
  shows(text: string): Promise<void>;
  press(keys: string): void;
  /** The exit status; 128 plus the signal's number after a signal. */
  readonly ended: Promise<number | undefined>;
}

/** Runs the built program on a terminal of so many columns. It is ended when the test ends. */
export function openTerminal(
  args: readonly string[],
  { home, columns = 80, env = {}, cwd }: TerminalOptions,
): Terminal {
  const command = [process.execPath, resolve('bin/apex.js'), ...args].map((word) => `'${word}'`).join(' ');
  const running = execa('/usr/bin/script', ['-qec', `stty cols ${columns} rows 40; exec ${command}`, '/dev/null'], {
    env: { APEX_HOME: home, SHELL: '/bin/sh', TERM: 'xterm-256color', CI: undefined, NO_COLOR: '', ...env },
    stdin: 'pipe',
    ...(cwd === undefined ? {} : { cwd }),
    reject: false,
  });
  let raw = '';
  let wake = () => {};
  running.stdout.on('data', (part: Buffer) => {
    raw += part.toString('utf8');
    wake();
  });
  onTestFinished(() => {
    running.kill('SIGKILL');
  });
  return {
    raw: () => raw,
    lines: () =>
      raw
        .split(/\r?\n|\r|\u001b\[1G|\u001b\[\d*K/)
        .map((line) => stripVTControlCharacters(line))
        .filter((line) => line !== ''),
    shows: async (text) => {
      while (!stripVTControlCharacters(raw).includes(text)) {
        const changed = new Promise<boolean>((resolve) => {
          wake = () => resolve(true);
        });
        const isGoingOn = await Promise.race([changed, running.then(() => false)]);
        if (!isGoingOn && !stripVTControlCharacters(raw).includes(text))
          throw new Error(
            `the command ended and never showed ${JSON.stringify(text)} but ${JSON.stringify(raw.slice(-500))}`,
          );
      }
    },
    press: (keys) => {
      running.stdin.write(keys);
    },
    ended: running.then(({ exitCode }) => exitCode),
  };
}

/** What was shown, without the line that moves, and with the same run ids, moments, duration and place of documents each time. */
export function steadyText(lines: readonly string[]): string {
  return lines
    .filter((line) => !/^[\u2800-\u28ff] /.test(line))
    .join('\n')
    .replaceAll(/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g, '00000000-0000-0000-0000-000000000000')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '2026-01-01 00:00:00')
    .replaceAll(/^(time +).*$/gm, '$11.0 s')
    .replaceAll(/\/\S*\/documents/g, '/…/documents');
}
