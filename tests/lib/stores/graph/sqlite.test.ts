import { graphStoreContract } from '../../../contracts/graph-store.contract.ts';
import { storeContract } from '../../../contracts/store.contract.ts';
import { openStores } from '../../../helpers/memory.ts';

const open = async () => (await openStores()).graph;
storeContract('sqlite', 'graph', open);
graphStoreContract('sqlite', open);
