import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../lib/contracts/document.ts';
import { FEED_SOURCES, type FeedSourceName, type FieldRow, type JsonObject } from '../../lib/contracts/feed.ts';
import { canonicalJson } from '../../lib/contracts/identity.ts';
import { MAPPERS } from '../../lib/mappers/index.ts';
import { isoInstant, isoOfSeconds } from '../../lib/mappers/times.ts';
import { onMemory } from '../helpers/case.ts';
import { apex, newFolder } from '../helpers/program.ts';
import { hasValue, type Leaf, leavesOf, rowsOf } from '../helpers/record-fields.ts';

/**
 * Goal: docs/reference/record-fields.md is true: after a record is taken, each of its fields is in the stores where the table says.
 * Method: the built program takes each example into a memory of its own, whose tables are then searched for every value, row by row.
 */

const CORPUS = join(import.meta.dirname, '../../../shared/corpus/json/samsara');
/** Files of the corpus with records of ours, as the mappers' own tests know them. */
const OF_CORPUS = [
  'fixture_vehicle-stats',
  'fixture_vehicles',
  'spec_fleet_drivers',
  'spec_fleet_vehicles_driver_assignments',
];
const hasCorpus = existsSync(CORPUS);
if (!hasCorpus) console.log('The corpus is absent: fields are shown with the examples only.');

/** How many commands run at a time. */
const AT_A_TIME = 4;

const SOURCES = Object.fromEntries(
  await Promise.all(FEED_SOURCES.map(async (source) => [source, await MAPPERS[source]()] as const)),
) as { [source in FeedSourceName]: Awaited<ReturnType<(typeof MAPPERS)[source]>> };

/** A file of records of one shape. */
interface Example {
  readonly source: FeedSourceName;
  readonly name: string;
  readonly file: string;
  readonly shape: string;
  readonly rows: readonly FieldRow[];
  readonly leaves: readonly Leaf[];
}

const EXAMPLES: readonly Example[] = [
  // An order is no shape.
  ...FEED_SOURCES.flatMap((source) =>
    globSync(`fixtures/records/${source}/*.json`)
      .filter((file) => basename(file) !== 'order.json')
      .sort()
      .map((file) => exampleOf(source, file, [JSON.parse(readFileSync(file, 'utf8'))])),
  ),
  ...(hasCorpus ? OF_CORPUS : []).map((name) => {
    const file = join(CORPUS, `${name}.json`);
    return exampleOf('samsara', file, JSON.parse(readFileSync(file, 'utf8')).data);
  }),
];

function exampleOf(source: FeedSourceName, file: string, records: readonly JsonObject[]): Example {
  const { mapper, fields } = SOURCES[source];
  const shape = mapper.shapeOf(records[0]!, null)!;
  const rows = fields.filter((row) => row.shape === shape);
  return {
    ...{ source, name: basename(file, '.json'), file, shape, rows },
    leaves: records.flatMap((record) => leavesOf(record)),
  };
}

/** What the stores hold of an example. */
interface Held {
  /** The data directory. */
  readonly home: string;
  /** The state of each thing: metadata of its document. */
  readonly things: readonly ThingMetadata[];
  /** Texts that are searched and embedded. */
  readonly cards: readonly string[];
  readonly entities: readonly { readonly key: string; readonly name: string }[];
  readonly relations: readonly Relation[];
  readonly readings: readonly ReadingRow[];
  readonly latest: readonly { readonly at: string; readonly value: string }[];
}

interface ThingMetadata {
  readonly key: string;
  readonly name: string;
  readonly attributes: JsonObject;
  readonly raw: JsonObject | null;
}

interface Relation {
  readonly type: string;
  readonly objectType: string;
  readonly subject: string;
  readonly object: string;
  readonly validAt: string | null;
  readonly invalidAt: string | null;
  readonly detail: string;
}

interface ReadingRow {
  readonly documentId: string;
  readonly series: string;
  readonly at: string;
  readonly value: string;
  readonly placeKey: string | null;
}

function heldIn(home: string): Held {
  return onMemory(home, (db) => {
    const all = <Row>(sql: string) => db.prepare(sql).all() as Row[];
    const metadata = all<{ metadata: string }>("SELECT metadata FROM version WHERE state = 'current'");
    return {
      home,
      things: metadata.map((row) => (JSON.parse(row.metadata) as { thing: ThingMetadata }).thing),
      cards: all<{ text: string }>('SELECT text FROM chunk').map(({ text }) => text),
      entities: all('SELECT DISTINCT e.key, m.name FROM mention m JOIN entity e ON e.entity_id = m.entity_id'),
      relations: all(`SELECT r.type, o.type AS objectType, s.key AS subject, o.key AS object, r.valid_at AS validAt,
        r.invalid_at AS invalidAt, r.detail FROM relation r JOIN entity s ON s.entity_id = r.subject_id
        JOIN entity o ON o.entity_id = r.object_id`),
      readings: all(
        'SELECT document_id AS documentId, series, at, value, place_key AS placeKey FROM reading ORDER BY at',
      ),
      latest: all('SELECT latest_at AS at, latest AS value FROM entity WHERE latest IS NOT NULL'),
    };
  });
}

