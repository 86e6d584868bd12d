import { expect, test } from 'vitest';
import { Circuit, type Outage, patient } from '../../../src/saga/circuit.ts';
import { noAnswer, refusal } from '../../helpers/faults.ts';
import { never } from '../../helpers/records.ts';

/** Goal: an outage costs time and nothing else, and ends when it has lasted too long. Method: calls that fail as told, and time that only waits pass. */

function openCircuit(maxOutageMs = 600_000) {
  let elapsedMs = 0;
  const delaysMs: number[] = [];
  const changes: (Outage | null)[] = [];
  const surroundings = {
    now: () => 1_000_000 + elapsedMs,
    elapsed: () => elapsedMs,
    sleep: async (ms: number, signal: AbortSignal) => {
      delaysMs.push(ms);
      elapsedMs += ms;
      await Promise.resolve();
      signal.throwIfAborted();
    },
  };
  const circuit = new Circuit({
    ...{ role: 'graph' as const, maxOutageMs, surroundings, onChange: (outage: Outage | null) => changes.push(outage) },
  });
  return { circuit, delaysMs, changes };
}

/** A call that has no answer so often. */
function failing(times: number, error: () => Error = noAnswer) {
  let calls = 0;
  const call = async () => {
    calls += 1;
    if (calls <= times) throw error();
    return 'answer';
  };
  return { call, count: () => calls };
}

test('a call that has no answer once or twice is made again, and nobody hears of it', async () => {
  const { circuit, delaysMs, changes } = openCircuit();
  expect(await circuit.pass(failing(2).call, never)).toBe('answer');
  expect([delaysMs, changes]).toEqual([[1_000, 2_000], []]);
});

test('the third time in a row it is an outage, told once when it begins and once when it is over', async () => {
  const { circuit, delaysMs, changes } = openCircuit();
  expect(await circuit.pass(failing(9).call, never)).toBe('answer');
  expect(delaysMs).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  const told = { role: 'graph', reason: 'the store does not answer', sinceMs: 1_003_000, maxOutageMs: 600_000 };
  expect(changes).toEqual([told, null]);
  expect(circuit.isOpen).toBe(false);
});

test('while it is open one call at a time tries, and the others follow when it succeeds', async () => {
  const { circuit } = openCircuit();
  let isDown = true;
  let underWay = 0;
  let most = 0;
  let tries = 0;
  const call = async () => {
    underWay += 1;
    most = circuit.isOpen ? Math.max(most, underWay) : most;
    tries += 1;
    await Promise.resolve();
    underWay -= 1;
    if (tries > 12) isDown = false;
    if (isDown) throw noAnswer();
    return tries;
  };
  await circuit.pass(failing(2).call, never);
  const opening = circuit.pass(call, never);
  while (!circuit.isOpen) await Promise.resolve();
  const answers = await Promise.all([opening, ...Array.from({ length: 5 }, () => circuit.pass(call, never))]);
  expect(most).toBe(1);
  expect(answers).toHaveLength(6);
});

test('a refusal is an answer: it is thrown at once and ends the outage', async () => {
  const { circuit, changes, delaysMs } = openCircuit();
  await expect(circuit.pass(failing(1, refusal).call, never)).rejects.toMatchObject({ code: 'STORE_REFUSED' });
  expect(delaysMs).toEqual([]);
  let calls = 0;
  const call = async () => {
    calls += 1;
    throw calls > 4 ? refusal() : noAnswer();
  };
  await expect(circuit.pass(call, never)).rejects.toMatchObject({ code: 'STORE_REFUSED' });
  expect(changes).toEqual([expect.objectContaining({ role: 'graph' }), null]);
});

test('an outage that lasts too long fails this call and those that wait, and says why', async () => {
  const { circuit } = openCircuit(10_000);
  const { call } = failing(Number.POSITIVE_INFINITY);
  const waiting = [circuit.pass(call, never), circuit.pass(call, never)];
  for (const each of waiting)
    await expect(each).rejects.toMatchObject({
      ...{ code: 'STORE_DOWN', retryable: false },
      message: 'the graph store has not answered for 10 s: the store does not answer',
    });
  await expect(circuit.pass(call, never)).rejects.toMatchObject({ code: 'STORE_DOWN' });
});

test('who is told to stop waits no longer, and the next one gets its turn', async () => {
  const { circuit } = openCircuit();
  const stop = new AbortController();
  const stopped = circuit.pass(async () => {
    if (circuit.isOpen) stop.abort(new Error('stop'));
    throw noAnswer();
  }, stop.signal);
  await expect(stopped).rejects.toThrow('stop');
  expect(await circuit.pass(async () => 'answer', never)).toBe('answer');
});

test('behind a circuit a store’s calls wait, and what it streams is not asked for again', async () => {
  const { circuit } = openCircuit();
  const { call } = failing(3);
  let streams = 0;
  class OwnStore {
    readonly name = 'graph';
    #streamed = 1;

    write(_signal: AbortSignal): Promise<string> {
      return call();
    }

    async *versions() {
      streams += 1;
      yield this.#streamed;
      throw noAnswer();
    }
  }
  const store = patient(new OwnStore(), circuit);
  expect([store.name, await store.write(never)]).toEqual(['graph', 'answer']);
  const read = async () => {
    for await (const one of store.versions()) expect(one).toBe(1);
  };
  await expect(read()).rejects.toMatchObject({ code: 'APEX_STORE' });
  expect(streams).toBe(1);
});
