import { expect, test } from 'vitest';
import { expectedRows } from '../../../../lib/stores/records/kept-shape.ts';

const item = { kind: 'chunk', id: 'c-1', digest: 'd' };
const version = { documentId: 'a', version: 2 };

test('a kept inventory is told row by row, by role', () => {
  const kept = { records: [item, { ...item, id: 'c-2' }], graph: [], vectors: [item], cache: [] };
  expect([...expectedRows(kept, version)]).toEqual([
    { ...version, role: 'records', ...item },
    { ...version, role: 'records', ...item, id: 'c-2' },
    { ...version, role: 'vectors', ...item },
  ]);
});

test.each([
  ['text that is no JSON', '{"records":'],
  ['nothing', null],
  ['a list', [item]],
  ['a role that is none', { '2ecords': [item], graph: [item] }],
  ['a role without a list', { records: item, graph: [item] }],
  ['an item that is none', { records: [item, null] }],
  ['an item without its digest', { records: [{ kind: 'chunk', id: 'c-1', digesu: 'd' }] }],
  ['an item whose id is a number', { records: [{ ...item, id: 1 }] }],
])('%s expects nothing', (_, kept) => {
  expect([...expectedRows(kept, version)]).toEqual([]);
});
