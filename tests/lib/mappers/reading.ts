import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect } from 'vitest';
import type { Json } from '../../../lib/contracts/document.ts';
import {
  FEED_SOURCES,
  type FeedSourceName,
  type JsonObject,
  type Mapped,
  type Observation,
  type ObservedFact,
} from '../../../lib/contracts/feed.ts';
import { MAPPERS } from '../../../lib/mappers/index.ts';

/** The mappers with their tables, by source. */
export const SOURCES = Object.fromEntries(
  await Promise.all(FEED_SOURCES.map(async (source) => [source, await MAPPERS[source]()] as const)),
) as { [source in FeedSourceName]: Awaited<ReturnType<(typeof MAPPERS)[source]>> };

/** A record of `fixtures/records`, made anew for each caller. */
export function recordOf(source: FeedSourceName, name: string): { [key: string]: Json } {
  return JSON.parse(readFileSync(`fixtures/records/${source}/${name}.json`, 'utf8'));
}

/** Every record of the fixtures. */
export const RECORDS = FEED_SOURCES.flatMap((source) =>
  globSync(`fixtures/records/${source}/*.json`)
    .map((file) => ({ source, name: basename(file, '.json') }))
    .sort((a, b) => (a.name < b.name ? -1 : 1)),
);

/** What a record becomes, by its shape. */
export function mapRecord(source: FeedSourceName, record: JsonObject, stream: string | null = null): Mapped {
  const { mapper } = SOURCES[source];
  const shape = mapper.shapeOf(record, stream);
  if (shape === null) throw new Error(`The record has none of the shapes of ${source}.`);
  return mapper.map(record, shape);
}

/** What a record says that must say something. */
export function observe(
  source: FeedSourceName,
  record: JsonObject,
  stream: string | null = null,
): readonly Observation[] {
  const mapped = mapRecord(source, record, stream);
  expect(mapped).toMatchObject({ kind: 'observations' });
  return mapped.kind === 'observations' ? mapped.observations : [];
}

/** What is said of one thing. */
export function about(observations: readonly Observation[], key: string): Observation {
  const found = observations.filter(({ thing }) => thing.key === key);
  expect(found.map(({ thing }) => thing.key)).toEqual([key]);
  return found[0]!;
}

/** Facts of one type, each as `object key, from, to, basis`. */
export function statements(observation: Observation, type: ObservedFact['type']): string[] {
  return observation.facts
    .filter((fact) => fact.type === type)
    .map(({ object, validFrom, validTo, basis }) => `${object.key} ${validFrom} ${validTo} ${basis}`);
}

/** Names as `Type key`. */
export function namesOf(observation: Observation): string[] {
  return observation.names.map(({ type, key }) => `${type} ${key}`);
}

/** The problem of a record that must have one. */
export function problemOf(source: FeedSourceName, record: JsonObject, stream: string | null = null) {
  const mapped = mapRecord(source, record, stream);
  expect(mapped.kind).toBe('problem');
  return mapped.kind === 'problem' ? mapped.problem : null;
}
