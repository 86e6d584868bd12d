import { join } from 'node:path';
import type { DocumentVersion, Stores } from '../../lib/contracts/store.ts';
import { createLexicalEmbedder } from '../../lib/embedders/lexical.ts';
import { openEmbeddedStores } from '../../lib/stores/index.ts';
import { onMemory } from '../helpers/case.ts';
import { dumpMemory } from '../helpers/dump.ts';
import { dumpStores } from '../helpers/dump-stores.ts';
import { assembleMachine } from '../helpers/machine.ts';
import { never } from '../helpers/records.ts';
import { type Current, listRuns, query } from './invariants.ts';

/** How the journal of a run is mirrored in the records store. */
export interface Mirror {
  readonly runId: string;
  readonly lastLsn: number;
}

/** A memory as the tests look at it, over a data directory: what it holds, by whatever its stores are. */
export interface Memory {
  readonly home: string;
  /** Names its stores. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether one commit shows a change by all modes of search. */
  readonly hasOneCommit: boolean;
  /** The current version of each document. */
  current(): Promise<readonly Current[]>;
  /** All that it holds, but for what is on its way in or out. `documents` has the current ones, `quarantine` what is set aside. */
  state(): Promise<Record<string, unknown[]>>;
  /** The current documents. Without when their facts ended: that follows a pivot, and is brought in also by who rolls back. */
  visible(): Promise<readonly unknown[]>;
  /** What is neither of a current version nor set aside: nothing, while nobody works on it. */
  leftovers(): Promise<readonly unknown[]>;
  mirrors(): Promise<readonly Mirror[]>;
  /** Damages two documents, each in another store, for a repair to find. */
  damage(vectorsOf: string, graphOf: string): Promise<void>;
  /** Opens its stores for somebody who searches. */
  openStores(): Promise<{ readonly stores: Stores; close(): Promise<void> }>;
  close(): Promise<void>;
}

/** One in `memory.db`, looked at by SQL: quick, and without the code that is tested. */
export function embeddedMemory(home: string): Memory {
  const path = join(home, 'memory.db');
  const currentOf = (rows: readonly unknown[]) => rows.filter((row) => (row as { state: string }).state === 'current');
  return {
    ...{ home, env: {}, hasOneCommit: true },
    current: async () =>
      query(
        path,
        "SELECT document_id AS documentId, version, source_uri AS sourceUri FROM version WHERE state = 'current' ORDER BY document_id",
      ),
    state: async () => {
      const { documents, ...rest } = dumpMemory(home);
      return { ...rest, documents: currentOf(documents!) };
    },
    // A document's own row: facts are not in it.
    visible: async () => currentOf(dumpMemory(home)['documents']!),
    leftovers: async () => {
      const dump = dumpMemory(home);
      return [
        ...dump['unsettled']!,
        ...dump['unmentioned']!,
        ...dump['leftovers']!.filter((row) => (row as { rows: number }).rows > 0),
        ...query<unknown>(path, 'SELECT run_id, batch_no FROM pivot WHERE is_finished = 0'),
      ];
    },
    mirrors: async () => query(path, 'SELECT run_id AS runId, last_lsn AS lastLsn FROM run'),
    damage: async (vectorsOf, graphOf) =>
      onMemory(home, (db) => {
        db.prepare('DELETE FROM point WHERE document_id = ?').run(vectorsOf);
        db.prepare("UPDATE graph_document SET title = 'somebody wrote this' WHERE document_id = ?").run(graphOf);
      }),
    openStores: () =>
      openEmbeddedStores({ path, embedder: createLexicalEmbedder(), createMemoryId: () => 'not made here' }),
    close: async () => {},
  };
}

/** One on servers, looked at by what the contracts of its stores tell; that each store holds just this is what `verify` proves. */
export function serverMemory(home: string, env: Readonly<Record<string, string>>): Memory {
  let opening: ReturnType<typeof assembleMachine> | null = null;
  const stores = async () => {
    opening ??= assembleMachine(home, { env });
    return (await opening).parts.stores;
  };
  const versionOf = async (documentId: string): Promise<DocumentVersion[]> => {
    const { records } = await stores();
    const version = (await records.current([documentId], never)).get(documentId)?.version;
    return version == null ? [] : [{ documentId, version }];
  };
  return {
    ...{ home, env, hasOneCommit: false },
    current: async () => {
      const { records } = await stores();
      const versions = await records.currentVersions(null, MAX_DOCUMENTS, never);
      const kept = await records.kept(versions, never);
      return kept.map(({ documentId, version, sourceUri }) => ({ documentId, version, sourceUri }));
    },
    state: async () => {
      const { unsettled: _, ...held } = await dumpStores(await stores());
      return held;
    },
    visible: async () => {
      const { documents } = await dumpStores(await stores());
      return (documents as { relations: object[] }[]).map(({ relations, ...document }) => ({
        ...document,
        relations: relations.map((relation) => ({ ...relation, invalidAt: null, holds: true })),
      }));
    },
    leftovers: async () => (await stores()).records.unsettled(never),
    mirrors: async () => {
      const { records } = await stores();
      const mirrors: Mirror[] = [];
      for (const { runId } of listRuns(home)) {
        const mirror = await records.runMirror(runId, never);
        if (mirror !== null) mirrors.push({ runId, lastLsn: mirror.lastLsn });
      }
      return mirrors;
    },
    damage: async (vectorsOf, graphOf) => {
      const { vectors, graph } = await stores();
      await vectors.retire(await versionOf(vectorsOf), never);
      await graph.retire(await versionOf(graphOf), never);
    },
    openStores: async () => {
      const { parts, close } = await assembleMachine(home, { env });
      return { stores: parts.stores, close };
    },
    close: async () => (await opening)?.close(),
  };
}

/** More than any of these tests has. */
const MAX_DOCUMENTS = 1_000;
