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
  { from: 'src/assemble-stager.ts', to: ['src/', 'lib/'], why: 'it picks the parts that work on staging alone' },
  { from: 'src/assemble-s3.ts', to: ['src/', 'lib/'], why: 'it picks the parts that read buckets' },
  { from: 'src/assemble-metrics.ts', to: ['src/', 'lib/'], why: 'it picks the parts that metrics are collected from' },
  { from: 'src/assemble-checks.ts', to: ['src/', 'lib/'], why: 'it picks the checks of the concrete parts' },
  { from: 'src/', to: ['src/', 'lib/contracts/'], why: 'the machine sees contracts, never a vendor' },
  {
    from: 'commands/',
    to: ['commands/', 'src/', 'lib/contracts/', 'lib/sources/index.ts', 'lib/settings/index.ts'],
    why: 'commands talk to the machine; settings are read by them and passed on',
  },
  { from: 'bin/', to: ['dist/main.js'], why: 'the program starts what is built, and nothing else' },
  { from: 'tools/', to: ['bin/'], why: 'the workspace only names the program' },
  {
    from: 'scripts/',
    to: [
      'scripts/',
      'commands/program.ts',
      'src/config/',
      'src/metrics/families.ts',
      'lib/contracts/',
      'lib/mappers/index.ts',
    ],
    why: 'scripts read tables',
  },
] as const;

/** Packages with one home, and what Node brings that has one; a mention anywhere else is an error, and so is a package that is not here. */
const HOMES: { readonly [name: string]: readonly string[] } = {
  commander: ['commands/', 'scripts/docs.ts'],
  chalk: ['commands/ui/'],
  ora: ['commands/ui/'],
  'better-sqlite3': [
    'lib/support/sql-worker.ts',
    'lib/support/runtime-checks.ts',
    'lib/support/kernel-lock.ts',
    'lib/journal/search.ts',
  ],
  'sqlite-vec': ['lib/stores/memory-db.ts', 'lib/stores/checks.ts'],
  'pdf-parse': ['lib/parsers/'],
  'postal-mime': ['lib/parsers/'],
  htmlparser2: ['lib/parsers/', 'lib/mappers/html-text.ts', 'lib/sources/s3-xml.ts'],
  fflate: ['lib/parsers/'],
  marked: ['lib/parsers/'],
  'csv-parse/sync': ['lib/parsers/', 'lib/feeds/'],
  chardet: ['lib/parsers/'],
  'fast-glob': ['lib/sources/'],
  openai: ['lib/embedders/openai.ts'],
  undici: ['lib/support/http-attempt.ts', 'lib/support/exchange.ts', 'lib/support/guarded-agent.ts'],
  'libphonenumber-js/max': ['lib/extractors/', 'lib/mappers/phones.ts'],
  execa: ['tests/', 'scripts/'],
  rolldown: ['scripts/build.mjs'],
  ioredis: ['lib/stores/cache/'],
  pg: ['lib/stores/records/'],
  'neo4j-driver': ['lib/stores/graph/'],
  '@qdrant/js-client-rest': ['lib/stores/vectors/'],
  'node:child_process': ['commands/isolated.ts', 'lib/parsers/pool.ts', 'bin/', 'scripts/'],
  'node:worker_threads': ['lib/support/'],
  'node:sqlite': ['lib/support/sql-reader.ts'],
};

