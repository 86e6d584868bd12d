/** A mistake that would break a promise, and the test that must notice it. */
interface BugToPlant {
  /** What would be wrong. */
  readonly name: string;
  readonly file: string;
  /** The text that makes it right, which stands in the file exactly once, and what is planted in its place. */
  readonly replace: readonly [from: string, to: string];
  readonly caughtBy: {
    readonly file: string;
    /** As it stands in the source, with its placeholders. */
    readonly title: string;
    /** Of a table of cases the one that notices; all of them when left out. */
    readonly row?: string;
  };
}

const SAGA = 'src/saga/saga.ts';
const BATCH = 'src/pipeline/batch.ts';
const RECORDS = 'lib/stores/records/sqlite.ts';
const SAGA_TEST = 'tests/src/saga/saga.test.ts';
const BATCH_TEST = 'tests/src/pipeline/batch.test.ts';
const RECORDS_TEST = 'tests/lib/stores/records/sqlite.test.ts';
const GRAPH_TEST = 'tests/lib/stores/graph/sqlite.test.ts';
const MEMORY_TEST = 'tests/lib/stores/memory-db.test.ts';
const SYNC = 'src/pipeline/sync.ts';
const SYNC_TEST = 'tests/src/pipeline/sync.test.ts';
const ALLOWANCE = 'src/pipeline/allowance.ts';
const ALLOWANCE_TEST = 'tests/src/pipeline/allowance.test.ts';
const ORIGIN_TEST = 'tests/src/repair/origin.test.ts';
const LEASES = 'src/saga/leases.ts';
const LEASES_TEST = 'tests/src/saga/leases.test.ts';
const CIRCUIT = 'src/saga/circuit.ts';
const CIRCUIT_TEST = 'tests/src/saga/circuit.test.ts';
const JOURNAL_TEST = 'tests/lib/journal/run-journal.test.ts';
const INGEST_RECORDS = 'src/things/ingest.ts';
const PREPARE_THINGS = 'src/things/prepare.ts';
const RECORDS_RUN_TEST = 'tests/src/things/ingest.test.ts';
const DERIVE_TEST = 'tests/src/things/derive.test.ts';
const TURVO_TEST = 'tests/lib/sources/turvo.test.ts';
const FOLD_TEST = 'tests/src/things/fold.test.ts';

