import type { Closing, DocumentVersion, KeptVersion, Stores } from '../../lib/contracts/store.ts';
import { never } from './records.ts';

const PAGE = 100;

/**
 * As `dumpMemory`, of stores of any kind, by what their contracts tell: run ids, version numbers and ids derived from them aside.
 * That every store holds just this is what `apex verify` proves.
 *
 * @param isWanted which documents count, by location.
 */
export async function dumpStores(
  { records, graph }: Stores,
  isWanted: (sourceUri: string) => boolean = () => true,
): Promise<Record<string, unknown[]>> {
  const documents: unknown[] = [];
  for await (const versions of pagesOfCurrent(records)) {
    const kept = (await records.kept(versions, never)).toSorted((a, b) => (a.documentId < b.documentId ? -1 : 1));
    const closings = new Map((await graph.closings(versions, never)).map((closing) => [closing.relationId, closing]));
    for (const version of kept.filter(({ sourceUri }) => isWanted(sourceUri))) documents.push(plain(version, closings));
  }
  const quarantined = await records.quarantined(
    { afterDocumentId: null, limit: 1_000, group: null, code: null },
    never,
  );
  return {
    documents: sorted(documents),
    quarantine: quarantined
      .filter(({ sourceUri }) => isWanted(sourceUri))
      .map(({ documentId, sourceUri, code }) => ({ documentId, sourceUri, code })),
    unsettled: [...(await records.unsettled(never))],
  };
}

async function* pagesOfCurrent(records: Stores['records']): AsyncGenerator<readonly DocumentVersion[]> {
  for (let after: string | null = null; ; ) {
    const page: readonly DocumentVersion[] = await records.currentVersions(after, PAGE, never);
    if (page.length === 0) return;
    yield page;
    after = page[page.length - 1]!.documentId;
  }
}

/** A version without what differs from run to run, its parts named by what they are. */
function plain(kept: KeptVersion, closings: ReadonlyMap<string, Closing>) {
  const { version: _version, createdAt: _createdAt, storesDigest: _storesDigest, ...rest } = kept;
  const ordinals = new Map(kept.chunks.map(({ chunkId, ordinal }) => [chunkId, ordinal]));
  const mentions = kept.mentions.map(({ mentionId: _, chunkId, ...mention }) => ({
    ...{ chunk: ordinals.get(chunkId), ...mention },
  }));
  const relations = kept.relations.map(({ relationId, chunkId, ...relation }) => {
    const { invalidAt = null, expiredAt = null } = closings.get(relationId) ?? {};
    return { chunk: ordinals.get(chunkId), ...relation, invalidAt, holds: expiredAt === null };
  });
  return {
    ...rest,
    chunks: kept.chunks.map(({ chunkId: _, ...chunk }) => chunk),
    entities: sorted(kept.entities),
    mentions: sorted(mentions),
    relations: sorted(relations),
  };
}

function sorted(items: readonly unknown[]): unknown[] {
  return items
    .map((item) => [JSON.stringify(item), item] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, item]) => item);
}
