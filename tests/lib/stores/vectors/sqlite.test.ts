import { storeContract } from '../../../contracts/store.contract.ts';
import { vectorStoreContract } from '../../../contracts/vector-store.contract.ts';
import { openStores } from '../../../helpers/memory.ts';

const open = async () => (await openStores()).vectors;
storeContract('sqlite', 'vectors', open);
vectorStoreContract('sqlite', open);
