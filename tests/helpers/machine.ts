import { Readable } from 'node:stream';
import { onTestFinished } from 'vitest';
import type { DocumentResult, RunEvent, RunSummary } from '../../lib/contracts/apex.ts';
import type { ErrorCode } from '../../lib/contracts/error-codes.ts';
import type { Stores } from '../../lib/contracts/store.ts';
import { Machine } from '../../src/apex.ts';
import { openParts } from '../../src/assemble.ts';
import { mergeSettings } from '../../src/config/settings.ts';
import { LocalEngine } from '../../src/engines/local.ts';
import type { Parts } from '../../src/pipeline/parts.ts';
import { never } from './records.ts';

/** A cleanup as it is without flags. */
export const CLEANUP = { retentionMs: null, isTrial: false, intervalMs: null };

interface MachineOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Puts other parts in the place of the real ones, or faults around them. */
  readonly change?: (parts: Parts) => Parts;
  /** What comes by standard input, and its name. */
  readonly stdin?: string;
  readonly stdinName?: string;
  readonly prepareIsolated?: Parts['prepareIsolated'];
}

/** What a run said and came to. */
interface Told {
  readonly summary: RunSummary;
  readonly results: readonly DocumentResult[];
  readonly warnings: readonly string[];
}

/** As `assembleMachine`; closed when the test ends. */
export async function openMachine(home: string, options: MachineOptions = {}) {
  const opened = await assembleMachine(home, options);
  onTestFinished(opened.close);
  return opened;
}

/**
 * An apex in this process over a data directory: the real parts, assembled as the program does it, but that no retry waits.
 * Several may have the same directory, as several processes may.
 */
export async function assembleMachine(home: string, options: MachineOptions = {}) {
  const { env = {}, change = (parts) => parts, stdin = '', stdinName = null, prepareIsolated = nobodyAlone } = options;
  const values = new Map(Object.entries({ APEX_HOME: home, ...env }));
  const { parts: real, close } = await openParts({
    settings: mergeSettings([{ origin: 'environment', values }]).settings,
    defaultHome: home,
    stdin: Readable.from([stdin]),
    stdinName,
    prepareIsolated,
    onWarning: () => {},
    version: '0.0.0',
  });
  const surroundings = { ...real.surroundings, sleep: async () => {} };
  const parts = change({ ...real, surroundings });
  const engine = new LocalEngine(parts);
  let isOpen = true;
  const closeOnce = async () => {
    if (!isOpen) return;
    isOpen = false;
    await engine.close();
    await close();
  };
  const machine = new Machine({ parts, engine, group: '', close: closeOnce });
  const told = async (work: (onEvent: (event: RunEvent) => void) => Promise<RunSummary | null>): Promise<Told> => {
    const events: RunEvent[] = [];
    const summary = await work((event) => events.push(event));
    if (summary === null) throw new Error('there was nothing to do');
    return {
      summary,
      results: events.flatMap((event) => (event.kind === 'document' ? [event.result] : [])),
      warnings: events.flatMap((event) => (event.kind === 'warning' ? [event.code] : [])),
    };
  };
  return {
    parts,
    machine,
    ingest: (...targets: string[]) =>
      told((onEvent) =>
        machine.ingest({ targets, source: 'local_upload', documentId: null, onError: 'continue' }, onEvent, never),
      ),
    resume: (runId: string | null = null) => told((onEvent) => machine.resume(runId, onEvent, never)),
    /** As `ingest`, but the first document that is set aside stops it. */
    ingestUntilBad: (...targets: string[]) =>
      told((onEvent) =>
        machine.ingest({ targets, source: 'local_upload', documentId: null, onError: 'stop' }, onEvent, never),
      ),
    /** Of all that is in quarantine, unless documents or a reason are named. */
    retry: (documentIds: readonly string[] = [], reason: ErrorCode | null = null) =>
      told((onEvent) => machine.retry({ documentIds, reason }, onEvent, never)),
    quarantined: () => machine.listQuarantined({ afterDocumentId: null, limit: 99, reason: null }, never),
    delete: (...documentIds: string[]) => told((onEvent) => machine.delete(documentIds, onEvent, never)),
    cleanup: () => machine.cleanup(CLEANUP, () => {}, never),
    verify: () => machine.verify(never),
    repair: () => machine.repair(() => {}, never),
    search: async (text: string) =>
      (await machine.search({ text, mode: 'keyword', limit: 9 }, never)).map((hit) => hit.text),
    runs: () => machine.listRuns(),
    close: closeOnce,
  };
}

const nobodyAlone: Parts['prepareIsolated'] = () => Promise.reject(new Error('no document is prepared alone here'));

/** The parts with some of their stores changed. */
export function withStores(parts: Parts, change: (stores: Stores) => Partial<Stores>): Parts {
  return { ...parts, stores: { ...parts.stores, ...change(parts.stores) } };
}
