import { describe, inject } from 'vitest';
import { recordsStoreContract } from '../../../contracts/records-store.contract.ts';
import { seriesContract } from '../../../contracts/series.contract.ts';
import { storeContract } from '../../../contracts/store.contract.ts';
import { openRecords } from '../../../helpers/postgres.ts';

const { postgres: url } = inject('servers');

describe.skipIf(url === null)('postgres', () => {
  storeContract('postgres', 'records', () => openRecords());
  recordsStoreContract('postgres', () => openRecords());
  seriesContract('postgres', () => openRecords());
});
