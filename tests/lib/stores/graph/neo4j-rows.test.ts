import fc from 'fast-check';
import type neo4j from 'neo4j-driver';
import { expect, test } from 'vitest';
import { dateTime, groupIdOf, groupOf, Keys } from '../../../../lib/stores/graph/neo4j-rows.ts';

test('a group becomes what Graphiti takes, and comes back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (group) => {
      expect(groupIdOf(group)).toMatch(/^[a-zA-Z0-9_-]*$/);
      expect(groupOf(groupIdOf(group))).toBe(group);
    }),
  );
});

test.each([
  ['', ''],
  ['default', 'default'],
  ['north_2', 'north_5f2'],
  ['Müller & Co', 'M_c3_bcller_20_26_20Co'],
])('the group %j is %j to Graphiti', (group, groupId) => {
  expect(groupIdOf(group)).toBe(groupId);
});

test('groups that are too long for an index stay different ones', () => {
  const [one, other] = ['a', 'b'].map((last) => groupIdOf('x'.repeat(20_000) + last));
  expect(one).not.toBe(other);
  expect(one!.length).toBeLessThan(100);
  expect(groupOf(one!)).toBeNull();
});

test('a moment is the same in UTC, wherever this process is', () => {
  const zone = process.env['TZ'];
  process.env['TZ'] = 'America/New_York';
  try {
    const moment = dateTime('2026-03-01T23:30:00.250-05:00') as InstanceType<typeof neo4j.types.DateTime>;
    expect(moment.toString()).toBe('2026-03-02T04:30:00.250000000Z');
    expect(String(dateTime('2026-01-31'))).toBe('2026-01-31T00:00:00Z');
  } finally {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  }
});

test.each([null, '', 'some day'])('%j is no moment', (text) => {
  expect(dateTime(text)).toBeNull();
});

test('two memories have no key in common, and neither have two kinds of things', () => {
  const keys = (memoryId: string) => {
    const of = new Keys(memoryId);
    return [
      of.version({ documentId: 'a', version: 1 }),
      of.version({ documentId: 'a', version: 2 }),
      of.batch({ runId: 'a', batchNo: 1 }),
      ...(['chunk', 'entity', 'mention', 'relation'] as const).map((kind) => of.item(kind, 'a')),
      of.link('a', 'b'),
      of.link('b', 'a'),
    ];
  };
  const all = [...keys('one'), ...keys('other')];
  expect(new Set(all).size).toBe(all.length);
});
