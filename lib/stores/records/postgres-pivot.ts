import { StoreError } from '../../contracts/errors.ts';
import type { PivotOutcome, PivotRequest, WriteRef } from '../../contracts/store.ts';
import type { PgTransaction } from './postgres-connection.ts';
import { lockSeed, type PostgresMemory } from './postgres-memory.ts';
import { removePlaces } from './postgres-places.ts';
import { lockBatch } from './postgres-rows.ts';
import {
  addReadings,
  keepRejected,
  misread,
  misreadParams,
  moveCursors,
  moveReadings,
  stale,
  staleParams,
} from './postgres-series.ts';

/** A pivot of this batch has happened already: nothing is to be done. */
class RepeatedPivotError extends Error {}

/**
 * The pivot: one transaction, which answers the same however often it is asked, also when the answer of its commit was lost.
 *
 * @throws StoreError FENCED, STORE_COUNT.
 */
export async function pivot(memory: PostgresMemory, request: PivotRequest, signal: AbortSignal): Promise<PivotOutcome> {
  const { ref } = request;
  const repeated = await seenOutcome(memory, ref, signal);
  if (repeated !== null) return repeated;
  const onDoubt = async () => {
    const outcome = await settledOutcome(memory, ref, signal);
    if (outcome !== null) return outcome;
    const message = `the records store at ${memory.db.place} did not commit batch ${ref.batchNo} of run ${ref.runId}`;
    throw new StoreError(message, { code: 'APEX_STORE', retryable: true, details: { operation: 'pivot', ...ref } });
  };
  try {
    return await memory.db.transaction(
      { operation: 'pivot', signal, isDurable: true, onDoubt },
      async (transaction) => {
        await commitBatch(transaction, memory, request);
        return outcomeIn(transaction, memory, ref);
      },
    );
  } catch (error) {
    if (!(error instanceof RepeatedPivotError)) throw error;
    return (await seenOutcome(memory, ref, signal))!;
  }
}

/**
 * What came of a batch's pivot, or null when it has not happened and no transaction that is still under way can make it happen: one
 * whose owner lost its connection in the commit may take until the server notices.
 */
export async function settledOutcome(
  memory: PostgresMemory,
  ref: WriteRef,
  signal: AbortSignal,
): Promise<PivotOutcome | null> {
  const seen = await seenOutcome(memory, ref, signal);
  if (seen !== null) return seen;
  return memory.db.transaction({ operation: 'pivot-outcome', signal, isPatient: true }, async (transaction) => {
    await lockBatch(transaction, memory, ref);
    // A statement of its own: the one that waited sees what there was before it waited.
    const [happened] = await transaction.all(`SELECT 1 FROM ${memory.at}pivot WHERE run_id = $1 AND batch_no = $2`, [
      ref.runId,
      ref.batchNo,
    ]);
    return happened === undefined ? null : outcomeIn(transaction, memory, ref);
  });
}

/** What can be seen of the outcome, without waiting. */
async function seenOutcome(
  { db, at }: PostgresMemory,
  ref: WriteRef,
  signal: AbortSignal,
): Promise<PivotOutcome | null> {
  const rows = await db.all<Item>('pivot-outcome', outcomeSql(at), [ref.runId, ref.batchNo], signal);
  return rows.length === 0 ? null : outcomeOf(rows);
}

async function outcomeIn(transaction: PgTransaction, { at }: PostgresMemory, ref: WriteRef): Promise<PivotOutcome> {
  return outcomeOf(await transaction.all<Item>(outcomeSql(at), [ref.runId, ref.batchNo]));
}

interface Item {
  /** Documents whose readings were added; the same in every row. */
  readonly extended: readonly string[];
  /** Null in the one row of a pivot without documents. */
  readonly documentId: string | null;
  readonly version: number | null;
  readonly baseVersion: number | null;
  readonly result: 'done' | 'lost' | null;
}

function outcomeSql(at: string): string {
  return `SELECT i.document_id AS "documentId", i.version, i.base_version AS "baseVersion", i.result,
      ARRAY(SELECT s.document_id FROM ${at}pivot_series s WHERE s.run_id = p.run_id AND s.batch_no = p.batch_no AND s.result = 'done' ORDER BY 1) AS extended
    FROM ${at}pivot p LEFT JOIN ${at}pivot_item i USING (run_id, batch_no) WHERE p.run_id = $1 AND p.batch_no = $2 ORDER BY i.document_id`;
}

