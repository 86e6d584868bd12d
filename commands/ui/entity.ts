import type { EntityFact, EntityReport } from '../../lib/contracts/apex.ts';
import type { Json } from '../../lib/contracts/document.ts';
import { details } from './table.ts';
import { safeText } from './text.ts';

/** What is known of an entity, for people: what it is, what holds, what held, what others say of it. */
export function entityLines(report: EntityReport): string[] {
  const { key, kind, name, candidates } = report;
  const title = safeText(kind === null ? name : `${kind} ${name}`);
  if (candidates.length > 0)
    return [`${title} may be one of several; name one by its key:`, ...candidates.map((one) => `  ${safeText(one)}`)];
  const rows: [string, string][] = [
    ...(key === name ? [] : [['key', key] as [string, string]]),
    ...report.names.map((one): [string, string] => [words(one.type), one.key]),
    ...attributeRows(report.attributes, ''),
    ...report.latest.map((one): [string, string] => [one.series, `${valueText(one.value)} at ${one.at}`]),
  ];
  return [
    title,
    ...details(rows.map(([label, value]) => [label, safeText(value)])),
    ...section(
      'now',
      report.facts.filter(({ until }) => until === null),
    ),
    ...section(
      'before',
      report.facts.filter(({ until }) => until !== null),
    ),
    ...section('said of it', report.said),
  ];
}

function section(heading: string, facts: readonly EntityFact[]): string[] {
  if (facts.length === 0) return [];
  return ['', `${heading}:`, ...facts.map((fact) => `  ${safeText(factText(fact))}`)];
}

function factText({ type, key, name, from, until, confidence, detail, documentId }: EntityFact): string {
  const other = name === key ? name : `${name} (${key})`;
  const span = [from === null ? '' : `from ${from}`, until === null ? '' : `until ${until}`].filter(
    (part) => part !== '',
  );
  const more = Object.entries(detail).map(([label, value]) => `${label} ${value}`);
  const sure = confidence < 1 ? [`confidence ${confidence}`] : [];
  const notes = [...span, ...more, ...sure].join(', ');
  return `${words(type)} ${other}${notes === '' ? '' : `, ${notes}`}  [${documentId}]`;
}

function words(type: string): string {
  return type.toLowerCase().replaceAll('_', ' ');
}

function attributeRows(attributes: { readonly [name: string]: Json }, prefix: string): [string, string][] {
  return Object.entries(attributes).flatMap(([name, value]): [string, string][] => {
    if (value === null || value === '') return [];
    const label = `${prefix}${name}`;
    if (typeof value !== 'object') return [[label, String(value)]];
    if (Array.isArray(value))
      return [
        [label, value.map((item) => (typeof item === 'object' ? JSON.stringify(item) : String(item))).join(', ')],
      ];
    return attributeRows(value as { readonly [name: string]: Json }, `${label}.`);
  });
}

function valueText(value: { readonly [name: string]: string | number | boolean }): string {
  return Object.entries(value)
    .map(([name, part]) => `${name} ${part}`)
    .join(', ');
}
