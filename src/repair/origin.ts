import { isApexError, SourceError } from '../../lib/contracts/errors.ts';
import type { SourceItem } from '../../lib/contracts/source.ts';
import type { DocumentVersion, GraphDocument } from '../../lib/contracts/store.ts';
import type { StepContext } from '../pipeline/context.ts';
import { type PreparedDocument, prepareDocument } from '../pipeline/document.ts';
import { attachmentPositionOf, documentUuid } from '../pipeline/identity.ts';
import { parse } from '../pipeline/parse.ts';
import type { RunSession } from '../pipeline/session.ts';
import { stage } from '../pipeline/stage.ts';

/** Where a document came from, by what one store says of its version. */
export type Origin = Pick<
  GraphDocument,
  'documentId' | 'uuid' | 'group' | 'source' | 'sourceUri' | 'parentId' | 'contentDigest'
>;

/** What the records and the graph say of where a version came from, each once; only what fits the document's own id. */
export async function originsOf(version: DocumentVersion, session: RunSession): Promise<Origin[]> {
  const { records, graph } = session.parts.stores;
  const told = [
    ...(await records.kept([version], session.signal)),
    ...(await graph.documents([version], session.signal)),
  ];
  const known = (await records.current([version.documentId], session.signal)).get(version.documentId)?.uuid;
  const places = await records.placesOf([version.documentId], session.signal);
  // Where it was met in several places, it may be gone from one.
  const everywhere = told.flatMap((origin) => [origin, ...places.map(({ sourceUri }) => ({ ...origin, sourceUri }))]);
  const origins = everywhere
    .filter(({ uuid, group, documentId }) => [uuid, known].includes(documentUuid(group, documentId)))
    .map(
      ({ documentId, uuid, group, source, sourceUri, parentId, contentDigest }): Origin => ({
        ...{ documentId, uuid, group, source, sourceUri, parentId, contentDigest },
      }),
    );
  return [...new Map(origins.map((origin) => [JSON.stringify(origin), origin])).values()];
}

/**
 * Reads a document's source again and takes it through the steps, where its bytes are still those that the memory was made of.
 *
 * @throws SourceError SOURCE_GONE, SOURCE_CHANGED; the steps' own errors.
 */
export async function prepareAgain(
  origins: readonly Origin[],
  baseVersion: number,
  session: RunSession,
): Promise<{ origin: Origin; prepared: PreparedDocument }> {
  let failure: unknown = unknownOrigin();
  for (const origin of origins) {
    try {
      return { origin, prepared: await prepareFrom(origin, baseVersion, session) };
    } catch (error) {
      // Another store may say another place, and be right.
      if (!(isApexError(error) && TOLD_WRONG.has(error.code))) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** Failures that another origin may not have. */
const TOLD_WRONG: ReadonlySet<string> = new Set(['SOURCE_GONE', 'SOURCE_CHANGED']);

async function prepareFrom(origin: Origin, baseVersion: number, session: RunSession): Promise<PreparedDocument> {
  const { documentId, source: sourceName, parentId, contentDigest } = origin;
  const item = parentId === null ? await itemOf(origin, session) : await attachmentItem(origin, session);
  const { parts, use } = session;
  const prepared = await prepareDocument(
    { documentId, parentId, sourceName, item, baseVersion, contentDigest, keptVersion: null },
    { ...parts, use, onCacheFailure: (error: unknown) => session.warnOfCache(error) },
    contextOf(session),
  );
  if (prepared.file.digest === contentDigest) return prepared;
  await prepared.folder.remove();
  throw changed(origin);
}

/** The item of a document that stands alone, looked at before it is copied. */
async function itemOf(origin: Origin, session: RunSession): Promise<SourceItem> {
  const { source, item } = sourceItemOf(origin, session);
  try {
    const { digest } = await source.digest(item, session.signal);
    if (digest === origin.contentDigest) return item;
  } catch (error) {
    if (isApexError(error) && (error.code === 'NOT_FOUND' || error.code === 'NOT_A_FILE')) throw gone(origin, error);
    throw error;
  }
  throw changed(origin);
}

function sourceItemOf(origin: Origin, { parts }: RunSession) {
  let source: ReturnType<typeof parts.source>;
  try {
    source = parts.source(origin.source);
  } catch (error) {
    // A damaged name of a source is no argument of a user.
    if (isApexError(error) && error.code === 'APEX_USAGE') throw gone(origin, error);
    throw error;
  }
  const item = source.itemAt(origin.sourceUri);
  if (item === null) throw gone(origin);
  return { source, item };
}

/** The item of what came in another document: that one is read and parsed again, whatever else in it has changed. */
async function attachmentItem(origin: Origin, session: RunSession): Promise<SourceItem> {
  const { parts } = session;
  const parentId = origin.parentId!;
  const { folder, parsed } = await parsedParent(parentId, origin, session);
  const attachment = parsed.attachments[attachmentPositionOf(origin.documentId) - 1];
  if (attachment === undefined) throw gone(origin);
  if (attachment.digest !== origin.contentDigest) throw changed(origin);
  const { documentId: id, sourceUri: uri } = origin;
  return parts.attachments.itemOf(attachment, folder.attachmentsPath, { id, uri });
}

async function parsedParent(parentId: string, child: Origin, session: RunSession) {
  const { parts, runId } = session;
  const version = (await parts.stores.records.current([parentId], session.signal)).get(parentId)?.version ?? null;
  const origins = version === null ? [] : await originsOf({ documentId: parentId, version }, session);
  let failure: unknown = gone(child);
  for (const origin of origins) {
    try {
      const context = contextOf(session);
      const folder = await parts.staging.open(origin.source, parentId, runId);
      const { source, item } =
        origin.parentId === null
          ? sourceItemOf(origin, session)
          : { source: parts.attachments, item: await attachmentItem(origin, session) };
      const file = await stage(item, source, folder, context);
      return { folder, parsed: await parse(file, parts.parsers, folder, context) };
    } catch (error) {
      if (!isApexError(error) || error.retryable) throw error;
      failure = error.code === 'NOT_FOUND' ? gone(origin, error) : error;
    }
  }
  throw failure;
}

function contextOf(session: RunSession): StepContext {
  return {
    runId: session.runId,
    signal: session.signal,
    surroundings: session.parts.surroundings,
    onStep: (documentId, step) => session.onEvent({ kind: 'step', documentId, step }),
  };
}

function gone({ sourceUri, documentId }: Origin, cause?: unknown): SourceError {
  return new SourceError(`${sourceUri} cannot be read any more`, {
    code: 'SOURCE_GONE',
    details: { documentId, sourceUri },
    cause,
  });
}

function changed({ sourceUri, documentId }: Origin): SourceError {
  return new SourceError(`${sourceUri} holds other bytes than the memory was made of`, {
    code: 'SOURCE_CHANGED',
    details: { documentId, sourceUri },
  });
}

function unknownOrigin(): SourceError {
  return new SourceError('nothing in the memory tells where it came from', { code: 'SOURCE_GONE' });
}