/** The mistakes that tools of this kind were found to make, and those that this one could. */
export const BUGS_TO_PLANT: readonly BugToPlant[] = [
  // Before the pivot.
  {
    name: 'the discard is registered after the first write',
    file: SAGA,
    replace: [
      '  const lsn = await journal.append({',
      '  await stores.records.writeBuilding(ref, 0, records, signal);\n  const lsn = await journal.append({',
    ],
    caughtBy: { file: SAGA_TEST, title: 'a batch goes planned, records, graph beside vectors, pivot planned, pivot; each store counted' }, // biome-ignore format: one line
  },
  {
    name: 'an effect begins before its intent is on disk',
    file: SAGA,
    replace: ['  const lsn = await journal.append({', '  const lsn = 1;\n  void journal.append({'],
    caughtBy: {
      file: SAGA_TEST,
      title: '%s: its effect does not begin, and nothing else does',
      row: 'effects_planned',
    },
  },
  {
    name: 'the old version is deleted before the pivot',
    file: SAGA,
    replace: [
      '  const pivotLsn = await',
      `  const old = records.map(({ documentId, baseVersion }) => ({ documentId, version: baseVersion ?? 0 }));
  await stores.graph.retire(old, signal);
  const pivotLsn = await`,
    ],
    caughtBy: { file: SAGA_TEST, title: 'an old version is untouched until the new one is current' },
  },
  {
    name: 'other stores are written before the records store can tell of the batch',
    file: SAGA,
    replace: ['const isKnown = await persist(() =>', 'const isKnown = true;\n    void persist(() =>'],
    caughtBy: { file: SAGA_TEST, title: 'the records store can tell of a batch before anything lies in another one' },
  },
  {
    name: 'the records are not counted before the pivot',
    file: SAGA,
    replace: [
      '      assertCount(stores[role], found,',
      "      if (role !== 'records') assertCount(stores[role], found,",
    ],
    caughtBy: { file: SAGA_TEST, title: 'of the %s stops before the pivot', row: 'records' },
  },
  {
    name: 'the graph is not counted before the pivot',
    file: SAGA,
    replace: ['      assertCount(stores[role], found,', "      if (role !== 'graph') assertCount(stores[role], found,"],
    caughtBy: { file: SAGA_TEST, title: 'of the %s stops before the pivot', row: 'graph' },
  },
  {
    name: 'what is written to the graph is live at once',
    file: 'lib/stores/graph/sqlite.ts',
    replace: ['...stamp, 0, r.uuid', '...stamp, 1, r.uuid'],
    caughtBy: {
      file: GRAPH_TEST,
      title: 'what is not published, retired or of another group is not found and ties nothing together',
    },
  },
  {
    name: 'what is written to the vectors is live at once',
    file: 'lib/stores/vectors/sqlite.ts',
    replace: ['SELECT point_row, 0, ?, ?', 'SELECT point_row, 1, ?, ?'],
    caughtBy: {
      file: 'tests/lib/stores/vectors/sqlite.test.ts',
      title: 'nearer vectors that are not live, or of another group, take no place among the hits',
    },
  },
  {
    name: 'what is written to the records is current at once',
    file: RECORDS,
    replace: ["'building', ref.runId", "'current', ref.runId"],
    caughtBy: { file: RECORDS_TEST, title: 'what is written is invisible until the pivot and visible after it' },
  },

  // Discards.
  {
    name: 'a discard selects by document',
    file: 'lib/stores/rows.ts',
    replace: [
      ' WHERE run_id = ? AND batch_no = ?`,',
      ` WHERE document_id IN (SELECT document_id FROM \${table} WHERE run_id = ? AND batch_no = ?)\`,`,
    ],
    caughtBy: { file: GRAPH_TEST, title: 'discard takes back its own batch and leaves every other' },
  },
  {
    name: 'a discard selects by run alone',
    file: 'lib/stores/rows.ts',
    replace: [' WHERE run_id = ? AND batch_no = ?`,', ' WHERE run_id = ? AND ? IS NOT NULL`,'],
    caughtBy: { file: GRAPH_TEST, title: 'discard takes back its own batch and leaves every other' },
  },
  {
    name: 'a discard removes what a pivot made visible',
    file: RECORDS,
    replace: [`AND NOT \${isCommitted}\``, `AND (1 OR NOT \${isCommitted})\``],
    caughtBy: { file: RECORDS_TEST, title: 'a discard never removes what a pivot made visible' },
  },
  {
    name: 'the error of a discard is swallowed',
    file: SAGA,
    replace: ['      failed.push({ store: store.name, error });', '      void error;'],
    caughtBy: { file: SAGA_TEST, title: 'of the %s is parked and said, the others are done' },
  },
  {
    name: 'the user can interrupt a discard',
    file: SAGA,
    replace: ['batch.ref, parts, AbortSignal.timeout(parts.discardTimeoutMs)', 'batch.ref, parts, signal'],
    caughtBy: { file: SAGA_TEST, title: 'discards also when the user has interrupted, under a signal of its own' },
  },
  {
    name: 'a discard begins while a write is under way',
    file: SAGA,
    replace: [
      'await Promise.allSettled(work);',
      '(await Promise.all(work)).map((value) => ({ status: "fulfilled", value }) as const);',
    ],
    caughtBy: { file: SAGA_TEST, title: 'waits for the writes that are under way before it discards' },
  },
  {
    name: 'discards run in the order of the writes',
    file: SAGA,
    replace: ['[stores.vectors, stores.graph, stores.records]', '[stores.records, stores.graph, stores.vectors]'],
    caughtBy: { file: SAGA_TEST, title: 'at %s: discards in reverse and leaves nothing' },
  },
  {
    name: 'a batch is discarded after the journal failed',
    file: SAGA,
    replace: ['if (failure instanceof JournalError || (isApexError(failure)', 'if ((isApexError(failure)'],
    caughtBy: {
      file: SAGA_TEST,
      title: 'after a journal failure nothing is done, also when the journal would work again: %s',
    },
  },

  // The pivot.
  {
    name: 'the pivot does not look at the fence',
    file: RECORDS,
    replace: ['FROM run WHERE run_id = ? AND fence = ?', 'FROM run WHERE run_id = ? AND ? IS NOT NULL'],
    caughtBy: { file: RECORDS_TEST, title: 'a pivot with an old fence changes nothing' },
  },
  {
    name: 'the pivot does not compare the base version: a lost update',
    file: RECORDS,
    replace: [
      '(SELECT d.current_version FROM document d WHERE d.document_id = i.document_id) IS i.base_version',
      '(SELECT 1)',
    ],
    caughtBy: { file: RECORDS_TEST, title: 'a delete of a version that is no longer current deletes nothing' },
  },
  {
    name: 'a pivot whose answer was lost is taken for one that failed',
    file: SAGA,
    replace: ['    if (happened !== null) return happened;\n', ''],
    caughtBy: { file: SAGA_TEST, title: 'happened: the commit table says so, and nothing is discarded' },
  },
  {
    name: 'the pivot does not mirror the sequence number of the journal',
    file: RECORDS,
    replace: ["{ sql: 'UPDATE run SET last_lsn = max(last_lsn, ?) WHERE run_id = ?', params: [lsn, runId] },", ''],
    caughtBy: { file: RECORDS_TEST, title: 'the mirrored sequence number never goes back' },
  },
  {
    name: 'a version number is given again after a delete',
    file: RECORDS,
    replace: ['last_version = last_version + 1', 'last_version = coalesce(current_version, 0) + 1'],
    caughtBy: {
      file: RECORDS_TEST,
      title: 'a deleted document leaves its uuid and number, and its numbers are not given again',
    },
  },

  // After the pivot.
  {
    name: 'a settled batch is recorded as done before it is finished',
    file: SAGA,
    replace: [
      '  await finishBatch({ ref, outcome }, parts, signal);\n  const replaced',
      `  await parts.journal.append({ kind: 'batch_done', batchNo: ref.batchNo, results: [] });
  await finishBatch({ ref, outcome }, parts, signal);
  const replaced`,
    ],
    caughtBy: { file: SAGA_TEST, title: 'is not recorded as done while finishing it fails' },
  },
  {
    name: 'a batch is recorded as done before it is finished',
    file: BATCH,
    replace: [
      '  const removed = await finishBatch({ ...batch, outcome }, session.saga',
      `  await session.journal.append({ kind: 'batch_done', batchNo: writing.batchNo, results: [] });
  const removed = await finishBatch({ ...batch, outcome }, session.saga`,
    ],
    caughtBy: { file: BATCH_TEST, title: 'is neither recorded nor said to be done while %s fails' },
  },
  {
    name: 'a finishing call is made once only',
    file: SAGA,
    replace: [
      '.map((store) => persist(() => store.publish(outcome.committed, signal))),',
      '.map((store) => store.publish(outcome.committed, signal)),',
    ],
    caughtBy: {
      file: SAGA_TEST,
      title: '%s is tried again, and in the end fails without a discard',
      row: 'vectors.publish',
    },
  },
  {
    name: 'a failing cache fails the batch',
    file: SAGA,
    replace: ['      parts.onCacheFailure(error);\n    }\n  };', '      throw error;\n    }\n  };'],
    caughtBy: { file: SAGA_TEST, title: 'a failing cache is said once and changes nothing: %s' },
  },
  {
    name: 'an entity goes with a document while another mentions it',
    file: 'lib/stores/memory-schema.ts',
    replace: [' AND NOT EXISTS (SELECT 1 FROM mention WHERE entity_id = OLD.entity_id)', ''],
    caughtBy: { file: GRAPH_TEST, title: 'an entity stays while another version, %s, mentions it' },
  },
  {
    name: 'ends of facts are derived from the facts of the batch alone',
    file: SAGA,
    replace: [
      'deriveClosings(await stores.records.factsAbout(versions, SINGLE_VALUED, signal));',
      `deriveClosings(
      (await stores.records.factsAbout(versions, SINGLE_VALUED, signal)).filter((fact) =>
        versions.some(({ documentId }) => documentId === fact.documentId),
      ),
    );`,
    ],
    caughtBy: {
      file: SAGA_TEST,
      title: 'a newer fact ends an older one of another document, and its delete gives it back',
    },
  },
  {
    name: 'ends of facts are derived once, whatever another run does meanwhile',
    file: SAGA,
    replace: ['const MAX_CLOSING_ROUNDS = 10;', 'const MAX_CLOSING_ROUNDS = 1;'],
    caughtBy: {
      file: SAGA_TEST,
      title: 'what another run changes meanwhile is seen: the last writer saw the last facts',
    },
  },
  {
    name: 'the records store gives some of the facts about a thing',
    file: RECORDS,
    replace: ['ON f.object_id = t.object_id AND', 'ON f.object_id = t.object_id AND f.subject_id = t.subject_id AND'],
    caughtBy: {
      file: RECORDS_TEST,
      title: 'facts about what a version states facts about are found, of current versions only',
    },
  },
  {
    name: 'what was removed stays readable in the file',
    file: 'lib/stores/memory-db.ts',
    replace: ["secure_delete: 'ON'", "secure_delete: 'OFF'"],
    caughtBy: { file: MEMORY_TEST, title: 'nothing of a retired document can be read from the files' },
  },
  {
    name: 'what was removed stays readable in the full-text index',
    file: 'lib/stores/memory-schema.ts',
    replace: ["VALUES ('secure-delete', 1)", "VALUES ('secure-delete', 0)"],
    caughtBy: { file: MEMORY_TEST, title: 'nothing of a retired document can be read from the files' },
  },

  // The journal, its owner, and what is synced.
  {
    name: 'the journal is synced at checkpoints only',
    file: 'lib/journal/run-journal.ts',
    replace: ["synchronous: 'FULL'", "synchronous: 'NORMAL'"],
    caughtBy: { file: JOURNAL_TEST, title: 'every commit of a journal is synced, that of its making too' },
  },
  {
    name: 'the journal is never synced',
    file: 'lib/journal/run-journal.ts',
    replace: ["synchronous: 'FULL'", "synchronous: 'OFF'"],
    caughtBy: { file: JOURNAL_TEST, title: 'every commit of a journal is synced, that of its making too' },
  },
  {
    name: 'the pivot is not synced',
    file: RECORDS,
    replace: ["{ label: 'records.pivot', isDurable: true }", "{ label: 'records.pivot', isDurable: false }"],
    caughtBy: {
      file: MEMORY_TEST,
      title: 'the commits that decide are synced: a memory made, a fence given, a pivot; writes before it ride with the pivot', // biome-ignore format: one line
    },
  },
  {
    name: 'a commit that must be durable is not synced',
    file: 'lib/support/sql-thread.ts',
    replace: ["isDurable ? 'FULL' :", "isDurable ? 'NORMAL' :"],
    caughtBy: {
      file: 'tests/lib/support/sql-thread.test.ts',
      title: 'a commit that must be durable is synced, and the next one as the connection says',
    },
  },
  {
    name: 'a transaction takes the write lock when it first writes',
    file: 'lib/support/sql-worker.ts',
    replace: ["exec('BEGIN IMMEDIATE')", "exec('BEGIN')"],
    caughtBy: {
      file: 'tests/lib/support/sql-thread.test.ts',
      title: 'a transaction that reads before it writes waits for others from its first statement on',
    },
  },
  {
    name: 'what fails in between requests is forgotten',
    file: 'lib/support/sql-worker.ts',
    replace: ['this.#failedWhenIdle = cause;', 'this.#failedWhenIdle ??= null;'],
    caughtBy: {
      file: 'tests/lib/support/sql-thread.test.ts',
      title: 'what fails when nobody asks is told to whoever asks next, and to those after',
    },
  },
  {
    name: 'a failed commit of the journal is tried again on its connection',
    file: 'lib/journal/run-journal.ts',
    replace: [
      `      await this.#sql.transaction([{ sql: INSERT, rows }], { label: \`journal.\${label}\`, isUnsynced });`,
      `      const commit = () => this.#sql.transaction([{ sql: INSERT, rows }], { label: \`journal.\${label}\`, isUnsynced });
      await commit().catch(commit);`,
    ],
    caughtBy: {
      file: JOURNAL_TEST,
      title: 'a commit that failed is not tried again on its connection, also when it would work now',
    },
  },
  {
    name: 'the journal forgets that a commit failed',
    file: 'lib/journal/run-journal.ts',
    replace: ['      this.#failure = error;\n', ''],
    caughtBy: { file: JOURNAL_TEST, title: 'after a failed commit nothing is tried again and nothing later lands' },
  },
  {
    name: 'an intent rides with the next commit',
    file: 'lib/journal/intents.ts',
    replace: ['  effects_planned: true,', '  effects_planned: false,'],
    caughtBy: {
      file: JOURNAL_TEST,
      title: 'the four points of a batch are intents, and what only tells of progress is not',
    },
  },
  {
    name: 'the owner lock is never held',
    file: 'lib/support/kernel-lock.ts',
    replace: ["'BEGIN EXCLUSIVE'", "'SELECT 1'"],
    caughtBy: {
      file: 'tests/lib/journal/owner-lock.test.ts',
      title: 'a process sees its own lock as held, and cannot take it twice',
    },
  },
  {
    name: 'a lock is held as long as its file is there, as with files of process numbers',
    file: 'lib/support/kernel-lock.ts',
    replace: ["return !isDoneUnlessBusy(db, 'SELECT count(*) FROM sqlite_schema', toError);", 'return true;'],
    caughtBy: {
      file: 'tests/lib/journal/owner-lock.test.ts',
      title: 'a process that hangs still owns its run, and one that is killed does not',
    },
  },
  {
    name: 'a run that has come to its end is claimed by what was listed before',
    file: 'lib/journal/registry.ts',
    replace: ["if (row === null || row.state === 'completed' ||", 'if (row === null ||'],
    caughtBy: {
      file: 'tests/lib/journal/registry.test.ts',
      title: 'a run that has come to its end is not claimed, whatever was listed before',
    },
  },

  {
    name: 'an entry of the journal that was changed is believed',
    file: 'lib/journal/run-journal.ts',
    replace: ['body_check !== null && body_check !== checkOf(lsn, body)', 'body_check !== null && body === null'],
    caughtBy: { file: JOURNAL_TEST, title: 'an entry that is not what was written is not read, though it reads well' },
  },
  {
    name: 'a row of the registry is believed whatever it says',
    file: 'lib/journal/run-table.ts',
    replace: ['PLAIN_NAME.test(runId) && Object', 'Object'],
    caughtBy: {
      file: 'tests/lib/journal/registry.test.ts',
      title: 'a registry with %s is made again from the runs themselves, also while it is open',
      row: 'a name that is a path',
    },
  },
  {
    name: 'a registry that turns out to be damaged stays so',
    file: 'lib/journal/run-table.ts',
    replace: ['      if (!isDamage(error)) throw error;\n      // Whoever', '      throw error;\n      // Whoever'],
    caughtBy: {
      file: 'tests/lib/journal/registry.test.ts',
      title: 'a registry with %s is made again from the runs themselves, also while it is open',
    },
  },

  // Attempts, retries and what they cost.
  {
    name: 'an attempt is counted after it',
    file: BATCH,
    replace: [
      `  await journal.append({ kind: 'batch_assigned', batchNo, isIsolated: options.isIsolated, items });
  const preparation = await prepareAll(options, batchNo, session);
`,
      `  const preparation = await prepareAll(options, batchNo, session);
  await journal.append({ kind: 'batch_assigned', batchNo, isIsolated: options.isIsolated, items });
`,
    ],
    caughtBy: { file: BATCH_TEST, title: 'is counted before anything of the batch is touched' },
  },
  {
    name: 'an attempt in a process of its own is not counted before it',
    file: BATCH,
    replace: ["    await session.journal.append({ kind: 'isolated_attempt', batchNo, documentId, attempt });\n", ''],
    caughtBy: {
      file: BATCH_TEST,
      title: 'are counted before each attempt, and one that kills its process three times is set aside',
    },
  },
  {
    name: 'an interruption counts as a death against the documents in flight',
    file: 'src/journal/replay.ts',
    replace: ['    if (this.#isInterrupted) return;\n', ''],
    caughtBy: {
      file: 'tests/src/journal/replay.test.ts',
      title: 'a claim after a clean interruption counts against nobody',
    },
  },
  {
    name: 'a parked discard counts as done',
    file: 'src/journal/replay.ts',
    replace: ["new Set(['done', 'discarded'])", "new Set(['done', 'discarded', 'parked'])"],
    caughtBy: {
      file: 'tests/src/journal/replay.test.ts',
      title: 'a parked batch stays unsettled and keeps its reason',
    },
  },
  {
    name: 'a torn artifact is believed',
    file: 'lib/staging/document-folder.ts',
    replace: ['=== headerOf(key, content) ? content : null', "!== '' ? content : null"],
    caughtBy: {
      file: 'tests/lib/staging/index.test.ts',
      title: 'an artifact is read back under its own key, and is absent when torn, changed or of another key',
    },
  },
  {
    name: 'vectors are given before they are in the cache',
    file: 'src/pipeline/embed.ts',
    replace: ['      await cache.set(entries, context.signal);', '      void cache.set(entries, context.signal);'],
    caughtBy: {
      file: 'tests/src/pipeline/embed.test.ts',
      title: 'holds every answer before the next request is made and before the vectors are given',
    },
  },
  {
    name: 'fewer vectors than texts are believed',
    file: 'src/pipeline/embed.ts',
    replace: ['if (vectors.length === texts && wrong === undefined) return;', 'if (wrong === undefined) return;'],
    caughtBy: {
      file: 'tests/src/pipeline/embed.test.ts',
      title: 'is asked for again, and then fails: %s',
      row: 'one vector too few',
    },
  },
  {
    name: 'the client retries beneath our own retries',
    file: 'lib/embedders/openai.ts',
    replace: ['maxRetries: 0', 'maxRetries: 2'],
    caughtBy: {
      file: 'tests/lib/embedders/openai.test.ts',
      title: 'a 429 that asks for %s',
      row: 'milliseconds',
    },
  },
  {
    name: 'final failures are tried again',
    file: 'src/pipeline/steps.ts',
    replace: ['!isApexError(error) || !error.retryable ||', '!isApexError(error) ||'],
    caughtBy: { file: 'tests/src/pipeline/steps.test.ts', title: '%s is thrown at once', row: 'a final failure' },
  },
  {
    name: 'what the extractor makes up is kept',
    file: 'src/pipeline/extract.ts',
    replace: ['chunks[ordinal]?.text.slice(start, end) === quote', 'chunks[ordinal] !== undefined'],
    caughtBy: {
      file: 'tests/src/pipeline/extract.test.ts',
      title: 'a mention %s is dropped',
      row: 'that quotes what is not there',
    },
  },
  {
    name: 'a changed file of the same size counts as unchanged',
    file: 'src/pipeline/classify.ts',
    replace: ['comparable?.contentDigest !== read.digest)', 'comparable === null)'],
    caughtBy: {
      file: 'tests/src/pipeline/classify.test.ts',
      title: 'when its content changed, also by one byte and no size, on the version that is current now',
    },
  },
  // What is gone, caps, and what is in quarantine.
  {
    name: 'a sync deletes under what could not be listed whole',
    file: SYNC,
    replace: [
      "return state === 'whole' || (state === 'empty' && this.#allowsEmpty);",
      "return state !== 'empty' || this.#allowsEmpty;",
    ],
    caughtBy: { file: SYNC_TEST, title: 'under a root that is %s', row: 'incomplete' },
  },
  {
    name: 'a sync deletes all under what is suddenly empty',
    file: SYNC,
    replace: ["|| (state === 'empty' && this.#allowsEmpty)", "|| state === 'empty'"],
    caughtBy: { file: SYNC_TEST, title: 'under a root that is %s', row: 'empty' },
  },
  {
    name: 'a sync forgets whose documents it looks at',
    file: SYNC,
    replace: [', createdBefore: null };', ", createdBefore: null, ...{ group: '' } };"],
    caughtBy: { file: SYNC_TEST, title: 'what came from beside the root, or belongs to another group, stays' },
  },
  {
    name: 'a sync deletes what was not listed without looking for it',
    file: 'lib/sources/gone.ts',
    replace: ['return !statSync(path).isFile();', 'return statSync(path) !== undefined;'],
    caughtBy: {
      file: 'tests/lib/sources/gone.test.ts',
      title: 'a file that is hidden, or a link by now, is there; a folder or a link to nothing in its place is not it',
    },
  },
  {
    name: 'one call more than the cap is made',
    file: ALLOWANCE,
    replace: ['this.#calls >= maxCalls', 'this.#calls > maxCalls'],
    caughtBy: { file: ALLOWANCE_TEST, title: 'on calls lets so many through, and names itself where it stops' },
  },
  {
    name: 'a request that crosses the cap on costs is made',
    file: ALLOWANCE,
    replace: ['this.#costNanos + costNanos > maxCostNanos', 'this.#costNanos > maxCostNanos'],
    caughtBy: { file: ALLOWANCE_TEST, title: 'on costs lets through what fits to the last billionth' },
  },
  {
    name: 'a cap is counted when the request has been answered',
    file: ALLOWANCE,
    replace: ['    this.add(1, costNanos);\n', ''],
    caughtBy: { file: ALLOWANCE_TEST, title: 'on calls lets so many through, and names itself where it stops' },
  },
  {
    name: 'a repair believes other bytes than those that were written',
    file: 'src/repair/origin.ts',
    replace: ['if (prepared.file.digest === contentDigest) return prepared;', 'return prepared;'],
    caughtBy: { file: ORIGIN_TEST, title: 'a source that changed while it was read again heals nothing' },
  },
  {
    name: 'a repair takes a changed source for the one it knew',
    file: 'src/repair/origin.ts',
    replace: ['if (digest === origin.contentDigest) return item;', 'return item;'],
    caughtBy: { file: ORIGIN_TEST, title: 'a source that has changed is not read again, and is told' },
  },
  {
    name: 'a retry throws the only copy away before its document is through',
    file: 'src/pipeline/retry.ts',
    replace: [
      'left.entryOf(id) === null && left.attachmentsOf(id).length === 0;',
      'left.entryOf(id) === null || id.length > 0;',
    ],
    caughtBy: {
      file: 'tests/src/engines/retry.test.ts',
      title: '%s is retried from the copy, which cleanup leaves alone until then',
      row: 'a document',
    },
  },
  {
    name: 'a selection deletes across groups',
    file: 'src/pipeline/selection.ts',
    replace: ['const filter = { source, group, createdBefore', 'const filter = { source, group: null, createdBefore'],
    caughtBy: {
      file: 'tests/src/pipeline/selection.test.ts',
      title: 'of one group nothing of another is deleted',
    },
  },
  {
    name: 'a selection deletes what came after the command',
    file: 'src/pipeline/selection.ts',
    replace: ['const filter = { source, group, createdBefore,', 'const filter = { source, group, createdBefore: null,'],
    caughtBy: {
      file: 'tests/src/pipeline/selection.test.ts',
      title: 'of a source nothing of another is deleted, and of a time nothing that is newer',
    },
  },

  // Servers: several hosts, and stores that do not answer.
  {
    name: 'a lease is not renewed after a renewal without an answer',
    file: LEASES,
    replace: ['if (isOurs === false) {', 'if (isOurs !== true) {'],
    caughtBy: { file: LEASES_TEST, title: 'a renewal that gets no answer is made up for by the next' },
  },
  {
    name: 'a run does not hear that another host has aborted it',
    file: LEASES,
    replace: ['this.#lost.set(run.runId, aborted(run.runId));', ''],
    caughtBy: {
      file: LEASES_TEST,
      title: 'who is silent for longer than its lease loses the run, and hears of it as soon as it asks',
    },
  },
  {
    name: 'a run is still held when it is let go',
    file: LEASES,
    replace: [
      'this.#parts.stores.records.endLease({ runId, fence: renewal.fence }, AbortSignal.timeout(END_TIMEOUT_MS)),',
      'Promise.resolve(),',
    ],
    caughtBy: { file: LEASES_TEST, title: 'a run is held as long as it is not let go, and no longer' },
  },
  {
    name: 'a store that refuses is waited for',
    file: CIRCUIT,
    replace: ["error.code === 'APEX_STORE' && error.retryable", "(error.code === 'APEX_STORE' || !error.retryable)"],
    caughtBy: { file: CIRCUIT_TEST, title: 'a refusal is an answer: it is thrown at once and ends the outage' },
  },
  {
    name: 'an outage begins anew with every call that fails',
    file: CIRCUIT,
    replace: ['    if (this.#outage === null) {\n      const told', '    {\n      const told'],
    caughtBy: {
      file: CIRCUIT_TEST,
      title: 'the third time in a row it is an outage, told once when it begins and once when it is over',
    },
  },
  {
    name: 'a store that was silent once is out of reach',
    file: CIRCUIT,
    replace: ['if (this.#failures < opensAfter) return;', 'if (this.#failures < 1) return;'],
    caughtBy: {
      file: CIRCUIT_TEST,
      title: 'a call that has no answer once or twice is made again, and nobody hears of it',
    },
  },
  {
    name: 'what a store streams is asked for again from its beginning',
    file: CIRCUIT,
    replace: ["if (key === 'close' || STREAMS.has(key))", "if (key === 'close')"],
    caughtBy: {
      file: CIRCUIT_TEST,
      title: 'behind a circuit a store’s calls wait, and what it streams is not asked for again',
    },
  },
  {
    name: 'a batch that is too much at once is set aside whole',
    file: BATCH,
    replace: ['    prepared.length <= 1\n      ? [', '    prepared.length >= 1\n      ? ['],
    caughtBy: {
      file: BATCH_TEST,
      title: 'that are too much at once are written in smaller batches, and none is set aside',
    },
  },

  // Records of structured sources.
  {
    name: 'a cursor moves before the records of its page',
    file: INGEST_RECORDS,
    replace: [
      `    for (const record of records) await batches.take(record, uri);
    if (met`,
      `    const early = { source, stream, group, base: cursor.before, next: cursor.after ?? '', at: new Date(0).toISOString() };
    await batches.end(cursor.after === null || cursor.after === cursor.before ? [] : [early]);
    for (const record of records) await batches.take(record, uri);
    if (met`,
    ],
    caughtBy: {
      file: RECORDS_RUN_TEST,
      title: 'a cursor does not move before what came with it: what fails is fetched again',
    },
  },
  {
    name: 'a cursor moves from wherever it stands',
    file: 'lib/stores/records/sqlite-series.ts',
    replace: [
      'WHERE source = ? AND stream = ? AND group_id = ? AND value = ?`',
      'WHERE source = ? AND stream = ? AND group_id = ? AND ? IS NOT NULL`',
    ],
    caughtBy: {
      file: RECORDS_TEST,
      title: 'a cursor moves with its pivot, tells where it was, and only from where it stands',
    },
  },
  {
    name: 'a cursor moves past a document that loses',
    file: RECORDS,
    replace: [
      '...(cursors.length === 0 ? [] : [wholeStatement(ref)]),',
      '...(cursors.length >= 0 ? [] : [wholeStatement(ref)]),',
    ],
    caughtBy: {
      file: RECORDS_TEST,
      title: 'a cursor does not move past a document that loses: nothing of its batch is kept',
    },
  },
  {
    name: 'a stream that has ended is fetched again when its run goes on',
    file: INGEST_RECORDS,
    replace: [
      'request.streams.filter((name) => !endedStreams.has(name))',
      'request.streams.filter(() => endedStreams !== null)',
    ],
    caughtBy: {
      file: RECORDS_RUN_TEST,
      title: 'does not fetch a stream again that it has fetched to its end',
    },
  },
  {
    name: 'readings that overlap are counted twice',
    file: 'lib/stores/records/series-windows.ts',
    replace: ['!present.has(row)', '(present.size < 0 || row !== null)'],
    caughtBy: {
      file: RECORDS_RUN_TEST,
      title: 'readings and records that come again are written once: no other version, no other reading',
    },
  },
  {
    name: 'rows that moved up in a list are passed over',
    file: 'lib/sources/offset-pager.ts',
    replace: ['return start > 0 && seam !== null && !rows.some(', 'return start < 0 && seam !== null && !rows.some('],
    caughtBy: {
      file: TURVO_TEST,
      title: 'rows that leave the list while it is walked (%s) hide none of those that stay',
      row: 'all that were met',
    },
  },
  {
    name: 'a row that changes while everything is listed counts as gone',
    file: 'lib/sources/walk-range.ts',
    replace: ['to: isEndless ? null : walk.to', 'to: isEndless ? walk.to : walk.to'],
    caughtBy: {
      file: TURVO_TEST,
      title: 'with --all a row that changes while its list is walked is in it, and so not gone',
    },
  },
  {
    name: 'a feed forgets its position when everything is asked for',
    file: 'lib/sources/feed-walker.ts',
    replace: ['options.isAll && saved.position !== null', "options.isAll && saved.position === ''"],
    caughtBy: {
      file: 'tests/lib/sources/samsara.test.ts',
      title: 'with --all a feed gives what came since its position, and then the last known values again',
    },
  },
  {
    name: 'a thing of which nothing new is said becomes a version',
    file: PREPARE_THINGS,
    replace: ['    document.contentDigest === contentDigest &&\n', "    contentDigest === '' &&\n"],
    caughtBy: {
      file: RECORDS_RUN_TEST,
      title: 'readings and records that come again are written once: no other version, no other reading',
    },
  },
  {
    name: 'what is rejected is lost when another run is faster',
    file: 'src/things/batch.ts',
    replace: [
      '    if (tries === MAX_TRIES) throw',
      '    if (done === null) left = { ...left, rejected: [] };\n    if (tries === MAX_TRIES) throw',
    ],
    caughtBy: {
      file: RECORDS_RUN_TEST,
      title: 'what is rejected is kept, also when another run is faster at what came with it',
    },
  },
  {
    name: 'a batch is made ready beside one that changes its things',
    file: INGEST_RECORDS,
    replace: [
      'if (observations.some(({ thing }) => changed.has(thing.key)))',
      'if (observations.length < changed.size * 0)',
    ],
    caughtBy: { file: RECORDS_RUN_TEST, title: 'one that speaks of the same things waits for it' },
  },
  {
    name: 'a provisional thing is kept beside the real one',
    file: 'src/things/batch.ts',
    replace: [
      '    ...{ fence, records, deletes, quarantined: [] },',
      '    ...{ fence, records, deletes: deletes.slice(deletes.length), quarantined: [] },',
    ],
    caughtBy: {
      file: RECORDS_RUN_TEST,
      title: 'a thing that was known by its name alone becomes the real one, with its readings',
    },
  },
  {
    name: 'a reading that comes late is put at the end',
    file: 'src/things/stays.ts',
    replace: ['    if (nextAt !== null && !points.has(nextAt)) points.set(nextAt, placeAt(nextAt));\n', ''],
    caughtBy: { file: 'tests/src/things/stays.test.ts', title: 'is put between by readings that come late' },
  },
  {
    name: 'an older description takes the place of a newer one',
    file: 'src/things/fold.ts',
    replace: [
      'observation.isWhole && !isOlder(observation, before)',
      'observation.isWhole && (!isOlder(observation, before) || true)',
    ],
    caughtBy: { file: FOLD_TEST, title: 'takes the place of an older one, and an older one that comes late does not' },
  },
  {
    name: 'a name that was given up comes back',
    file: 'src/things/names.ts',
    replace: ['...without(without(others, own), former).values()', '...without(others, own).values()'],
    caughtBy: { file: FOLD_TEST, title: 'has given up a name whoever still says it, in whatever order that is told' },
  },
  {
    name: 'a version is written from what others have changed meanwhile',
    file: 'src/things/batch.ts',
    replace: ['...changed.flatMap(({ content }) => content.reads), ', ''],
    caughtBy: {
      file: DERIVE_TEST,
      title: 'of two runs at once, that of the %s, which ends last, sees the other',
      row: 'text',
    },
  },
  {
    name: 'a thing that changes is written without those of which something else follows then',
    file: 'src/things/derive.ts',
    replace: ['return [...keys].filter((key) => key !== because)', 'return [...keys].slice(keys.size)'],
    caughtBy: {
      file: DERIVE_TEST,
      title: 'a number that is given up is mentioned no longer, and one that is taken is',
    },
  },
  {
    name: 'a card tells what only follows from others',
    file: PREPARE_THINGS,
    replace: ['cardParts(withoutDerived(thing.state), parts, context)', 'cardParts(thing.state, parts, context)'],
    caughtBy: {
      file: DERIVE_TEST,
      title: 'a text mentions what bears the number it names, whichever comes first, and no card tells of it',
    },
  },
];
