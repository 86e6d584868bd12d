import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openParserPool } from '../../lib/parsers/pool.ts';
import { LIMITS, withFolder } from '../lib/parsers/reading.ts';

const CORPUS = join(import.meta.dirname, '../../../shared/corpus');
const isPresent = existsSync(join(CORPUS, 'MANIFEST.tsv'));
if (!isPresent) console.log('The corpus is absent: what it proves of parsing is not proven here.');

/** What an outcome must look like for each word of the manifest's `expect`. */
const EXPECTED: Readonly<Record<string, RegExp>> = {
  text: /^text$/u,
  empty: /^(EMPTY_TEXT|NO_TEXT_LAYER)$/u,
  password: /^ENCRYPTED$/u,
  error: /^(CORRUPT|TOO_LARGE|UNSUPPORTED_FORMAT|EMPTY_TEXT|NO_TEXT_LAYER|TIMEOUT|OUT_OF_MEMORY)$/u,
  any: /^[a-zA-Z_]+$/u,
};

function readManifest(): { id: string; file: string; expected: string }[] {
  const [header = '', ...lines] = readFileSync(join(CORPUS, 'MANIFEST.tsv'), 'utf8').trim().split('\n');
  const columns = header.split('\t');
  return lines.map((line) => {
    const fields = line.split('\t');
    const field = (name: string) => fields[columns.indexOf(name)]!;
    return { id: field('id'), file: field('file'), expected: field('expect') };
  });
}

/** Parses every document in the pool, writes the texts to `folder`; gives what became of each. */
async function parseAll(rows: ReturnType<typeof readManifest>, folder: string): Promise<Map<string, string>> {
  const pool = openParserPool({ maxProcesses: 2, limits: LIMITS });
  const outcomes = new Map<string, string>();
  const parse = async ({ id, file }: (typeof rows)[number]) => {
    const staged = { path: join(CORPUS, 'docs', file), name: file, digest: '', bytes: 0, mediaType: null };
    const { text, elements } = await pool.parse(staged, folder, new AbortController().signal);
    for (const element of elements) expect(text.slice(element.start, element.end)).toBe(element.text);
    await writeFile(join(folder, `${id}.txt`), text);
    return text === '' ? 'nothing' : 'text';
  };
  try {
    await Promise.all(
      rows.map(async (row) => outcomes.set(row.id, await parse(row).catch(({ code }) => code ?? 'untyped'))),
    );
  } finally {
    await pool.close();
  }
  return outcomes;
}

test.skipIf(!isPresent)(
  'each of the 72 documents behaves as the manifest says, and half of them lose no word',
  async () => {
    await withFolder(async (folder) => {
      const rows = readManifest();
      expect(rows).toHaveLength(72);
      const outcomes = await parseAll(rows, folder);
      const wrong = rows.filter(({ id, expected }) => !EXPECTED[expected]!.test(outcomes.get(id)!));
      expect(wrong.map(({ id, expected }) => `${id}: ${expected}, but ${outcomes.get(id)}`)).toEqual([]);

      const scores = join(folder, 'scores.json');
      const scorer = join(CORPUS, 'tools/score_text.py');
      const run = spawnSync('python3', [scorer, join(CORPUS, 'expected'), folder, '--json', scores], {
        encoding: 'utf8',
      });
      if (run.error !== undefined) return console.log('python3 is absent: the texts were not scored.');
      const recalls = Object.values(JSON.parse(readFileSync(scores, 'utf8')) as Record<string, { recall: number }>)
        .map(({ recall }) => recall)
        .sort((a, b) => a - b);
      expect(recalls[Math.floor(recalls.length / 2)]).toBeGreaterThanOrEqual(0.97);
      expect(recalls.filter((recall) => recall >= 0.97).length / recalls.length).toBeGreaterThanOrEqual(0.9);
    });
  },
);
