import type { DocumentResult, RunSummary } from '../../lib/contracts/apex.ts';
import { type ErrorCode, quarantineHelp } from '../../lib/contracts/error-codes.ts';
import { nanosOf } from '../../src/pipeline/money.ts';
import { shownCount, shownDuration, shownPlace, shownRate, shownUse } from './figures.ts';
import { columns } from './output.ts';
import type { Style } from './style.ts';
import { details } from './table.ts';
import { clipped, displayWidth, safeText, wrapped } from './text.ts';

/** Documents of one reason that are shown; the others are counted. */
const SHOWN_OF_A_REASON = 10;

/** The closing table: what became of the documents, and what was made of them. */
export function closingTable(summary: RunSummary, problems: number): string[] {
  const { documents, added, updated, unchanged, deleted, quarantined, failed, chunks, entities, relations } = summary;
  // Of records, most say something of documents that are there already.
  const worked = summary.records?.records ?? documents;
  const isTimed = worked > 0 && summary.duration_ms > 0;
  const rate = isTimed ? ` (${shownRate((worked * 1_000) / summary.duration_ms)})` : '';
  const some = (name: string, count: number): [string, string][] => (count > 0 ? [[name, shownCount(count)]] : []);
  return details([
    ['documents', shownCount(documents)],
    ...Object.entries({ added, updated, unchanged, deleted, quarantined, failed }).flatMap(([name, count]) =>
      some(`  ${name}`, count),
    ),
    ...recordRows(summary),
    ...some('not read', problems),
    ...some('chunks', chunks),
    ...some('entities', entities),
    ...some('relations', relations),
    ...providerRows(summary),
    ['time', `${shownDuration(summary.duration_ms)}${rate}`],
    ['run', `${summary.run_id} (${summary.state.replace('_', ' ')})`],
  ]);
}

/** What became of records, or would, where it is about them. */
export function recordRows({ records }: Pick<RunSummary, 'records'>): [string, string][] {
  if (records === undefined) return [];
  const { readings, rejected } = records;
  return [
    ['records', shownCount(records.records)],
    ...(readings > 0 ? [['readings', shownCount(readings)] as [string, string]] : []),
    ...(rejected > 0 ? [['rejected', shownCount(rejected)] as [string, string]] : []),
  ];
}

/** What providers were used for, where they have a price or it is not known; what is made on this machine is not worth a line. */
function providerRows(summary: RunSummary): [string, string][] {
  const { embedding_calls: calls, embedding_tokens: tokens, cost_usd: dollars } = summary;
  if (calls === 0 || dollars === 0) return [];
  return [['provider', shownUse({ calls, tokens, costNanos: dollars === null ? null : nanosOf(dollars) })]];
}

/** A document that was set aside or left. */
export interface SetAside {
  readonly place: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** What a result that failed says. */
export function setAsideOf({ source_uri, document_id, error }: DocumentResult): SetAside[] {
  return error === undefined ? [] : [{ place: shownPlace(source_uri) || document_id, ...error }];
}

/** What was set aside, by reason: what to do about it once, then the first documents of it, each with what was found. */
export function setAsideLines(entries: readonly SetAside[], style: Style, width = columns()): string[] {
  const codes = [...new Set(entries.map(({ code }) => code))].sort();
  return codes.flatMap((code) => {
    const found = entries.filter((entry) => entry.code === code).sort((a, b) => (a.place < b.place ? -1 : 1));
    const heading = `✗ ${code} (${shownCount(found.length)}): ${quarantineHelp(code)}`;
    const hidden = found.length - SHOWN_OF_A_REASON;
    return [
      '',
      ...wrapped(heading, width).map((line) => style.warning(line)),
      ...documentLines(found.slice(0, SHOWN_OF_A_REASON), width),
      ...(hidden > 0 ? [`  … and ${shownCount(hidden)} more`] : []),
    ];
  });
}

/** On a line each where all fit, else the messages below; a path keeps its end. */
function documentLines(entries: readonly SetAside[], width: number): string[] {
  const safe = entries.map(({ place, message }) => ({ name: safeText(place), text: safeText(message) }));
  const lines = safe.map(({ name, text }) => `  ${name}: ${text}`);
  if (lines.every((line) => displayWidth(line) <= width)) return lines;
  return safe.flatMap(({ name, text }) => [
    `  ${clipped(name, width - 2, 'end')}`,
    ...wrapped(text, Math.max(1, width - 4)).map((line) => `    ${line}`),
  ]);
}
