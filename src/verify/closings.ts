import type { Difference } from '../../lib/contracts/apex.ts';
import type { Closing, DocumentVersion, Fact, GraphStore, Stores } from '../../lib/contracts/store.ts';
import { pagesOf } from '../pipeline/bounded.ts';
import { wrongClosings } from '../pipeline/facts.ts';
import { difference } from './compare.ts';

/** How many facts are read together, and the versions whose closings are. */
const PAGE_FACTS = 5_000;
const PAGE_VERSIONS = 200;

/** Facts whose stored end of validity is not the one that follows from the facts themselves. */
export async function closingDifferences(stores: Stores, signal: AbortSignal): Promise<Difference[]> {
  const facts: Fact[] = [];
  for (let after: string | null = null; ; ) {
    const page = await stores.records.facts(after, PAGE_FACTS, signal);
    facts.push(...page);
    if (page.length < PAGE_FACTS) break;
    after = page[page.length - 1]!.relationId;
  }
  const stored = await storedClosings(stores.graph, facts, signal);
  // One that is not there is missing, which comparing inventories has told.
  const wrong = new Set(wrongClosings(stored.values(), facts).map(({ relationId }) => relationId));
  return facts
    .filter(({ relationId }) => wrong.has(relationId))
    .map(({ documentId, version, relationId }) =>
      difference('graph', { documentId, version, kind: 'closing', id: relationId }, 'stale'),
    );
}

async function storedClosings(
  graph: GraphStore,
  facts: readonly DocumentVersion[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Closing>> {
  const versions = [...new Map(facts.map(({ documentId, version }) => [documentId, { documentId, version }])).values()];
  const stored = new Map<string, Closing>();
  for (const page of pagesOf(versions, PAGE_VERSIONS))
    for (const closing of await graph.closings(page, signal)) stored.set(closing.relationId, closing);
  return stored;
}
