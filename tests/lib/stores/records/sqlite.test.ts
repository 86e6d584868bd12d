import { recordsStoreContract } from '../../../contracts/records-store.contract.ts';
import { seriesContract } from '../../../contracts/series.contract.ts';
import { storeContract } from '../../../contracts/store.contract.ts';
import { openStores } from '../../../helpers/memory.ts';

const open = async () => (await openStores()).records;
storeContract('sqlite', 'records', open);
recordsStoreContract('sqlite', open);
seriesContract('sqlite', open);
