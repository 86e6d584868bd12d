import { expect, test } from 'vitest';
import { logRecord } from '../../../commands/ui/log-record.ts';
import type { DocumentResult, RunEvent, RunSummary } from '../../../lib/contracts/apex.ts';

const DOCUMENT: DocumentResult = {
  ...{ status: 'success', document_id: 'doc-1', uuid: 'u', version: 2, source: 's', source_uri: 'file:///a' },
  ...{ outcome: 'updated', databases_written: ['records'], chunks: 1, entities: 0, relations: 0 },
  ...{ staging_cleaned: true, workflow_status: 'completed', duration_ms: 7 },
};
const error = { code: 'CORRUPT', message: 'damaged', retryable: false, step: 'parse' } as const;
const LOOKED = { documents: 9, items: 30, items_by_store: { records: 10, graph: 15, vectors: 5 } };
const SUMMARY = { run_id: 'run-1', state: 'completed', added: 1, exit_status: 0, error: null } as unknown as RunSummary;

test.each<[RunEvent, object]>([
  [
    { kind: 'run_started', runId: 'run-1' },
    { level: 'info', event: 'run_started' },
  ],
  [
    { kind: 'run_settled', runId: 'run-0', finished: 1, discarded: 0, parked: 0 },
    { level: 'info', event: 'run_settled', run_id: 'run-0', finished: 1, discarded: 0, parked: 0 },
  ],
  [
    { kind: 'run_settled', runId: 'run-0', finished: 0, discarded: 0, parked: 1 },
    { level: 'warn', parked: 1 },
  ],
  [
    { kind: 'listed', documents: 256, isFinal: false },
    { level: 'debug', event: 'listed', documents: 256 },
  ],
  [{ kind: 'listed', documents: 300, isFinal: true }, { level: 'info' }],
  [
    { kind: 'problem', uri: '/x', code: 'NOT_FOUND', message: 'gone' },
    { level: 'error', event: 'problem', source_uri: '/x', code: 'NOT_FOUND', message: 'gone' },
  ],
  [
    { kind: 'step', documentId: 'doc-1', step: 'parse' },
    { level: 'debug', event: 'step', document_id: 'doc-1', step: 'parse' },
  ],
  [
    { kind: 'prepared', documentId: 'doc-1' },
    { level: 'debug', event: 'prepared', document_id: 'doc-1' },
  ],
  [
    { kind: 'waiting_store', role: 'graph', reason: 'no answer', since: '2026-01-01T00:00:00.000Z', maxOutageMs: 9 },
    {
      ...{ level: 'warn', event: 'waiting_store', role: 'graph', reason: 'no answer' },
      ...{ since: '2026-01-01T00:00:00.000Z', max_outage_ms: 9 },
    },
  ],
  [
    { kind: 'store_back', role: 'graph' },
    { level: 'info', event: 'store_back', role: 'graph' },
  ],
  [
    { kind: 'compared', documents: 9 },
    { level: 'debug', event: 'compared', documents: 9 },
  ],
  [
    { kind: 'looked', report: { ...LOOKED, differences: [], uncompared: [], exit_status: 0 } },
    { level: 'info', event: 'looked', documents: 9, items: 30, differences: 0 },
  ],
  [
    { kind: 'not_healed', documentId: 'doc-1', code: 'NOT_FOUND', message: 'gone' },
    { level: 'warn', event: 'not_healed', document_id: 'doc-1', code: 'NOT_FOUND', message: 'gone' },
  ],
  [
    { kind: 'warning', code: 'X', message: 'm' },
    { level: 'warn', event: 'warning', code: 'X', message: 'm' },
  ],
  [
    { kind: 'document', result: DOCUMENT },
    {
      ...{ level: 'info', event: 'document', document_id: 'doc-1', version: 2, source_uri: 'file:///a' },
      ...{ outcome: 'updated', duration_ms: 7 },
    },
  ],
  [{ kind: 'document', result: { ...DOCUMENT, outcome: 'unchanged' } }, { level: 'debug' }],
  [
    { kind: 'document', result: { ...DOCUMENT, status: 'failed', outcome: 'quarantined', error } },
    { level: 'warn', outcome: 'quarantined', code: 'CORRUPT', step: 'parse', message: 'damaged' },
  ],
  [
    { kind: 'run_ended', summary: SUMMARY },
    { level: 'info', event: 'run_ended', run_id: 'run-1', added: 1 },
  ],
  [
    { kind: 'run_ended', summary: { ...SUMMARY, exit_status: 3 } },
    { level: 'info', exit_status: 3 },
  ],
  [
    { kind: 'run_ended', summary: { ...SUMMARY, exit_status: 5, error } },
    { level: 'error', exit_status: 5, code: 'CORRUPT', message: 'damaged' },
  ],
])('%j is logged', (event, expected) => {
  expect(logRecord(event)).toMatchObject(expected);
});

test('a record holds plain values only', () => {
  for (const event of [
    { kind: 'document', result: DOCUMENT },
    { kind: 'run_ended', summary: { ...SUMMARY, error } },
  ] as const)
    for (const value of Object.values(logRecord(event)))
      expect(typeof value === 'object' && value !== null).toBe(false);
});
