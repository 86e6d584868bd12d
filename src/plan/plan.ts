import type { PlannedDocument, PlanSummary } from '../../lib/contracts/plan.ts';
import { type Source, type SourceItem, type SourceRoot, STAGED_SOURCE } from '../../lib/contracts/source.ts';
import { targetsBySource } from '../config/locations.ts';
import { Allowance, NO_CAPS } from '../pipeline/allowance.ts';
import { workThrough } from '../pipeline/bounded.ts';
import { type Candidate, classify, type Verdict } from '../pipeline/classify.ts';
import { documentIdOf } from '../pipeline/identity.ts';
import { tellPassedOver } from '../pipeline/passed-over.ts';
import { knownByPlace, withoutRepeated } from '../pipeline/places.ts';
import { isProblem, LOOK_ITEMS, listAhead, listedSoFar, type OnListed, severalNamed } from '../pipeline/run.ts';
import { Sync } from '../pipeline/sync.ts';
import { EmbeddingUse } from '../pipeline/use.ts';
import { offeredItems, takesStaged } from '../staged/take.ts';
import { PlannedCache } from './embedding.ts';
import { type PlannedUse, planFamily } from './family.ts';
import { PlanReport, planned } from './report.ts';
import { deletedOf, type Named, rememberedOf, unchangedOf } from './results.ts';
import { type PlanOptions, PlanSession, readableItem } from './session.ts';

/**
 * Says what an ingest would do, document by document in the order of listing, by doing all of it but embedding and writing.
 *
 * Stopped by its signal it says what it has seen. @throws as the ingest would before its run begins.
 */
export function planIngest(options: PlanOptions): Promise<PlanSummary> {
  return planned(new Planning(options), options.signal);
}

class Planning {
  readonly #session: PlanSession;
  readonly #planned: PlannedUse;
  readonly #report: PlanReport;

  constructor(options: PlanOptions) {
    const { parts } = options;
    const { embedder, stores, surroundings } = parts;
    this.#session = new PlanSession(options);
    this.#report = new PlanReport(options);
    this.#planned = {
      use: new EmbeddingUse(new Allowance(NO_CAPS, surroundings.elapsed)),
      cache: new PlannedCache(stores.cache, embedder.dimensions),
      onCacheFailure: () => this.#report.warnOfCache(),
    };
  }

  async work(): Promise<void> {
    const { parts, plan } = this.#session;
    const sources = takesStaged({ plan })
      ? new Map([[STAGED_SOURCE, plan.targets]])
      : targetsBySource(plan.source, plan.targets);
    const onListed = listedSoFar(this.#session.onEvent, sources.size);
    for (const [name, targets] of sources) {
      this.#session.sourceName = name;
      await this.#planFrom(parts.source(name), targets, onListed);
    }
  }

  async #planFrom(source: Source, targets: readonly string[], onListed: OnListed): Promise<void> {
    const { parts, plan, signal } = this.#session;
    const sync = plan.sync == null ? null : new Sync(this.#session, source, targets);
    const onRoot = (root: SourceRoot) => tellPassedOver(root, this.#session.onEvent);
    const listing = takesStaged({ plan })
      ? offeredItems(plan, parts.waiting)
      : (sync?.list() ?? source.list(targets, signal, onRoot));
    let waiting: Candidate[] = [];
    for await (const entry of listAhead(listing, onListed)) {
      if (isProblem(entry)) {
        this.#report.takeProblem(entry);
        continue;
      }
      if (plan.documentId !== null && waiting.length > 0) throw severalNamed(plan.documentId);
      waiting.push(await this.#candidate(entry, source));
      if (waiting.length < LOOK_ITEMS) continue;
      await this.#plan(waiting, source);
      waiting = [];
    }
    await this.#plan(waiting, source);
    if (sync !== null) await this.#planGone(sync);
  }

  end(state: PlanSummary['state']): PlanSummary {
    return this.#report.end(state);
  }

  async #candidate(listed: SourceItem, source: Source): Promise<Candidate> {
    const { plan } = this.#session;
    const item = await readableItem(listed, source, this.#session);
    const documentId = plan.documentId ?? item.staged?.itemId ?? documentIdOf(source.name, item.id, plan.group);
    return { documentId, parentId: null, item };
  }

  /** Plans for documents side by side, and tells of them in their order. */
  async #plan(candidates: readonly Candidate[], source: Source): Promise<void> {
    const { parts, signal } = this.#session;
    const known = await knownByPlace(candidates, source.name, this.#session);
    const verdicts = withoutRepeated(await classify(known, await this.#session.look(source), signal));
    const results: (readonly PlannedDocument[] | null)[] = verdicts.map(() => null);
    let told = 0;
    const tellNext = () => {
      for (; told < results.length && results[told] !== null; told += 1)
        for (const result of results[told]!) this.#report.tell(result);
    };
    const queue = verdicts.map((verdict, index) => ({ verdict, index }));
    try {
      await workThrough(queue, parts.limits.concurrency, async ({ verdict, index }) => {
        results[index] = await this.#planOne(verdict);
        tellNext();
      });
    } catch (error) {
      // What is seen is told, whatever stands before it in the order.
      for (const result of results.slice(told).flatMap((planned) => planned ?? [])) this.#report.tell(result);
      throw error;
    }
  }

  async #planOne(verdict: Verdict): Promise<PlannedDocument[]> {
    this.#session.signal.throwIfAborted();
    if (verdict.kind === 'process') return planFamily(verdict.input, this.#planned, this.#session);
    const named = this.#session.named(verdict.candidate);
    if (verdict.kind === 'remembered') return [rememberedOf(named, verdict.entry)];
    return [unchangedOf(named, verdict.current.version), ...(await this.#planAttachments(named))];
  }

  /** An unchanged mail has unchanged attachments, and those that were set aside still are. */
  async #planAttachments({ documentId, source }: Named): Promise<PlannedDocument[]> {
    const { parts, signal } = this.#session;
    const planned: PlannedDocument[] = [];
    let parentIds = [documentId];
    while (parentIds.length > 0) {
      const children = await parts.stores.records.children(parentIds, signal);
      for (const child of children)
        planned.push(unchangedOf(this.#session.placed({ ...child, sourceUri: '', source }), child.version));
      parentIds = children.map((child) => child.documentId);
    }
    for (const entry of (await this.#session.quarantine()).attachmentsOf(documentId))
      planned.push(rememberedOf(this.#session.placed({ ...entry, source }), entry));
    return planned;
  }

  async #planGone(sync: Sync): Promise<void> {
    for await (const deletions of sync.gone(LOOK_ITEMS))
      for (const deletion of deletions) this.#report.tell(deletedOf(this.#session.placed(deletion)));
  }
}
