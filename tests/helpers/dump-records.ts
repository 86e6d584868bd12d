import { join } from 'node:path';
import Database from 'better-sqlite3';
import { heldFacts } from '../../src/things/fold.ts';
import type { ThingState } from '../../src/things/state.ts';
import { dumpMemory } from './dump.ts';

type Rows = Record<string, unknown>[];

/**
 * All that a memory holds of records: `dumpMemory` of their things, and beside that readings, latest values, cursors and what was
 * rejected. Each row is a text.
 */
export function dumpRecords(home: string): Record<string, string[]> {
  return textsOf(dumpWhole(home));
}

/** `dumpMemory`, and what is kept beside documents. */
export function dumpWhole(home: string, isWanted?: (sourceUri: string) => boolean): Record<string, unknown[]> {
  return { ...dumpMemory(home, isWanted), ...dumpBeside(home) };
}

/** What is told twice of the same two, of different times, has no order of its own. */
function textsOf(tables: Record<string, unknown[]>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(tables).map(([table, rows]) => [table, rows.map((row) => JSON.stringify(row)).sort()]),
  );
}

/** What holds now of each thing, and what is beside things: what two memories share that met a source at other times. */
export function dumpCurrent(home: string): Record<string, string[]> {
  const things = withMemory(home, (all) =>
    all(`SELECT metadata FROM version WHERE state = 'current' ORDER BY document_id`),
  );
  const current = things.flatMap(({ metadata }) => {
    const { thing } = JSON.parse(String(metadata)) as { thing?: ThingState };
    return thing === undefined ? [] : [currentOf(thing)];
  });
  return textsOf({ current, ...dumpBeside(home) });
}

/** What holds now of a thing, whenever it was met. */
export function currentOf(state: ThingState) {
  const { kind, key, name, attributes, text, names } = state;
  const facts = heldFacts(state)
    .filter(({ until }) => until === null)
    // Since when something holds that has no time of its own is when it was met.
    .map(({ type, object, detail, basis, validFrom }) =>
      JSON.stringify([type, object.key, detail, basis === 'source_event' ? validFrom : null]),
    );
  return {
    kind,
    key,
    name,
    attributes,
    text,
    names: names.filter(({ isOwn }) => isOwn).map((one) => `${one.type} ${one.key}`),
    facts: [...new Set(facts)].sort(),
  };
}

/** What is kept of records beside documents. */
function dumpBeside(home: string): Record<string, Rows> {
  return withMemory(home, (all) => ({
    readings: all(
      'SELECT document_id, series, at, value, place_key FROM reading ORDER BY document_id, series, at, digest',
    ),
    series: all('SELECT document_id, series, readings FROM series ORDER BY document_id, series'),
    latest: all('SELECT type, key, latest, latest_at FROM entity WHERE latest IS NOT NULL ORDER BY type, key'),
    cursors: all('SELECT source, stream, group_id, value FROM stream_cursor ORDER BY source, stream, group_id').map(
      plainCursor,
    ),
    rejected: all('SELECT source, stream, group_id, source_uri, path, reason, raw FROM rejected ORDER BY id'),
  }));
}

/** Where a stream stands, without when it was walked. */
export function plainCursor({ value, ...of }: Record<string, unknown>) {
  const { position, walk } = JSON.parse(String(value)) as { position: string | null; walk: unknown };
  return { ...of, position, walk };
}

function withMemory<T>(home: string, work: (all: (sql: string) => Rows) => T): T {
  const db = new Database(join(home, 'memory.db'), { readonly: true });
  try {
    return work((sql) => db.prepare(sql).all() as Rows);
  } finally {
    db.close();
  }
}