/** What a room's text may not hold. */
const WORDS = [
  {
    from: 'src/',
    except: ['src/assemble.ts'],
    pattern: /\b(?:console|process)\.|Date\.now|Math\.random|from 'node:(?:fs|net|http|child_process|os)/,
    why: 'src gets the outside world from its context',
  },
  {
    from: 'lib/contracts/',
    except: [],
    pattern: /from 'node:(?!crypto')/,
    why: 'contracts touch nothing; ids and digests are pure',
  },
  { from: 'lib/chunkers/', except: [], pattern: /from 'node:/, why: 'chunkers are pure' },
  {
    from: 'lib/extractors/',
    except: [],
    pattern: /from 'node:(?:fs|net|http|https)/,
    why: 'extractors see chunks, not files or the network',
  },
  {
    from: 'lib/mappers/',
    except: [],
    pattern: /from 'node:|Date\.now|Math\.random|new Date\(\)/,
    why: 'mappers are pure: the same record says the same',
  },
  {
    from: 'lib/feeds/',
    except: [],
    pattern: /from 'node:(?:fs|net|http|https)/,
    why: 'feeds see bytes, not where they come from',
  },
  {
    from: 'commands/',
    except: ['commands/version.ts', 'commands/ui/log-file.ts'],
    pattern: /from 'node:(?:fs|net|http|https)/,
    why: 'commands read and write nothing but their outputs, the log, and the version',
  },
  {
    from: '',
    except: ['lib/parsers/child.ts', 'lib/support/shared-worker.ts'],
    pattern: /\bimport\((?!')/,
    why: 'what is imported must be readable; the parsers’ process loads a module that tests name, a thread the one whose work it shares',
  },
  { from: 'lib/', except: ['lib/settings/'], pattern: /process\.env/, why: 'only lib/settings reads the environment' },
  {
    from: 'commands/',
    except: ['commands/ui/', 'commands/isolated.ts'],
    pattern: /process\.env/,
    why: 'settings come from lib/settings; a terminal tells commands/ui what it can, and isolated hands all on to its process',
  },
  { from: 'lib/', except: [], pattern: /\bconsole\./, why: 'parts do not print' },
  {
    from: 'commands/',
    except: ['commands/ui/'],
    pattern: /\bconsole\.|process\.std(?:out|err)\b/,
    why: 'only commands/ui prints',
  },
] as const;

/** What a file imports, statically or when it gets there. */
function importsOf(text: string): string[] {
  const found = withoutComments(text).matchAll(
    /^\s*(?:import|export)\b[^;'"]*?\bfrom\s*'([^']+)'|^\s*import\s*'([^']+)'|\bimport\(\s*'([^']+)'/gm,
  );
  return Array.from(found, ([, from, bare, lazy]) => from ?? bare ?? lazy ?? '');
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
}

/** What is wrong with a file's imports and words, one sentence each. */
function violations(file: string, text: string): string[] {
  const found: string[] = [];
  const floor = FLOORS.find(({ from }) => file.startsWith(from));
  const own = `${file.split('/').slice(0, 2).join('/')}/`;
  for (const specifier of importsOf(text)) {
    if (specifier.startsWith('.')) {
      const target = normalize(join(dirname(file), specifier));
      if (floor?.to.some((prefix) => target.startsWith(prefix === '$own' ? own : prefix)) !== true) {
        found.push(`${file} -> ${target}: ${floor?.why}`);
      }
    } else if (HOMES[specifier]?.some((home) => file.startsWith(home)) === false) {
      found.push(`${file} -> ${specifier}: its home is ${HOMES[specifier].join(', ') || 'nowhere'}`);
    } else if (HOMES[specifier] === undefined && !specifier.startsWith('node:')) {
      found.push(`${file} -> ${specifier}: a package needs a home`);
    }
  }
  for (const { from, except, pattern, why } of WORDS) {
    const code = withoutComments(text);
    if (file.startsWith(from) && !except.some((prefix) => file.startsWith(prefix)) && pattern.test(code))
      found.push(`${file}: ${why}`);
  }
  return found;
}

const files = globSync(['{lib,src,commands,scripts}/**/*.ts', '{bin,tools,scripts}/**/*.{js,mjs}']);

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
  ['lib/contracts/document.ts', "import { readFileSync } from 'node:fs';"],
  ['lib/chunkers/structure.ts', "import { createHash } from 'node:crypto';"],
  ['lib/extractors/rules.ts', "import { request } from 'node:http';"],
  ['lib/mappers/samsara.ts', 'const now = Date.now();'],
  ['lib/mappers/samsara.ts', "import { Parser } from 'htmlparser2';"],
  ['lib/feeds/read-feed.ts', "import { createReadStream } from 'node:fs';"],
  ['lib/feeds/csv-feed.ts', "import { findDelimiter } from '../parsers/delimiter.ts';"],
  ['bin/apex.js', "await import('../src/apex.ts');"],
  ['bin/apex.js', "import { Command } from 'commander';"],
  ['tools/runtime/apex.js', "import '../../dist/main.js';"],
  ['scripts/docs.ts', "import { x } from '../lib/stores/index.ts';"],
  ...Object.keys(HOMES)
    .filter((name) => name !== 'node:child_process')
    .map((name) => ['src/pipeline/run.ts', `import x from '${name}';`]),
  ['lib/support/probe.ts', "import { spawn } from 'node:child_process';"],
  ['lib/stores/records/sqlite.ts', "import Database from 'better-sqlite3';"],
  ['lib/journal/registry.ts', "import Database from 'better-sqlite3';"],
  ['lib/parsers/pdf.ts', "import { getLoadablePath } from 'sqlite-vec';"],
  ['commands/documents.ts', "import Database from 'better-sqlite3';"],
  ['commands/documents.ts', "import { DatabaseSync } from 'node:sqlite';"],
  ['commands/search.ts', "import { readFileSync } from 'node:fs';"],
  ['commands/search.ts', "import chalk from 'chalk';"],
  ['lib/sources/local.ts', "import { execa } from 'execa';"],
  ['lib/parsers/text.ts', "import x from 'left-pad';"],
  ['src/apex.ts', 'const part = await import(name);'],
  ['src/pipeline/run.ts', 'const now = Date.now();'],
  ['lib/parsers/pdf.ts', 'const home = process.env.HOME;'],
  ['commands/ingest.ts', 'const home = process.env.HOME;'],
  ['lib/parsers/pdf.ts', 'console.log(1);'],
  ['commands/ingest.ts', 'process.stdout.write(text);'],
])('a rule refuses %s with %s', (file, text) => {
  expect(violations(file, text)).toHaveLength(1);
});

test('every room opens with what it holds, may import and must never do', () => {
  const rooms = ['chunkers', 'embedders', 'extractors', 'feeds', 'mappers', 'settings', 'sources', 'staging', 'stores'];
  for (const room of rooms) {
    expect(readFileSync(`lib/${room}/index.ts`, 'utf8'), room).toMatch(
      /^\/\/ .+\n\/\/ May import .+\n\/\/ (?:Must|.*[Mm]ust) (?:never|be) /,
    );
  }
});

/** Files that other processes and threads of the program start with. */
const STARTED = ['lib/parsers/child.ts'];

/** The files of a room that its registry does not lead to. */
function unregistered(room: string, texts: ReadonlyMap<string, string>): string[] {
  const reached = new Set<string>();
  const visit = (file: string) => {
    const text = texts.get(file);
    if (text === undefined || reached.has(file)) return;
    reached.add(file);
    for (const specifier of importsOf(text))
      if (specifier.startsWith('.')) visit(normalize(join(dirname(file), specifier)));
  };
  for (const file of [`${room}/index.ts`, ...STARTED]) visit(file);
  return [...texts.keys()].filter((file) => file.startsWith(`${room}/`) && !reached.has(file));
}

const texts = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]));

test.each(globSync('lib/*/index.ts').map((file) => dirname(file)))(
  'every file of %s is reached from its registry',
  (room) => {
    expect(unregistered(room, texts)).toEqual([]);
  },
);

test('a file that no registry leads to is noticed', () => {
  const withStray = new Map([...texts, ['lib/sources/ftp.ts', "import { x } from './files.ts';"]]);
  expect(unregistered('lib/sources', withStray)).toEqual(['lib/sources/ftp.ts']);
});
