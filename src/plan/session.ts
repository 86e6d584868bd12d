// The plan: says what an ingest would do, by the same steps over a memory that is only read.
// May import src and lib/contracts.
// Must never write to a store, a journal or the staging area, nor ask a provider.

import type { IngestRequest } from '../../lib/contracts/apex.ts';
import type { RunPlan } from '../../lib/contracts/journal.ts';
import type { PlanEvent, ReadableStores } from '../../lib/contracts/plan.ts';
import type { Source, SourceItem } from '../../lib/contracts/source.ts';
import type { Candidate, ClassifyParts } from '../pipeline/classify.ts';
import { failureDigest, type Parts, settingsDigest, storesDigest } from '../pipeline/parts.ts';
import { allQuarantined, Quarantine } from '../pipeline/quarantine.ts';
import type { SyncSession } from '../pipeline/sync.ts';
import { AskedWaits } from '../pipeline/waits.ts';
import type { WaitingParts } from '../staged/take.ts';
import type { Named } from './results.ts';

/** Stands for a run in the temporary staging area. */
export const PLAN_RUN = 'plan';

/** What a plan is made with. Its staging area is a temporary one. */
export interface PlanParts
  extends Pick<
    Parts,
    'source' | 'attachments' | 'parsers' | 'chunker' | 'extractor' | 'embedder' | 'staging' | 'surroundings' | 'limits'
  > {
  readonly stores: ReadableStores;
  readonly waiting: WaitingParts;
}

/** What a plan is asked, and who hears of it. */
export interface PlanOptions {
  readonly request: IngestRequest;
  readonly parts: PlanParts;
  readonly group: string;
  readonly onEvent: (event: PlanEvent) => void;
  readonly signal: AbortSignal;
}

/** A document that is listed, or came in another. */
interface Listed extends Pick<Candidate, 'documentId' | 'item'> {
  /** Absent: what lists it. */
  readonly sourceName?: string;
}

interface Placed {
  readonly documentId: string;
  readonly sourceUri: string;
  /** Absent: what is looked at now. */
  readonly source?: string;
}

/** One plan on its way: what was asked, what it is made with, and who hears of it. */
export class PlanSession implements SyncSession {
  readonly plan: SyncSession['plan'] & Pick<RunPlan, 'kind' | 'source' | 'listedBy' | 'targets' | 'documentId'>;
  readonly parts: PlanParts;
  readonly onEvent: (event: PlanEvent) => void;
  readonly signal: AbortSignal;
  /** Hears of waits that sources ask for. */
  readonly waits: AskedWaits;
  readonly settingsDigest: string;
  readonly storesDigest: string;
  /** Digests of the contents that the plan would add, of which another would be a place of the same document. */
  readonly added = new Set<string>();
  /** The source whose documents are looked at now. */
  sourceName: string;
  #quarantine: Promise<Quarantine> | null = null;

  constructor({ request, parts, group, onEvent, signal }: PlanOptions) {
    const { source, targets, documentId, sync = null, stagedFrom: listedBy } = request;
    this.plan = {
      kind: 'ingest',
      source,
      ...(listedBy !== undefined && { listedBy }),
      targets,
      documentId,
      group,
      sync,
    };
    this.sourceName = source;
    this.parts = parts;
    this.onEvent = onEvent;
    this.signal = signal;
    this.waits = new AskedWaits(parts.surroundings, onEvent);
    this.settingsDigest = settingsDigest(parts);
    this.storesDigest = storesDigest(parts.stores);
  }

  /** What a source and its documents are looked at with. */
  async look(source: Source): Promise<ClassifyParts> {
    const { records } = this.parts.stores;
    return {
      source,
      records,
      group: this.plan.group,
      quarantine: await this.quarantine(),
      settingsDigest: this.settingsDigest,
      failureDigest: failureDigest(this.parts),
      storesDigest: this.storesDigest,
    };
  }

  /** A listed document, or one that came in another, by its id and place. */
  named({ documentId, item, sourceName: source = item.staged?.source }: Listed): Named {
    return this.placed({ documentId, sourceUri: item.uri, ...(source !== undefined && { source }) });
  }

  /** A document of the memory by its id and place. */
  placed({ documentId, sourceUri, source = this.sourceName }: Placed): Named {
    return { documentId, group: this.plan.group, source, sourceUri: sourceUri === '' ? documentId : sourceUri };
  }

  /** All that is in quarantine. */
  quarantine(): Promise<Quarantine> {
    this.#quarantine ??= allQuarantined(this.parts.stores.records, this.signal).then(
      (entries) => new Quarantine(entries),
    );
    return this.#quarantine;
  }
}

/** An item that can be read again; of one that cannot, its copy in the temporary staging area, which is made first. */
export async function readableItem(
  item: SourceItem,
  source: Source,
  { parts, signal }: Pick<PlanOptions, 'parts' | 'signal'>,
): Promise<SourceItem> {
  if (item.isRepeatable || item.staged !== undefined) return item;
  const folder = await parts.staging.open('spool', source.name, PLAN_RUN);
  return source.fromCopy(item, await folder.stage(source, item, signal));
}
