import { storeContract } from '../../../contracts/store.contract.ts';
import { vectorStoreContract } from '../../../contracts/vector-store.contract.ts';
import { openVectors } from '../../../helpers/qdrant.ts';

storeContract('qdrant', 'vectors', () => openVectors());
vectorStoreContract('qdrant', () => openVectors());