function outcomeOf(items: readonly Item[]): PivotOutcome {
  const numbered = (documentId: string | null, version: number | null) =>
    documentId === null || version === null ? [] : [{ documentId, version }];
  const done = items.filter(({ result }) => result === 'done');
  const lost = items.filter(({ result }) => result === 'lost');
  return {
    committed: done.flatMap(({ documentId, version }) => numbered(documentId, version)),
    retiring: done.flatMap(({ documentId, baseVersion }) => numbered(documentId, baseVersion)),
    lost: lost.flatMap(({ documentId, version }) => numbered(documentId, version)),
    deleted: done.flatMap(({ documentId, version }) => (version === null && documentId !== null ? [documentId] : [])),
    extended: items[0]?.extended ?? [],
  };
}

async function commitBatch(transaction: PgTransaction, memory: PostgresMemory, request: PivotRequest): Promise<void> {
  const { at } = memory;
  const { ref, fence, lsn, versions, deletes, quarantined, kept = [], series = [], cursors = [], reads = [] } = request;
  const batch = [ref.runId, ref.batchNo];
  await lockBatch(transaction, memory, ref);
  // By an update: a share lock first would let two of one run wait for each other.
  const fenced = await transaction.run(
    `UPDATE ${at}run SET last_lsn = greatest(last_lsn, $3) WHERE run_id = $1 AND fence = $2`,
    [ref.runId, fence, lsn],
  );
  if (fenced === 0) throw refused(request, 'FENCED', 'was taken over by another process');
  const made = await transaction.run(
    `INSERT INTO ${at}pivot (run_id, batch_no, fence, lsn) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
    [...batch, fence, lsn],
  );
  if (made === 0) throw new RepeatedPivotError();
  await moveCursors(transaction, memory, cursors, ref.runId);
  await lockDocuments(transaction, memory, [...versions, ...deletes, ...quarantined, ...kept, ...series]);
  // What others state about an entity has no row that could be locked: those who read that commit one after the other.
  if (reads.length > 0)
    await transaction.run('SELECT pg_advisory_xact_lock($1::bigint)', [lockSeed(memory.memoryId, 'facts')]);
  await addItems(transaction, at, request);
  await judgeItems(transaction, at, request);
  await moveVersions(transaction, at, request);
  await setAside(transaction, at, request);
  await addReadings(transaction, memory, request, { sql: overtaken(at), params: unwrittenParams(request) });
  if (cursors.length > 0) await assertWhole(transaction, memory, request);
  await moveReadings(transaction, memory, request);
  if (deletes.length > 0) await removePlaces(transaction, at, ref);
  await keepRejected(transaction, memory, request);
}

/** A cursor never moves past what was not taken. @throws StoreError LOST_RACE. */
async function assertWhole(transaction: PgTransaction, { at }: PostgresMemory, { ref }: PivotRequest): Promise<void> {
  const lost = ['pivot_item', 'pivot_series'].map(
    (table) => `SELECT 1 FROM ${at}${table} WHERE run_id = $1 AND batch_no = $2 AND result = 'lost'`,
  );
  const rows = await transaction.all(`${lost.join(' UNION ALL ')} LIMIT 1`, [ref.runId, ref.batchNo]);
  if (rows.length === 0) return;
  throw new StoreError('another run changed the same documents meanwhile; nothing of this batch was kept', {
    code: 'LOST_RACE',
    details: { ...ref },
  });
}

/** Documents that no version is written of, with the version that must be current: the third and fourth parameter of `overtaken`. */
function unwrittenParams({ versions, deletes, kept = [], series = [] }: PivotRequest): [string[], (number | null)[]] {
  const judged = new Set([...versions, ...deletes].map(({ documentId }) => documentId));
  const unwritten = [...kept, ...series.filter(({ documentId }) => !judged.has(documentId))];
  return [unwritten.map(({ documentId }) => documentId), unwritten.map(({ baseVersion }) => baseVersion)];
}

/** A lock stands in memory that all of a server shares, and has room for about 10,000 by default: a few pivots at once take no more. */
const MAX_LOCKED_DOCUMENTS = 1_000;

/**
 * In one order for all, so that no two pivots wait for each other, and none for one that numbers versions. A pivot of very many
 * documents locks them all by one lock, which the others share.
 */
async function lockDocuments(
  transaction: PgTransaction,
  { at, memoryId }: PostgresMemory,
  documents: readonly { readonly documentId: string }[],
): Promise<void> {
  const documentIds = [...new Set(documents.map(({ documentId }) => documentId))];
  const isLarge = documentIds.length > MAX_LOCKED_DOCUMENTS;
  await transaction.run(`SELECT ${isLarge ? 'pg_advisory_xact_lock' : 'pg_advisory_xact_lock_shared'}($1::bigint)`, [
    lockSeed(memoryId, 'all documents'),
  ]);
  if (!isLarge)
    await transaction.run(
      `SELECT count(pg_advisory_xact_lock(k)) FROM
         (SELECT DISTINCT hashtextextended(d, $2::bigint) AS k FROM unnest($1::text[]) d ORDER BY 1) s`,
      [documentIds, lockSeed(memoryId, 'document')],
    );
  await transaction.run(
    `SELECT FROM ${at}document WHERE document_id = ANY ($1::text[]) ORDER BY document_id FOR NO KEY UPDATE`,
    [documentIds],
  );
}

async function addItems(transaction: PgTransaction, at: string, request: PivotRequest): Promise<void> {
  const { ref, versions, deletes } = request;
  const batch = [ref.runId, ref.batchNo];
  // Only what stands written under this batch can become current.
  const found = await transaction.run(
    `INSERT INTO ${at}pivot_item (run_id, batch_no, document_id, version, base_version)
     SELECT v.run_id, v.batch_no, v.document_id, v.version, w.base_version
     FROM unnest($3::text[], $4::integer[], $5::integer[]) AS w (document_id, version, base_version)
     JOIN ${at}version v USING (document_id, version) WHERE v.run_id = $1 AND v.batch_no = $2 AND v.state = 'building'`,
    [
      ...batch,
      versions.map(({ documentId }) => documentId),
      versions.map(({ version }) => version),
      versions.map(({ baseVersion }) => baseVersion),
    ],
  );
  if (found !== versions.length)
    throw refused(request, 'STORE_COUNT', `has not all documents of batch ${ref.batchNo} written`);
  await transaction.run(
    `INSERT INTO ${at}pivot_item (run_id, batch_no, document_id, base_version)
     SELECT $1::text, $2::integer, * FROM unnest($3::text[], $4::integer[])`,
    [...batch, deletes.map(({ documentId }) => documentId), deletes.map(({ baseVersion }) => baseVersion)],
  );
}

const OURS = 'i.run_id = $1 AND i.batch_no = $2';
const IS_DONE = `${OURS} AND i.result = 'done'`;

/** The kept documents of which another version is current; they are the last two of four parameters. */
function overtaken(at: string): string {
  return `SELECT d.document_id FROM unnest($3::text[], $4::integer[]) AS k (document_id, base_version)
    JOIN ${at}document d USING (document_id) WHERE d.current_version IS DISTINCT FROM k.base_version`;
}

async function judgeItems(transaction: PgTransaction, at: string, request: PivotRequest): Promise<void> {
  const { ref, series = [], absorbed = [], reads = [], together = [] } = request;
  const batch = [ref.runId, ref.batchNo];
  const pairs = [...absorbed.map(({ documentId, into }) => [documentId, into]), ...together];
  // Whoever staged from a version that is no longer current has lost: its content may be older than what is there.
  await transaction.run(
    `UPDATE ${at}pivot_item i SET result = CASE WHEN
       (SELECT d.current_version FROM ${at}document d WHERE d.document_id = i.document_id) IS NOT DISTINCT FROM i.base_version
       THEN 'done' ELSE 'lost' END WHERE ${OURS}`,
    batch,
  );
  // What came in a document that lost is of its old content too: its versions lose and its deletes are left undone.
  await transaction.run(
    `WITH RECURSIVE lost (document_id) AS (
       (SELECT i.document_id FROM ${at}pivot_item i WHERE ${OURS} AND i.result = 'lost' UNION ${overtaken(at)} UNION ${stale(at, 5)}
        UNION ${misread(at, 10)})
       UNION SELECT x.document_id FROM lost l CROSS JOIN LATERAL (
         SELECT CASE WHEN p.first_id = l.document_id THEN p.second_id ELSE p.first_id END AS document_id
         FROM unnest($8::text[], $9::text[]) AS p (first_id, second_id) WHERE l.document_id IN (p.first_id, p.second_id)
         UNION SELECT i.document_id FROM ${at}version v
           JOIN ${at}pivot_item i ON ${OURS} AND i.document_id = v.document_id AND coalesce(i.version, i.base_version) = v.version
           WHERE v.parent_id = l.document_id) x)
     UPDATE ${at}pivot_item i SET result = 'lost' WHERE ${OURS} AND i.document_id IN (SELECT document_id FROM lost)`,
    [
      ...[...batch, ...unwrittenParams(request), ...staleParams(series)],
      ...[pairs.map(([first]) => first), pairs.map(([, second]) => second)],
      ...misreadParams(reads),
    ],
  );
}

/** The old ones first: at no time are two of a document current. */
async function moveVersions(transaction: PgTransaction, at: string, { ref, deletes }: PivotRequest): Promise<void> {
  const batch = [ref.runId, ref.batchNo];
  const statements = [
    `UPDATE ${at}version v SET state = 'superseded' FROM ${at}pivot_item i
     WHERE ${IS_DONE} AND v.document_id = i.document_id AND v.version = i.base_version`,
    `UPDATE ${at}version v SET state = 'current' FROM ${at}pivot_item i
     WHERE ${IS_DONE} AND v.document_id = i.document_id AND v.version = i.version`,
    `UPDATE ${at}version SET state = 'lost' WHERE run_id = $1 AND batch_no = $2 AND state = 'building'`,
    `UPDATE ${at}document d SET current_version = i.version, is_gone = false FROM ${at}pivot_item i
     WHERE ${IS_DONE} AND d.document_id = i.document_id`,
    `DELETE FROM ${at}quarantine q USING ${at}pivot_item i WHERE ${IS_DONE} AND q.document_id = i.document_id`,
  ];
  for (const sql of statements) await transaction.run(sql, batch);
  const gone = deletes.filter(({ isGone }) => isGone === true).map(({ documentId }) => documentId);
  if (gone.length === 0) return;
  await transaction.run(
    `UPDATE ${at}document d SET is_gone = true FROM ${at}pivot_item i
     WHERE ${IS_DONE} AND d.document_id = i.document_id AND d.document_id = ANY ($3::text[])`,
    [...batch, gone],
  );
}

async function setAside(
  transaction: PgTransaction,
  at: string,
  { ref, quarantined, kept = [] }: PivotRequest,
): Promise<void> {
  if (quarantined.length === 0) return;
  // The last of a document counts: one statement takes no key twice.
  const entries = [...new Map(quarantined.map((entry) => [entry.documentId, entry])).values()];
  const texts = ['document_id', 'source', 'source_uri', 'content_digest', 'settings_digest', 'run_id'];
  const more = ['code', 'message', 'step', 'at', 'group_id', 'source_version'];
  const columns = [...texts, ...more];
  const lists = [...columns, 'parent_id'].map((_, index) => `$${index + 5}::text[]`).join(', ');
  await transaction.run(
    `INSERT INTO ${at}quarantine (${columns.join(', ')}, retryable)
     SELECT ${columns.map((column) => `q.${column}`).join(', ')}, q.retryable
     FROM unnest(${lists}, $18::boolean[], $19::integer[]) AS q (${columns.join(', ')}, parent_id, retryable, base_version)
     WHERE (SELECT d.current_version FROM ${at}document d WHERE d.document_id = q.document_id) IS NOT DISTINCT FROM q.base_version
       AND coalesce(q.parent_id, '') NOT IN (SELECT i.document_id FROM ${at}pivot_item i WHERE ${OURS} AND i.result = 'lost' UNION ${overtaken(at)})
     ON CONFLICT (document_id) DO UPDATE SET ${[...columns.slice(1), 'retryable'].map((column) => `${column} = excluded.${column}`).join(', ')}`,
    [
      ...[ref.runId, ref.batchNo, kept.map(({ documentId }) => documentId), kept.map(({ baseVersion }) => baseVersion)],
      ...[
        entries.map((entry) => entry.documentId),
        entries.map((entry) => entry.source),
        entries.map((entry) => entry.sourceUri),
        entries.map((entry) => entry.contentDigest),
        entries.map((entry) => entry.settingsDigest),
        entries.map((entry) => entry.runId),
        entries.map((entry) => entry.code),
        entries.map((entry) => entry.message),
        entries.map((entry) => entry.step),
        entries.map((entry) => entry.at),
        entries.map((entry) => entry.group),
        entries.map((entry) => entry.sourceVersion),
        entries.map((entry) => entry.parentId),
        entries.map((entry) => entry.retryable),
        entries.map((entry) => entry.baseVersion),
      ],
    ],
  );
}

function refused({ ref, fence }: PivotRequest, code: 'FENCED' | 'STORE_COUNT', why: string): StoreError {
  return new StoreError(`run ${ref.runId} ${why}`, { code, details: { ...ref, fence } });
}
