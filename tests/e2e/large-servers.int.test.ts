import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openCase } from '../helpers/case.ts';
import { serverEnvironment } from '../servers/environment.ts';

/**
 * Goal: a document of any size is written, superseded and deleted over servers as they come, and apex itself needs no more memory than
 * for parts of it. Method: the built program over a document of many chunks; Neo4j has 512 MB, its own default for a transaction.
 */

const all = serverEnvironment();
const IS_FULL = process.env['APEX_TEST_FULL'] === '1';
/** More than one transaction takes out of Neo4j. */
const CHUNKS = IS_FULL ? 50_000 : 3_000;
/** Of the largest process of apex at its peak. Measured: 525 MB for 6,000 chunks, 1,100 MB for 50,000. */
const LIMIT_MB = IS_FULL ? 1_600 : 800;

/** A document that is cut into so many chunks, one a heading: each names a load of its own, a carrier and a shipper. */
function largeDocument(chunks: number, changed: number | null = null): string {
  return Array.from({ length: chunks }, (_, index) => {
    const text = index === changed ? 'The driver asks for the gate.' : 'The driver waits at the dock.';
    const number = 1_000_000 + index;
    return `## Part ${index}\n\nDate: January 10, 2026\nLoad number: LD-${number}\nCarrier: Farrow Freight ${index % 500} LLC\n\n${text}\n`;
  }).join('\n');
}

/** What tells the most memory that any process of a command had, in MB. */
function peakOf(folder: string) {
  const path = join(folder, 'peaks');
  const note = `import{appendFileSync}from'node:fs';process.on('exit',()=>appendFileSync(${JSON.stringify(path)},process.resourceUsage().maxRSS+'\\n'))`;
  return {
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(note)}` },
    mb: () => Math.max(...readFileSync(path, 'utf8').trim().split('\n').map(Number)) / 1_024,
  };
}

describe.skipIf(all === null)('a document of very many chunks', () => {
  test(`${CHUNKS.toLocaleString('en')} are written, superseded and deleted, within bounded memory`, async () => {
    const memory = openCase({ 'large.md': largeDocument(CHUNKS) }, serverEnvironment()!);
    const peak = peakOf(join(memory.home, '..'));
    const told = async (what: string, ...args: string[]) => {
      const startedMs = performance.now();
      const finished = await memory.runWith(peak.env, ...args);
      console.log(
        `${what}: ${((performance.now() - startedMs) / 1_000).toFixed(1)} s, peak so far ${peak.mb().toFixed(0)} MB`,
      );
      return finished;
    };
    const summaryOf = ({ lines, stderr }: Awaited<ReturnType<typeof told>>) => {
      expect(lines.at(-1), stderr).toMatchObject({ event: 'summary' });
      return lines.at(-1)!;
    };
    const written = await told('written', 'ingest', memory.documents);
    expect(summaryOf(written)).toMatchObject({ added: 1, exit_status: 0 });
    expect(written.lines.find(({ event }) => event === 'document')).toMatchObject({ chunks: CHUNKS });
    expect((await told('verified', 'verify')).exitCode).toBe(0);
    memory.write('large.md', largeDocument(CHUNKS, CHUNKS / 2));
    const superseded = summaryOf(await told('superseded', 'ingest', memory.documents));
    expect(superseded).toMatchObject({ updated: 1, embedded_texts: 1, exit_status: 0 });
    expect((await told('verified', 'verify')).exitCode).toBe(0);
    const id = await memory.idOf('large.md');
    expect(summaryOf(await told('deleted', 'delete', id))).toMatchObject({ deleted: 1, exit_status: 0 });
    expect((await told('verified', 'verify')).exitCode).toBe(0);
    expect(peak.mb()).toBeLessThan(LIMIT_MB);
  }, 5_400_000);
});
