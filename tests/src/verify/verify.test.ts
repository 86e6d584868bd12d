import { expect, test } from 'vitest';
import { verify } from '../../../src/verify/verify.ts';
import { intercepted } from '../../helpers/intercept.ts';
import { openStores } from '../../helpers/memory.ts';
import { never } from '../../helpers/records.ts';

/** More than a call takes arguments. */
const MANY = 300_000;

test('however much differs, all of it is reported', async () => {
  const stores = await openStores();
  const strays = Array.from({ length: MANY }, (_, index) => ({
    ...{ kind: 'entity', id: `stray-${index}`, problem: 'extra' },
  }));
  const graph = intercepted(stores.graph, 'strays', async () => strays);
  const options = {
    ...{
      atWork: async () => ({ runIds: new Set<string>(), moment: '' }),
      embeddingModel: 'test',
      onCompared: () => {},
    },
  };
  const report = await verify({ ...stores, graph }, options, never);
  expect(report).toMatchObject({ documents: 0, exit_status: 5 });
  expect(report.differences).toHaveLength(MANY);
});