const held = new Map<Example, Held>();

beforeAll(async () => {
  const left = [...EXAMPLES];
  const work = async () => {
    for (let example = left.shift(); example !== undefined; example = left.shift()) {
      const home = join(newFolder('record-fields'), 'home');
      const { exitCode, stderr } = await apex(['ingest-json', '--source', example.source, example.file], { home });
      expect([example.name, exitCode, stderr]).toEqual([example.name, 0, expect.any(String)]);
      held.set(example, heldIn(home));
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
}, 300_000);

describe.each(EXAMPLES)('$source $name', (example) => {
  test('has each of its fields in the stores where the table says', () => {
    // A record of readings describes no thing, so what no table knows of it is not kept.
    const isDescribed = held.get(example)!.things.some(({ raw }) => raw !== null);
    const lost = example.leaves.filter((leaf) => {
      if (!hasValue(leaf.value)) return false;
      const [row] = rowsOf(example.rows, leaf);
      if (row === undefined && !isDescribed) return false;
      return !isHeld(leaf, row?.goesTo ?? { raw: 'no table knows it' }, held.get(example)!, false);
    });
    expect(lost.map(({ path, value }) => `${path}: ${value}`)).toEqual([]);
  });
});

test('the latest reading of each series is what the graph says of it', () => {
  const all = [...held.values()].filter(({ readings }) => readings.length > 0);
  expect(all.length).toBeGreaterThan(3);
  for (const { readings, latest } of all) {
    const last = [...Map.groupBy(readings, ({ documentId, series }) => `${documentId} ${series}`).values()].map(
      (own) => own.at(-1)!,
    );
    const spelled = (values: readonly Pick<ReadingRow, 'at' | 'value'>[]) =>
      values.map(({ at, value }) => `${at} ${canonicalJson(JSON.parse(value))}`).sort();
    expect(spelled(latest)).toEqual(spelled(last));
  }
});

test.each(FEED_SOURCES)('every row of %s is true of an example', (source) => {
  const untrue = SOURCES[source].fields.filter((row) => {
    if ('dropped' in row.goesTo) return false;
    const told = EXAMPLES.filter((example) => example.source === source && example.shape === row.shape);
    return !told.some((example) =>
      example.leaves.some(
        (leaf) =>
          hasValue(leaf.value) &&
          rowsOf(example.rows, leaf).includes(row) &&
          isHeld(leaf, row.goesTo, held.get(example)!, true),
      ),
    );
  });
  expect(untrue.map(({ shape, path, goesTo }) => `${shape}: ${path} ${JSON.stringify(goesTo)}`)).toEqual([]);
});

const DROPPED = FEED_SOURCES.flatMap((source) => SOURCES[source].fields.filter(({ goesTo }) => 'dropped' in goesTo));

test.each(DROPPED)('$shape $path is kept nowhere for a reason', ({ goesTo }) => {
  expect('dropped' in goesTo && goesTo.dropped).toMatch(/\w+ \w+/);
});

test('what is secret is in no file of a memory', () => {
  for (const [{ source, name }, { home }] of held) {
    const kept = readdirSync(home, { recursive: true, encoding: 'utf8', withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
    for (const secret of SECRETS)
      expect([source, name, secret, kept.some((text) => text.includes(secret))]).toEqual([source, name, secret, false]);
  }
});

/** Of the examples: a licence, a tax number, an account at a bank. */
const SECRETS = ['X0000000', 'E1234567', 'TAX-77', 'Test Bank', '000111222'];

type Destination = FieldRow['goesTo'];

function isHeld(leaf: Leaf, goesTo: Destination, all: Held, isExact: boolean): boolean {
  if ('dropped' in goesTo) return true;
  if ('raw' in goesTo) return all.things.some(({ raw }) => raw !== null && isInRaw(leaf, raw));
  const spelled = spellingsOf(leaf);
  if ('text' in goesTo) return all.cards.some((card) => spelled.some((value) => card.includes(String(value))));
  const places = placesOf(goesTo, all, isExact);
  if (PARTS.test(leaf.path)) return places.some((place) => wordsOf(place).includes(wordsOf(leaf.value)));
  return places.some((place) => spelled.includes(place));
}

/** As words between spaces, so that a part is made of whole ones. */
function wordsOf(value: Json): string {
  return ` ${String(value)
    .split(/[^\p{L}\p{N}]+/u)
    .join(' ')
    .trim()} `;
}

/** The raw record of a thing may be a part of what was given. */
function isInRaw({ path, value }: Leaf, raw: JsonObject): boolean {
  return leavesOf(raw).some((leaf) => leaf.value === value && (leaf.path === path || path.endsWith(`.${leaf.path}`)));
}

/** All single values at a destination. */
function placesOf(goesTo: Destination, { things, entities, relations, readings }: Held, isExact: boolean): Json[] {
  const namesOf = (keys: ReadonlySet<string>) => entities.filter(({ key }) => keys.has(key)).map(({ name }) => name);
  const said = (keys: readonly string[]) => [...keys.flatMap(partsOf), ...namesOf(new Set(keys))];
  if ('attribute' in goesTo) return things.flatMap(({ attributes }) => valuesIn(attributes[goesTo.attribute] ?? null));
  if ('key' in goesTo)
    return [...things.flatMap(({ key, name }) => [...partsOf(key), name]), ...said(entities.map(({ key }) => key))];
  if ('reading' in goesTo) {
    const own = readings.filter(({ series }) => series === goesTo.reading);
    const keys = own.flatMap(({ placeKey }) => (placeKey === null ? [] : [placeKey]));
    return [...own.flatMap(({ at, value }) => [at, ...valuesIn(JSON.parse(value))]), ...said(keys)];
  }
  if ('name' in goesTo) {
    const isOfType = ({ objectType }: Relation) => objectType === goesTo.name;
    // Who has no record of their own is stated by their address alone, and one path may hold names of several types.
    const own = relations.filter((one) => isOfType(one) || (!isExact && one.type === 'IDENTIFIED_BY'));
    // What cannot be such a name stays an attribute, as it was written.
    const attribute = goesTo.name.replace(/^./, (letter) => letter.toLowerCase());
    const unnamed = isExact ? [] : things.flatMap(({ attributes }) => valuesIn(attributes[attribute] ?? null));
    return [...said(own.map(({ object }) => object)), ...unnamed];
  }
  if (!('fact' in goesTo)) return [];
  const own = relations.filter(({ type }) => (isExact ? type === goesTo.fact : type !== 'IDENTIFIED_BY'));
  return own.flatMap(({ subject, object, validAt, invalidAt, detail }) => [
    ...[validAt, invalidAt, ...valuesIn(JSON.parse(detail))],
    ...said([subject, object]),
  ]);
}

/** A key with its last part, which is the id of what it names. */
function partsOf(key: string): string[] {
  return [key, ...key.split(/[:=]/).slice(-1)];
}

/** Single values inside a value, and the names of its members: users name their own fields. */
function valuesIn(value: Json): Json[] {
  if (value === null || typeof value !== 'object') return [value];
  if (Array.isArray(value)) return value.flatMap(valuesIn);
  return Object.entries(value).flatMap(([name, item]) => [name, ...valuesIn(item)]);
}

/** How a value of a field may be spelled in the stores. */
function spellingsOf({ path, value }: Leaf): readonly Json[] {
  const others = SPELLINGS.filter(({ of }) => of.test(path)).map(({ as }) => as(value));
  return [value, String(value), ...others].filter(hasValue);
}

interface Spelling {
  /** Of which fields, by their path. */
  readonly of: RegExp;
  /** Null where the value is of no kind that is spelled so. */
  readonly as: (value: Json) => Json;
}

/** Where the stores show a value otherwise than its record does. */
const SPELLINGS: readonly Spelling[] = [
  // Times are in UTC, with milliseconds.
  { of: /./, as: (value) => (typeof value === 'string' ? isoInstant(value) : null) },
  { of: /(?:_at|_since|_into)$/, as: (value) => (typeof value === 'number' ? isoOfSeconds(value) : null) },
  // A link tells the id of what it leads to.
  { of: /_links\.related\./, as: (value) => String(value).split('/').at(-1)! },
  // Speeds are in miles an hour, to the hundredth.
  { of: /MetersPerSecond$/, as: (value) => Math.round(Number(value) * 223.6936) / 100 },
  // Telephone numbers are those of the world.
  { of: /phone/i, as: (value) => `+1${String(value).replaceAll(/\D/g, '')}` },
  // Of mail only its own words are text, not what it quotes and how it is signed.
  { of: /^text$/, as: (value) => String(value).split(/\n\nOn /)[0]! },
];

/** Fields that the stores show as a part of a longer value: lines of an address, names of a person. */
const PARTS =
  /(?:address|addresses|origin|destination)(?:\[\])?\.(?:line[12]|city|state|zip|street|streetNumber|postalCode|country|neighborhood|pointOfInterest)$|first_?name$|last_?name$/i;
