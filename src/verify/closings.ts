import type { Difference } from '../../lib/contracts/apex.ts';
import type { Closing, DocumentVersion, Fact, GraphStore, Stores } from '../../lib/contracts/store.ts';
import { deriveClosings } from '../pipeline/facts.ts';
import { difference } from './compare.ts';

/** How many facts are read together, and the versions whose closings are. */
const PAGE_FACTS = 5_000;
const PAGE_VERSIONS = 200;

/** Facts whose stored end of validity is not the one that follows from the facts themselves. */
export async function wrongClosings(stores: Stores, signal: AbortSignal): Promise<Difference[]> {
  const facts: Fact[] = [];
  for (let after: string | null = null; ; ) {
    const page = await stores.records.facts(after, PAGE_FACTS, signal);
    facts.push(...page);
    if (page.length < PAGE_FACTS) break;
    after = page[page.length - 1]!.relationId;
  }
  const stored = await storedClosings(stores.graph, facts, signal);
  const derived = new Map(deriveClosings(facts).map((closing) => [closing.relationId, closing]));
  return facts
    .filter(({ relationId }) => {
      const closing = stored.get(relationId);
      // One that is not there is missing, which comparing inventories has told.
      return closing !== undefined && !isSame(closing, derived.get(relationId)!);
    })
    .map(({ documentId, version, relationId }) =>
      difference('graph', { documentId, version, kind: 'closing', id: relationId }, 'stale'),
    );
}

function isSame(a: Closing, b: Closing): boolean {
  return a.invalidAt === b.invalidAt && a.expiredAt === b.expiredAt;
}

async function storedClosings(
  graph: GraphStore,
  facts: readonly DocumentVersion[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Closing>> {
  const versions = [...new Map(facts.map(({ documentId, version }) => [documentId, { documentId, version }])).values()];
  const stored = new Map<string, Closing>();
  for (let from = 0; from < versions.length; from += PAGE_VERSIONS) {
    for (const closing of await graph.closings(versions.slice(from, from + PAGE_VERSIONS), signal))
      stored.set(closing.relationId, closing);
  }
  return stored;
}
