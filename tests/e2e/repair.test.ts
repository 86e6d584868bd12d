import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { onMemory, openCase } from '../helpers/case.ts';
import { type Case, DOCUMENTS, DRIFT, HOLLOW, openDrift, type Plant } from '../helpers/drift.ts';
import { dumpMemory } from '../helpers/dump.ts';
import { openMachine } from '../helpers/machine.ts';
import { apex } from '../helpers/program.ts';

/**
 * Goal: repair takes a memory in which anything differs to what it would be had nothing ever differed. Method: one difference is
 * planted by SQL in a copy of a sound memory; repair must heal it and find nothing afterwards, and the memory must equal the sound one.
 * One case of each kind of difference goes through the built program, the others through the same machine in this process.
 */

const drift = await openDrift('repair');
const sound = dumpMemory(drift.home);

/** The first case of each store, kind and problem. */
const KINDS = [...new Map(DRIFT.toReversed().map((drifted) => [drifted.slice(2, 5).join(' '), drifted])).values()];

async function repair(home: string) {
  const { exitCode, lines, stdout, stderr } = await apex(['verify', '--repair', '--json'], { home });
  return { exitCode, stdout, stderr, verdict: lines.at(-1)!, differences: lines.slice(0, -1) };
}

test.concurrent.each(KINDS)(
  '%s: healed, exit 0, and the memory is as it was',
  async (...[, plant, role, kind, problem]) => {
    const home = drift.planted(plant);
    const { exitCode, stderr, verdict, differences } = await repair(home);
    expect(stderr).toBe('');
    expect(differences).toContainEqual(
      expect.objectContaining({ event: 'difference', role, kind, problem, healed: true, reason: null, message: null }),
    );
    expect(verdict).toMatchObject({
      event: 'summary',
      healed: differences.length,
      left: 0,
      error: null,
      exit_status: 0,
    });
    expect(exitCode).toBe(0);
    const again = await apex(['verify', '--json'], { home });
    expect(again.lines).toEqual([expect.objectContaining({ event: 'summary', differences: 0, exit_status: 0 })]);
    expect(dumpMemory(home)).toEqual(sound);
    rmSync(home, { recursive: true, force: true });
  },
);

const OTHERS: readonly Case[] = DRIFT.filter((drifted) => !KINDS.includes(drifted));

test.each(OTHERS)('%s: healed, and the memory is as it was', async (...[, plant, role, kind, problem]) => {
  const home = drift.planted(plant);
  const machine = await openMachine(home);
  const { differences, exit_status } = await machine.repair();
  expect(differences).toContainEqual(expect.objectContaining({ role, kind, problem, healed: true, error: null }));
  expect(exit_status).toBe(0);
  expect(await machine.verify()).toMatchObject({ differences: [], exit_status: 0 });
  await machine.close();
  expect(dumpMemory(home)).toEqual(sound);
  rmSync(home, { recursive: true, force: true });
});

/** What takes the text of load.md away from the records, so that only its source has it. */
const LOST_TEXT: Plant = "UPDATE chunk SET text = 'x' WHERE document_id = '$load' AND ordinal = 0";

/** The sound memory with its documents in a folder of its own, and load.md's text lost. */
async function openLost(content: string | null) {
  const { documents, home, ingest, run, idOf } = openCase(DOCUMENTS);
  await ingest();
  const load = await idOf('load.md');
  const before = dumpMemory(home);
  onMemory(home, (db) => db.exec(String(LOST_TEXT).replaceAll('$load', load)));
  if (content === null) rmSync(join(documents, 'load.md'));
  else writeFileSync(join(documents, 'load.md'), content);
  return { home, documents, ingest, run, load, before };
}

