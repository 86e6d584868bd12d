import { describe } from 'vitest';
import { FakeCacheStore } from '../helpers/fakes/cache.ts';
import { FakeGraphStore } from '../helpers/fakes/graph.ts';
import { FakeJournal } from '../helpers/fakes/journal.ts';
import { FakeRecordsStore } from '../helpers/fakes/records.ts';
import { FakeVectorStore } from '../helpers/fakes/vectors.ts';
import { cacheStoreContract } from './cache-store.contract.ts';
import { graphStoreContract } from './graph-store.contract.ts';
import { journalContract } from './journal.contract.ts';
import { recordsStoreContract } from './records-store.contract.ts';
import { seriesContract } from './series.contract.ts';
import { storeContract } from './store.contract.ts';
import { vectorStoreContract } from './vector-store.contract.ts';

/** Goal: what the machine's tests run on behaves as the real parts do. Method: the parts' own contract suites. */

storeContract('the fake', 'records', async () => new FakeRecordsStore());
storeContract('the fake', 'graph', async () => new FakeGraphStore());
storeContract('the fake', 'vectors', async () => new FakeVectorStore());
recordsStoreContract('the fake', async () => new FakeRecordsStore());
seriesContract('the fake', async () => new FakeRecordsStore());
recordsStoreContract('the fake for several hosts', async () => new FakeRecordsStore({ leaseMs: 60_000 }));
graphStoreContract('the fake', async () => new FakeGraphStore());
vectorStoreContract('the fake', async () => new FakeVectorStore());
cacheStoreContract('the fake', async () => new FakeCacheStore());
describe('the fake journal', () =>
  journalContract(
    async () => new FakeJournal(),
    async (journal) => [...(journal as FakeJournal).synced],
  ));
