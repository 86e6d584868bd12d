import type { StepName } from '../../lib/contracts/pipeline.ts';
import type { PlannedDocument } from '../../lib/contracts/plan.ts';
import type { StagingFolder } from '../../lib/contracts/staging.ts';
import { attachmentCandidates, lostAttachments, MAX_ATTACHMENT_DEPTH } from '../pipeline/attachments.ts';
import { type Candidate, classify } from '../pipeline/classify.ts';
import {
  type DocumentInput,
  type PreparedDocument,
  prepareDocument,
  type ReadDocument,
  readDocument,
} from '../pipeline/document.ts';
import { isDocumentsFault, reportOf } from '../pipeline/failure.ts';
import { isJoining } from '../pipeline/places.ts';
import type { EmbeddingUse } from '../pipeline/use.ts';
import { versionRecord } from '../pipeline/version.ts';
import type { Retry } from '../pipeline/waits.ts';
import { embeddingOf, type PlannedCache, plannedEmbedder } from './embedding.ts';
import { deletedOf, quarantinedOf, rememberedOf, unchangedOf, writtenOf } from './results.ts';
import { PLAN_RUN, type PlanSession } from './session.ts';

/** What embedding is counted with, over all documents of a plan. */
export interface PlannedUse {
  readonly use: EmbeddingUse;
  readonly cache: PlannedCache;
  readonly onCacheFailure: () => void;
}

/**
 * What would become of a document and of all that comes in it: really staged, parsed, chunked and extracted, in a temporary place
 * that is empty again afterwards.
 */
export async function planFamily(
  root: DocumentInput,
  planned: PlannedUse,
  session: PlanSession,
): Promise<PlannedDocument[]> {
  const family = new Family(planned, session);
  try {
    return await family.plan(root);
  } finally {
    await family.removeFolders();
  }
}

class Family {
  readonly #planned: PlannedUse;
  readonly #session: PlanSession;
  readonly #results: PlannedDocument[] = [];
  readonly #folders: StagingFolder[] = [];
  /** Documents that get a new version. */
  readonly #written: string[] = [];
  /** All that is in the new versions, and they themselves. */
  readonly #kept = new Set<string>();

  constructor(planned: PlannedUse, session: PlanSession) {
    this.#planned = planned;
    this.#session = session;
  }

  async plan(root: DocumentInput): Promise<PlannedDocument[]> {
    const queue = [{ input: root, depth: 0 }];
    this.#kept.add(root.documentId);
    for (const { input, depth } of queue) {
      const prepared = await this.#prepare(input);
      if (prepared === null || depth >= MAX_ATTACHMENT_DEPTH) continue;
      queue.push(...(await this.#attachmentsOf(prepared)).map((child) => ({ input: child, depth: depth + 1 })));
    }
    await this.#planLost(root.sourceName);
    return this.#results;
  }

  async removeFolders(): Promise<void> {
    for (const folder of this.#folders) await folder.remove();
  }

  /** Takes a document through all steps but writing; one that stays is only read. @returns null when it would be set aside. */
  async #prepare(input: DocumentInput): Promise<ReadDocument | null> {
    const { parts, signal } = this.#session;
    const { use, cache, onCacheFailure } = this.#planned;
    this.#folders.push(await parts.staging.open(input.sourceName, input.documentId, PLAN_RUN));
    const requests: (readonly string[])[] = [];
    const embedder = plannedEmbedder(parts.embedder, (texts) => requests.push(texts));
    let step: StepName = 'stage';
    const onStep = (_: string, reached: StepName) => {
      step = reached;
    };
    const onRetry = (retry: Retry) => {
      if (step === 'stage') this.#session.waits.take(retry, input.sourceName);
    };
    const context = { runId: PLAN_RUN, signal, surroundings: parts.surroundings, onStep, onRetry };
    try {
      if (input.keptVersion !== null) {
        const read = await readDocument(input, parts, context);
        this.#results.push(unchangedOf(this.#session.named(input), input.keptVersion));
        return read;
      }
      const stores = { cache };
      const prepared = await prepareDocument(input, { ...parts, embedder, stores, use, onCacheFailure }, context);
      if (await this.#isOfOther(prepared)) {
        this.#results.push(unchangedOf(this.#session.named(input), null));
        return null;
      }
      await this.#planWritten(prepared, requests);
      return prepared;
    } catch (failure) {
      if (!isDocumentsFault(failure)) throw failure;
      this.#results.push(quarantinedOf(this.#session.named(input), reportOf(failure, step)));
      return null;
    }
  }

  /** Are its bytes those of another document, of which it would be a place? */
  async #isOfOther(prepared: PreparedDocument): Promise<boolean> {
    const { parts, plan, added, signal } = this.#session;
    const { digest } = prepared.file;
    if (!isJoining(prepared, plan) || prepared.baseVersion !== null) return false;
    const of = { source: prepared.sourceName, group: plan.group };
    const isKnown = added.has(digest) || (await parts.stores.records.ofContent([digest], of, signal)).size > 0;
    added.add(digest);
    return isKnown;
  }

  async #planWritten(prepared: PreparedDocument, requests: readonly (readonly string[])[]): Promise<void> {
    const { parts, plan, settingsDigest, storesDigest, signal } = this.#session;
    const { documentId, baseVersion } = prepared;
    const current = await parts.stores.records.current([documentId], signal);
    const record = versionRecord(
      // Only what is counted is needed, not what a vector says.
      { ...prepared, vectors: prepared.chunks.map(() => NO_VECTOR) },
      {
        version: (current.get(documentId)?.lastVersion ?? 0) + 1,
        group: plan.group,
        settingsDigest,
        storesDigest,
        createdAt: new Date(parts.surroundings.now()).toISOString(),
      },
    );
    this.#written.push(documentId);
    this.#results.push(
      writtenOf(record, baseVersion === null ? 'add' : 'update', embeddingOf(requests, parts.embedder)),
    );
  }

  /** What came in a document and is to be prepared; what needs no work is planned at once. */
  async #attachmentsOf(parent: ReadDocument): Promise<DocumentInput[]> {
    const { parts, signal } = this.#session;
    const inputs: DocumentInput[] = [];
    const named = (candidate: Candidate) => this.#session.named({ ...candidate, sourceName: parent.sourceName });
    const candidates = attachmentCandidates(parent, parts.attachments);
    for (const verdict of await classify(candidates, await this.#session.look(parts.attachments), signal)) {
      const { documentId } = verdict.kind === 'process' ? verdict.input : verdict.candidate;
      this.#kept.add(documentId);
      if (verdict.kind === 'process') inputs.push({ ...verdict.input, sourceName: parent.sourceName });
      else if (verdict.kind === 'unchanged')
        this.#results.push(unchangedOf(named(verdict.candidate), verdict.current.version));
      else this.#results.push(rememberedOf(named(verdict.candidate), verdict.entry));
    }
    return inputs;
  }

  /** What the new versions no longer have in them. */
  async #planLost(source: string): Promise<void> {
    const { parts, signal } = this.#session;
    const lost = await lostAttachments(this.#written, this.#kept, {
      quarantine: await this.#session.quarantine(),
      children: (parentIds) => parts.stores.records.children(parentIds, signal),
    });
    for (const deletion of lost) this.#results.push(deletedOf(this.#session.placed({ ...deletion, source })));
  }
}

const NO_VECTOR = new Float32Array();
