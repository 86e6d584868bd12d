import { expect, test } from 'vitest';
import type { RecordsStore } from '../../../lib/contracts/store.ts';
import { thingDocumentId } from '../../../src/pipeline/identity.ts';
import { KnownThings, RememberedStates } from '../../../src/things/known.ts';
import { emptyState, stateMetadata, type ThingState } from '../../../src/things/state.ts';
import { never } from '../../helpers/records.ts';

/** Goal: what a run remembers of things is used only while it is what the memory holds. Method: a store that counts what it is asked. */

const KEY = 'samsara:vehicle:1';
const ID = thingDocumentId('', KEY);

function stateNamed(name: string): ThingState {
  return emptyState({ kind: 'Vehicle', key: KEY, name });
}

/** Has version `version` of one thing; `described` may be a newer one, as when another run is faster. */
function storeOf({ version, described = version }: { version: number; described?: number }) {
  const asked: string[] = [];
  const records = {
    current: async () => new Map([[ID, { documentId: ID, version, group: '', isGone: false }]]),
    described: async (ids: readonly string[]) => {
      asked.push(...ids);
      return new Map([[ID, { version: described, metadata: stateMetadata(stateNamed(`as of ${described}`)) }]]);
    },
  } as unknown as RecordsStore;
  return { records, asked };
}

async function nameIn(records: RecordsStore, remembered: RememberedStates): Promise<string | null> {
  return (await new KnownThings(records, '', never, remembered).stateOf(KEY))?.name ?? null;
}

test('a state is read once as long as its version is current, and again when that is another', async () => {
  const remembered = new RememberedStates();
  const first = storeOf({ version: 1 });
  expect(await nameIn(first.records, remembered)).toBe('as of 1');
  expect(await nameIn(first.records, remembered)).toBe('as of 1');
  expect(first.asked).toEqual([ID]);
  const next = storeOf({ version: 2 });
  expect(await nameIn(next.records, remembered)).toBe('as of 2');
  expect(next.asked).toEqual([ID]);
});

test('a state of another version than the current one is not taken, nor remembered', async () => {
  const remembered = new RememberedStates();
  expect(await nameIn(storeOf({ version: 1, described: 2 }).records, remembered)).toBeNull();
  expect(remembered.get(ID, 2)).toBeNull();
});

test('the states that were used last are remembered, and no more than some hundred', () => {
  const remembered = new RememberedStates();
  for (let index = 0; index < 256; index += 1) remembered.set(`${index}`, 1, stateNamed(`${index}`));
  expect(remembered.get('0', 1)?.name).toBe('0');
  remembered.set('more', 1, stateNamed('more'));
  expect(['0', '1', 'more'].map((id) => remembered.get(id, 1)?.name ?? null)).toEqual(['0', null, 'more']);
});
