import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

/** Who may import whom, by path prefix; `$own` is the file's own room. The first row whose `from` fits decides. */
const FLOORS = [
  { from: 'lib/contracts/', to: ['lib/contracts/'], why: 'contracts are the ground floor' },
  { from: 'lib/support/', to: ['lib/support/', 'lib/contracts/'], why: 'support serves every part and knows none' },
  {
    from: 'lib/',
    to: ['$own', 'lib/contracts/', 'lib/support/'],
    why: 'a part knows the outside world, not other parts',
  },
  { from: 'src/assemble.ts', to: ['src/', 'lib/'], why: 'the one file that picks concrete parts' },
  { from: 'src/', to: ['src/', 'lib/contracts/'], why: 'the machine sees contracts, never a vendor' },
  {
    from: 'commands/',
    to: ['commands/', 'src/', 'lib/contracts/', 'lib/sources/index.ts', 'lib/settings/index.ts'],
    why: 'commands talk to the machine; settings are read by them and passed on',
  },
] as const;

/** Packages with one home; a mention anywhere else is an error. */
const HOMES: { readonly [name: string]: readonly string[] } = {
  commander: ['commands/'],
  chalk: ['commands/ui/'],
  ora: ['commands/ui/'],
  'better-sqlite3': ['lib/support/sql-worker.ts', 'lib/journal/owner-lock.ts'],
  'sqlite-vec': ['lib/stores/memory-db.ts'],
  'pdf-parse': ['lib/parsers/'],
  'postal-mime': ['lib/parsers/'],
  htmlparser2: ['lib/parsers/'],
  fflate: ['lib/parsers/'],
  marked: ['lib/parsers/'],
  'csv-parse/sync': ['lib/parsers/'],
  chardet: ['lib/parsers/'],
  'fast-glob': ['lib/sources/'],
  openai: ['lib/embedders/openai.ts'],
  'libphonenumber-js': ['lib/extractors/'],
};

/** What a room's text may not hold. */
const WORDS = [
  {
    from: 'src/',
    except: ['src/assemble.ts'],
    pattern: /\b(?:console|process)\.|Date\.now|Math\.random|from 'node:(?:fs|net|http|child_process|os)/,
    why: 'src gets the outside world from its context',
  },
  { from: 'lib/', except: ['lib/settings/'], pattern: /process\.env/, why: 'only lib/settings reads the environment' },
  { from: 'lib/', except: [], pattern: /\bconsole\./, why: 'parts do not print' },
  {
    from: 'commands/',
    except: ['commands/ui/'],
    pattern: /\bconsole\.|process\.std(?:out|err)\b/,
    why: 'only commands/ui prints',
  },
] as const;

/** What is wrong with a file's imports and words, one sentence each. */
function violations(file: string, text: string): string[] {
  const found: string[] = [];
  const floor = FLOORS.find(({ from }) => file.startsWith(from));
  const own = `${file.split('/').slice(0, 2).join('/')}/`;
  for (const [, specifier = ''] of text.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*'([^']+)'/g)) {
    if (specifier.startsWith('.')) {
      const target = normalize(join(dirname(file), specifier));
      if (floor?.to.some((prefix) => target.startsWith(prefix === '$own' ? own : prefix)) !== true) {
        found.push(`${file} -> ${target}: ${floor?.why}`);
      }
    } else if (HOMES[specifier]?.some((home) => file.startsWith(home)) === false) {
      found.push(`${file} -> ${specifier}: its home is ${HOMES[specifier].join(', ')}`);
    }
  }
  for (const { from, except, pattern, why } of WORDS) {
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
    if (file.startsWith(from) && !except.some((prefix) => file.startsWith(prefix)) && pattern.test(code))
      found.push(`${file}: ${why}`);
  }
  return found;
}

const files = globSync('{lib,src,commands}/**/*.ts');

test.each(files)('%s keeps to its floor', (file) => {
  expect(violations(file, readFileSync(file, 'utf8'))).toEqual([]);
});

/** For each rule something that it must refuse: a gate that cannot fail is no gate. */
test.each([
  ['lib/contracts/store.ts', "import { retry } from '../support/retry.ts';"],
  ['lib/support/probe.ts', "import { x } from '../stores/index.ts';"],
  ['lib/parsers/pdf.ts', "import { x } from '../stores/rows.ts';"],
  ['src/pipeline/run.ts', "import { openStaging } from '../../lib/staging/index.ts';"],
  ['src/pipeline/run.ts', "const { x } = await import('../../lib/stores/index.ts');"],
  ['commands/ingest.ts', "import { x } from '../lib/stores/index.ts';"],
  ...Object.keys(HOMES).map((name) => ['src/pipeline/run.ts', `import x from '${name}';`]),
  ['src/pipeline/run.ts', 'const now = Date.now();'],
  ['lib/parsers/pdf.ts', 'const home = process.env.HOME;'],
  ['lib/parsers/pdf.ts', 'console.log(1);'],
  ['commands/ingest.ts', 'process.stdout.write(text);'],
])('a rule refuses %s with %s', (file, text) => {
  expect(violations(file, text)).toHaveLength(1);
});

test('every room opens with what it holds, may import and must never do', () => {
  const rooms = ['chunkers', 'embedders', 'extractors', 'settings', 'sources', 'staging', 'stores'];
  for (const room of rooms) {
    expect(readFileSync(`lib/${room}/index.ts`, 'utf8'), room).toMatch(
      /^\/\/ .+\n\/\/ May import .+\n\/\/ (?:Must|.*[Mm]ust) (?:never|be) /,
    );
  }
});
