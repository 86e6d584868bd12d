import { onMemory } from '../helpers/case.ts';
import { withClient } from '../helpers/postgres.ts';
import type { picksFrom } from './changing-world.ts';
import type { Memory } from './memories.ts';

interface Rejected {
  readonly id: string;
  readonly raw: string;
}

/** What is wrong in the records of the changing worlds, and what is right instead. */
const MENDS: readonly (readonly [wrong: RegExp, right: (number: string) => string])[] = [
  [/"not a time, (\d+)"/, (number) => JSON.stringify(new Date(FIRST_MENDED_MS + Number(number) * 60_000))],
  [/\{"no":"id","number":(\d+)\}/, (number) => `90${number.padStart(6, '0')}`],
  [/"type":null/, () => '"type":"archive"'],
];
const FIRST_MENDED_MS = Date.parse('2026-02-01T00:00:00Z');

/**
 * Makes some of the rejected records of memories that are alike such as can be taken: as if an apex had rejected them that knew less.
 * Their ids stay. Gives how many.
 */
export async function mendSome(memories: readonly Memory[], pick: ReturnType<typeof picksFrom>): Promise<number> {
  const wrong = (await rejectedIn(memories[0]!)).filter(({ raw }) => mended(raw) !== raw);
  const chosen = wrong.filter(() => pick.is(0.6)).map(({ id, raw }) => ({ id, raw: mended(raw) }));
  for (const memory of memories) await rewrite(memory, chosen);
  return chosen.length;
}

function mended(raw: string): string {
  return MENDS.reduce((text, [wrong, right]) => text.replace(wrong, (_, number: string) => right(number)), raw);
}

function rejectedIn({ home, env }: Memory): Promise<Rejected[]> {
  const sql = 'SELECT id, raw FROM rejected ORDER BY id';
  if (isEmbedded(env)) return Promise.resolve(onMemory(home, (db) => db.prepare(sql).all() as Rejected[]));
  return withRows(
    env,
    async (client, at) => (await client.query<Rejected>(sql.replace('rejected', `${at}rejected`))).rows,
  );
}

async function rewrite({ home, env }: Memory, all: readonly Rejected[]): Promise<void> {
  if (isEmbedded(env)) {
    const sql = 'UPDATE rejected SET raw = ? WHERE id = ?';
    onMemory(home, (db) => {
      for (const { id, raw } of all) db.prepare(sql).run(raw, id);
    });
    return;
  }
  await withRows(env, async (client, at) => {
    for (const { id, raw } of all) await client.query(`UPDATE ${at}rejected SET raw = $1 WHERE id = $2`, [raw, id]);
  });
}

type Env = Memory['env'];
type Work<Result> = (client: Parameters<Parameters<typeof withClient>[0]>[0], at: string) => Promise<Result>;

function isEmbedded(env: Env): boolean {
  return env['DATABASE_URL'] === undefined;
}

/** @param work is told what stands before the names of tables. */
function withRows<Result>(env: Env, work: Work<Result>): Promise<Result> {
  return withClient((client) => work(client, `${env['APEX_POSTGRES_SCHEMA']}.`), env['DATABASE_URL']);
}