test.each([
  ['is gone', null, 'SOURCE_GONE', 'cannot be read any more'],
  ['has changed', 'Another text.\n', 'SOURCE_CHANGED', 'holds other bytes than the memory was made of'],
])(
  'a text that only its source has, and the source %s: left, said why, exit 5; the others are healed',
  async (...[, content, reason, message]) => {
    const { home, load, run } = await openLost(content);
    onMemory(home, (db) =>
      db.exec("DELETE FROM mention WHERE document_id <> (SELECT document_id FROM version WHERE name = 'load.md')"),
    );
    const { exitCode, stderr, verdict, differences } = await repair(home);
    const left = differences.filter(({ healed }) => healed === false);
    expect(left).toEqual([
      expect.objectContaining({
        document_id: load,
        role: 'records',
        kind: 'chunk',
        reason,
        message: expect.stringContaining(message),
      }),
    ]);
    expect(left[0]!['message']).toContain('load.md');
    expect(verdict).toMatchObject({ healed: differences.length - 1, left: 1, exit_status: 5 });
    expect(differences.length).toBeGreaterThan(2);
    expect([exitCode, stderr]).toEqual([5, '']);
    const again = (await run('verify')).lines.filter(({ event }) => event === 'difference');
    expect(again).toEqual([expect.objectContaining({ document_id: load, kind: 'chunk' })]);
  },
);

test('a source that has changed: the next ingest heals the document', async () => {
  const { home, run, ingest } = await openLost('Another text.\n');
  await repair(home);
  expect((await ingest()).of('load.md')).toMatchObject({ outcome: 'updated' });
  expect((await run('verify')).exitCode).toBe(0);
});

test('a document of which only its id is left: said so, exit 5, and the next ingest heals it', async () => {
  const { home, run, ingest, load } = await openLost(DOCUMENTS['load.md']);
  onMemory(home, (db) => db.exec(HOLLOW.replaceAll('$load', load)));
  const { exitCode, differences } = await repair(home);
  const left = differences.filter(({ healed }) => healed === false);
  expect(left).toEqual([
    expect.objectContaining({
      document_id: load,
      reason: 'SOURCE_GONE',
      message: 'nothing in the memory tells where it came from',
    }),
  ]);
  expect(exitCode).toBe(5);
  await ingest();
  expect((await run('verify')).exitCode).toBe(0);
});

test('what was piped in and is damaged cannot be read again, and that is said', async () => {
  const { home } = openCase();
  await apex(['ingest', '-', '--json'], { home, input: 'Load LD-700001 leaves today.\n' });
  onMemory(home, (db) => db.exec("UPDATE chunk SET text = 'x'"));
  const { exitCode, differences } = await repair(home);
  const left = differences.filter(({ healed }) => healed === false);
  expect(left).toEqual([expect.objectContaining({ kind: 'chunk', reason: 'SOURCE_GONE' })]);
  expect(exitCode).toBe(5);
});

test('what came in another document is healed from that one', async () => {
  const { home, ingest, run } = openCase(DOCUMENTS);
  await ingest();
  const before = dumpMemory(home);
  onMemory(home, (db) =>
    db.exec(
      "UPDATE chunk SET text = 'x' WHERE document_id IN (SELECT document_id FROM version WHERE parent_id IS NOT NULL)",
    ),
  );
  expect(await repair(home)).toMatchObject({ exitCode: 0, stderr: '', verdict: { left: 0, embedding_calls: 0 } });
  expect((await run('verify')).exitCode).toBe(0);
  expect(dumpMemory(home)).toEqual(before);
});

test('a sound memory: nothing is done, not even a run', async () => {
  const { home, ingest, run } = openCase(DOCUMENTS);
  await ingest();
  const runs = (await run('runs')).lines.length;
  expect(await repair(home)).toMatchObject({
    exitCode: 0,
    differences: [],
    verdict: { healed: 0, left: 0, run_id: null },
  });
  expect((await run('runs')).lines).toHaveLength(runs);
});

test('healing embeds nothing that the cache has', async () => {
  const home = drift.planted("DELETE FROM mention WHERE document_id = '$load'");
  expect((await repair(home)).verdict).toMatchObject({ left: 0, embedded_texts: 0, embedding_calls: 0 });
});
