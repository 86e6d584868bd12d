import { randomUUID } from 'node:crypto';
import { describe, inject } from 'vitest';
import { openNeo4jGraph } from '../../../../lib/stores/graph/neo4j.ts';
import { graphStoreContract } from '../../../contracts/graph-store.contract.ts';
import { storeContract } from '../../../contracts/store.contract.ts';
import { neo4jSettings } from '../../../helpers/neo4j.ts';
import { never } from '../../../helpers/records.ts';

const { neo4j: url } = inject('servers');

const openGraph = () => openNeo4jGraph({ ...neo4jSettings(url!), memoryId: randomUUID() }, never);

describe.skipIf(url === null)('neo4j', () => {
  storeContract('neo4j', 'graph', openGraph);
  graphStoreContract('neo4j', openGraph);
});
