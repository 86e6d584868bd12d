// The bare script that `records` is measured against: inserts every row of a memory into an empty one of the same schema, by prepared
// statements in large transactions, and nothing else. Reading the rows is not measured.
//
//   node bench/parts/bare-rows.ts <memory> <database>
import Database from 'better-sqlite3';
import { getLoadablePath } from 'sqlite-vec';
import { createLexicalEmbedder } from '../../lib/embedders/lexical.ts';
import { memorySchema } from '../../lib/stores/memory-schema.ts';

const ROWS_A_TRANSACTION = 10_000;

const [memory = '', path = ''] = process.argv.slice(2);
const from = new Database(memory, { readonly: true });
const to = new Database(path);
for (const db of [from, to]) db.loadExtension(getLoadablePath());
to.pragma('journal_mode = WAL');
to.pragma('synchronous = NORMAL');
for (const sql of memorySchema(createLexicalEmbedder().dimensions)) to.exec(sql);

let [seconds, count] = [0, 0];
for (const table of tables()) copy(table);
from.close();
to.close();
console.log(JSON.stringify({ seconds, rows: count }));

/** The memory's own tables; those behind full text and vectors are theirs, and full text itself is filled by a trigger. */
function tables(): string[] {
  const rows = from.pragma('table_list') as { schema: string; name: string; type: string }[];
  return rows
    .filter(({ schema, type }) => schema === 'main' && (type === 'table' || type === 'virtual'))
    .map(({ name }) => name)
    .filter((name) => !/^(?:sqlite_|point_vector_|chunk_text)/.test(name));
}

function copy(table: string): void {
  const columns = (from.pragma(`table_info(${table})`) as { name: string }[])
    .map(({ name }) => name)
    // vec0 has columns that only searches have.
    .filter((name) => table !== 'point_vector' || !['distance', 'k'].includes(name));
  const places = columns.map(() => '?').join(', ');
  const insert = to.prepare<unknown[]>(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`);
  const insertAll = to.transaction((rows: unknown[][]) => {
    for (const row of rows) insert.run(...row);
  });
  const select = from
    .prepare(`SELECT ${columns.join(', ')} FROM ${table}`)
    .raw()
    .safeIntegers();
  let rows: unknown[][] = [];
  const flush = () => {
    const begunMs = performance.now();
    insertAll(rows);
    seconds += (performance.now() - begunMs) / 1_000;
    count += rows.length;
    rows = [];
  };
  for (const row of select.iterate()) {
    rows.push(row as unknown[]);
    if (rows.length === ROWS_A_TRANSACTION) flush();
  }
  flush();
}
