// Opens what apex writes with tools in Python: Graphiti's record parsers and searches, and neo4j-graphrag's retrievers. Not among
// `npm test`: it needs Python 3.10 with venv and pip, and installs some 350 MB beside the packages, once.
//
// Uses the servers that APEX_TEST_POSTGRES_URL and the like name, and starts the others.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import pg from 'pg';
import type { VersionRecord } from '../../lib/contracts/store.ts';
import { CountedServers } from '../servers/counted.ts';
import { openServers } from '../servers/open.ts';
import { serverCache } from '../servers/start.ts';

const READERS = fileURLToPath(new URL('readers.py', import.meta.url));
const REQUIREMENTS = fileURLToPath(new URL('requirements.txt', import.meta.url));
const PYTHON = process.env['PYTHON'] ?? 'python3';
/** What is looked for by full text: a name in the sample documents. */
const WORD = 'Sundmere';

const python = installedReaders();
const home = mkdtempSync(join(tmpdir(), 'apex-interop-'));
const group = `interop-${randomBytes(6).toString('hex')}`;
const opened = await openServers();
try {
  const schema = `apex_interop_${randomBytes(4).toString('hex')}`;
  const collection = `apex-interop-${randomBytes(4).toString('hex')}`;
  const servers = new CountedServers(opened.urls, { schema, collection });
  for (const line of await servers.describe()) console.log(line);
  const env = { APEX_HOME: home, ...servers.settings };
  await execa(process.execPath, ['bin/apex.js', 'ingest', 'fixtures/sample', '--group', group], { env });
  const { NEO4J_URI: uri, NEO4J_USERNAME: username, NEO4J_PASSWORD: password, ...rest } = servers.settings;
  const input = JSON.stringify({
    neo4j: { uri, username, password },
    qdrant: { url: rest['QDRANT_URL'], apiKey: rest['QDRANT_API_KEY'] ?? '', collection: await servers.collection() },
    ...{ group, expected: await expectedOf(opened.urls.postgres!, schema, await servers.memoryId()) },
  });
  const { exitCode } = await execa(python, [READERS], { input, stdout: 'inherit', stderr: 'inherit', reject: false });
  await servers.remove();
  process.exitCode = exitCode ?? 1;
} finally {
  await opened.stop();
  rmSync(home, { recursive: true, force: true });
}

/** The Python that has the readers. Ends this process with a sentence when it cannot be had. */
function installedReaders(): string {
  const found = spawnSync(PYTHON, ['-c', 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))']);
  if (found.status !== 0) {
    console.error(
      `interop needs Python 3.10 or newer with venv and pip, and ${PYTHON} is none: install it, or set PYTHON.`,
    );
    process.exit(1);
  }
  const digest = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12);
  const folder = serverCache(`readers-${digest}`);
  const program = join(folder, 'bin', 'python');
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return program;
  console.log('installing Graphiti and neo4j-graphrag (350 MB, once)');
  execFileSync(PYTHON, ['-m', 'venv', folder], { stdio: 'inherit' });
  execFileSync(program, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '-r', REQUIREMENTS], {
    stdio: 'inherit',
  });
  writeFileSync(complete, '');
  return program;
}

/** What the records say that the readers must find. */
async function expectedOf(url: string, schema: string, memory: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const ask = async <Row extends object>(text: string) =>
    (await client.query<Row>(text.replaceAll('@', `${schema}.`))).rows;
  try {
    const versions = await ask<{ name: string; extraction: Pick<VersionRecord, 'entities'> }>(
      `SELECT name, extraction FROM @version WHERE state = 'current'`,
    );
    const chunks = await ask<{ chunk_id: string; ordinal: number; text: string }>(
      'SELECT chunk_id, ordinal, text FROM @chunk',
    );
    const facts = await ask<{ quote: string; valid_at: string | null }>('SELECT quote, valid_at FROM @fact');
    const entities = new Map(
      versions.flatMap(({ extraction }) => extraction.entities.map(({ entityId, key }) => [entityId, key] as const)),
    );
    const withWord = (text: string) => new RegExp(`\\b${WORD}\\b`, 'i').test(text);
    const quotes = facts.map(({ quote }) => quote);
    return {
      memory,
      documents: sorted(versions.map(({ name }) => name)),
      beginnings: sorted(
        chunks.filter(({ ordinal }) => ordinal === 0).map(({ text }) => text.split('\n\n')[0]!.slice(0, 100)),
      ),
      entities: sorted([...entities.values()]),
      facts: sorted(quotes),
      validAt: sorted(facts.flatMap(({ valid_at: at }) => (at === null ? [] : [at.slice(0, 10)]))),
      episodeMentions: versions.reduce((sum, { extraction }) => sum + extraction.entities.length, 0),
      texts: Object.fromEntries(chunks.map(({ chunk_id: id, text }) => [id, text])),
      word: WORD,
      entitiesWithWord: sorted([...entities.values()].filter(withWord)),
      factsWithWord: sorted(quotes.filter(withWord)),
    };
  } finally {
    await client.end();
  }
}

/** As Python sorts: by code points. */
function sorted(texts: readonly string[]): string[] {
  return texts.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
