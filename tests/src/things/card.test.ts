import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../lib/contracts/feed.ts';
import { cardOf } from '../../../src/things/card.ts';
import { emptyState } from '../../../src/things/state.ts';

const vehicle = emptyState({ kind: 'Vehicle', key: 'samsara:vehicle:1', name: 'TRUCK-1' });
const textOf = (attributes: JsonObject) => cardOf({ ...vehicle, attributes }, []).text;

describe('the text of a card', () => {
  test('has what the thing is, values inside values by their names, and nothing of what is empty', () => {
    expect(
      textOf({ make: 'PETERBILT', notes: '', customFields: { yard: 'Chicago' }, ticketIds: ['TKT-1', 'TKT-2'] }),
    ).toBe('Vehicle TRUCK-1\n\ncustom fields yard: Chicago\nmake: PETERBILT\nticket ids: TKT-1, TKT-2');
  });

  test('says a name once, however many keys it is found by', () => {
    const name = { type: 'BillOfLading', name: 'BOL-1', isOwn: true } as const;
    const names = [
      { ...name, key: '1' },
      { ...name, key: 'BOL-1' },
    ];
    expect(cardOf({ ...vehicle, names }, []).text).toBe('Vehicle TRUCK-1\n\nBill Of Lading: BOL-1');
  });

  test('is the same in whatever order a store gives attributes back', () => {
    const inner = { yard: 'Chicago', years: 7 };
    const reversed = (value: JsonObject) => Object.fromEntries(Object.entries(value).toReversed());
    const attributes = { make: 'PETERBILT', customFields: inner, year: '2021' };
    expect(textOf(reversed({ ...attributes, customFields: reversed(inner) }))).toBe(textOf(attributes));
  });
});
