import type { Json } from '../../lib/contracts/document.ts';
import { canonicalJson } from '../../lib/contracts/identity.ts';
import type { Stores } from '../../lib/contracts/store.ts';
import type { ThingState } from '../../src/things/state.ts';
import { currentOf, dumpCurrent, dumpRecords, plainCursor } from '../helpers/dump-records.ts';
import { dumpSeries, dumpStores } from '../helpers/dump-stores.ts';
import type { Memory } from './memories.ts';

/** Tables by name, each row a text, in order. */
export type Dump = Readonly<Record<string, readonly string[]>>;

/** How two memories are looked at that are to be the same. */
export interface Look {
  /** They met their sources at other times: only what holds now is looked at. */
  readonly isMoving: boolean;
  /** One of them is on servers: both are looked at by what the contracts of stores tell. */
  readonly isByContract: boolean;
}

/** All that a memory holds of records, but for when they were met. */
export async function dumpMet(memory: Memory, { isMoving, isByContract }: Look): Promise<Dump> {
  if (!isByContract)
    return isMoving ? withoutLost(dumpCurrent(memory.home)) : withoutMeetings(dumpRecords(memory.home));
  const { stores, close } = await memory.openStores();
  try {
    return isMoving ? withoutLost(await currentIn(stores)) : withoutMeetings(await allIn(stores));
  } finally {
    await close();
  }
}

async function allIn(stores: Stores): Promise<Dump> {
  return textsOf({ ...(await dumpStores(stores)), ...(await besideIn(stores)) });
}

async function currentIn(stores: Stores): Promise<Dump> {
  const { documents } = await dumpStores(stores);
  const current = documents!.flatMap((row) => {
    const thing = thingOf((row as { metadata?: unknown }).metadata);
    return thing === null ? [] : [currentOf(thing)];
  });
  return textsOf({ current, ...(await besideIn(stores)) });
}

/** The place of a rejected record is that in the answer in which it was met first. */
async function besideIn(stores: Stores): Promise<Record<string, readonly unknown[]>> {
  const { readings, latest, cursors, rejected } = await dumpSeries(stores);
  return {
    ...{ readings: readings!, latest: latest! },
    cursors: cursors!.map((row) => plainCursor(row as Record<string, unknown>)),
    rejected: rejected!.map((row) => {
      const { at: _at, place: _place, ...rest } = row as Record<string, unknown>;
      return rest;
    }),
  };
}

/** What a text named and its source has no more does not hold now; whoever met it while it was there still tells of it. */
function withoutLost({ current, ...others }: Dump): Dump {
  const things = current!.map((row) => JSON.parse(row) as { key: string; facts: string[] });
  const keys = new Set(things.map(({ key }) => key));
  const isLost = (fact: string) => {
    const [type, key, detail] = JSON.parse(fact) as [string, string, { isOfText?: boolean }];
    return type === 'MENTIONS' && detail.isOfText === true && key.includes(':') && !keys.has(key);
  };
  return {
    current: things.map(({ facts, ...thing }) =>
      JSON.stringify({ ...thing, facts: facts.filter((fact) => !isLost(fact)) }),
    ),
    ...others,
  };
}

/** Stores of other products give members in another order. */
function textsOf(tables: Readonly<Record<string, readonly unknown[]>>): Dump {
  return Object.fromEntries(
    Object.entries(tables).map(([table, rows]) => [table, rows.map((row) => canonicalJson(row as Json)).sort()]),
  );
}

/**
 * Takes out when things were met: a statement that no time is known of begins when it was read. Where a thing has one, its digest is
 * another, too.
 */
function withoutMeetings(dump: Dump): Dump {
  const meetings = new Map(dump['documents']!.map((row) => meetingsOf(JSON.parse(row) as Row)));
  return Object.fromEntries(
    Object.entries(dump).map(([table, rows]) => [table, rows.map((row) => plainRow(row, meetings)).sort()]),
  );
}

type Row = Readonly<Record<string, unknown>>;

function plainRow(row: string, meetings: ReadonlyMap<string, readonly string[]>): string {
  const times = meetings.get(idOf(JSON.parse(row) as Row)) ?? [];
  if (times.length === 0) return row;
  const plain = row.replace(/"(content_?digest)":"\w+"/i, '"$1":"of when it was met"');
  return times.reduce((text, time) => text.replaceAll(time, 'when it was met'), plain);
}

function meetingsOf(row: Row): [string, string[]] {
  const facts = thingOf(row['metadata'])?.facts ?? [];
  const times = facts.flatMap(({ basis, validFrom }) => (basis === 'ingest' && validFrom !== null ? [validFrom] : []));
  return [idOf(row), [...new Set(times)]];
}

function idOf(row: Row): string {
  return String(row['document_id'] ?? row['documentId'] ?? '');
}

/** Metadata is an object, or its text. */
function thingOf(metadata: unknown): ThingState | null {
  const value = typeof metadata === 'string' ? (JSON.parse(metadata) as unknown) : metadata;
  return (value as { thing?: ThingState } | null)?.thing ?? null;
}

/**
 * What is in one dump and not in the other, in words. Where the sources moved on while one was at work, that one may have been given
 * records that the other never saw, as a bad one with a name that has changed since: it may have rejected more.
 */
export function differencesOf(here: Dump, there: Dump, { isMoving }: Pick<Look, 'isMoving'>): string[] {
  return Object.entries(there).flatMap(([table, rows]) => {
    const others = here[table] ?? [];
    if (JSON.stringify(others) === JSON.stringify(rows)) return [];
    const more = isMoving && table === 'rejected' ? [] : others.filter((row) => !rows.includes(row));
    const missing = rows.filter((row) => !others.includes(row));
    if (more.length + missing.length === 0) return [];
    return [
      `${table} differ: there is ${more.join(' ').slice(0, 2_000)}, and not ${missing.join(' ').slice(0, 2_000)}`,
    ];
  });
}
