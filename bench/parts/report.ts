import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';

const RESULTS = fileURLToPath(new URL('../results', import.meta.url));

/** What a measurement found. */
export interface Report {
  /** The measurement's name, as `npm run bench -- <name>` takes it. */
  readonly name: string;
  /** What went in, in words. */
  readonly input: string;
  /** Markdown: tables and what they say. */
  readonly body: string;
}

/** Prints a report and saves it as a dated file in `bench/results`, with all that is needed to repeat it. */
export function save({ name, input, body }: Report): void {
  const now = new Date().toISOString();
  const text = [
    `# ${name}, ${now.slice(0, 16).replace('T', ' ')} UTC`,
    '',
    `- command: \`npm run bench -- ${[name, ...process.argv.slice(2)].join(' ')}\``,
    `- input: ${input}`,
    `- commit: ${commit()}`,
    ...machine().map((line) => `- ${line}`),
    '',
    body.trim(),
    '',
  ].join('\n');
  mkdirSync(RESULTS, { recursive: true });
  // A second measurement on one day does not write over the first.
  const stem = `${now.slice(0, 10)}-${name}`;
  const taken = (number: number): boolean => existsSync(join(RESULTS, fileName(stem, number)));
  let number = 1;
  while (taken(number)) number += 1;
  writeFileSync(join(RESULTS, fileName(stem, number)), text);
  console.log(`${text}\nsaved as bench/results/${fileName(stem, number)}`);
}

function fileName(stem: string, number: number): string {
  return number === 1 ? `${stem}.md` : `${stem}-${number}.md`;
}

/** Rows as a Markdown table; the first row is its head. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const [head = [], ...body] = rows;
  return [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** A figure with the bound it is measured against. */
export function against(value: number, isKept: boolean, bound: string, unit = ''): string {
  return `${shown(value)}${unit} (${bound}: ${isKept ? 'kept' : 'MISSED'})`;
}

/** A number with as many places as it needs. */
export function shown(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Bytes in MB of a million. */
export function megabytes(bytes: number): string {
  return `${shown(bytes / 1e6)} MB`;
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function commit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: RESULTS, encoding: 'utf8' }).trim();
  try {
    mkdirSync(RESULTS, { recursive: true });
    const isChanged = git('status', '--porcelain', '--', '../../src', '../../lib', '../../commands') !== '';
    return `${git('rev-parse', '--short', 'HEAD')}${isChanged ? ' with uncommitted changes' : ''}`;
  } catch {
    return 'unknown';
  }
}

function machine(): string[] {
  const db = new Database(':memory:');
  const sqlite = db.prepare('SELECT sqlite_version()').pluck().get() as string;
  db.close();
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return [
    `machine: ${availableParallelism()} cores (${model}), ${(totalmem() / 2 ** 30).toFixed(1)} GiB, ${process.platform} ${release()} ${arch()}`,
    `versions: apex ${version}, Node ${process.versions.node}, SQLite ${sqlite}`,
  ];
}
