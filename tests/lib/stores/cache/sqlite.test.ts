import { cacheStoreContract } from '../../../contracts/cache-store.contract.ts';
import { openStores } from '../../../helpers/memory.ts';

cacheStoreContract('sqlite', async () => (await openStores()).cache);
