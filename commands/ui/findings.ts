import type { NamedFinding } from '../../src/doctor/doctor.ts';
import { counted } from './figures.ts';
import { columns } from './output.ts';
import type { Style } from './style.ts';
import { padded, safeText, wrapped } from './text.ts';

/** What stands before a finding; the word says it too where the mark is not seen. */
const MARKS = { ok: '✓', warning: '!', problem: '✗' } as const;

const ORDER = ['ok', 'warning', 'problem'] as const;

/** Of what a check found at least so many columns are shown in a line. */
const MIN_FOUND_COLUMNS = 30;

/** Findings, a check a line or more, problems last; what to do stands below each, a line for each way. Nothing is cut: commands are copied from it. */
export function findingLines(findings: readonly NamedFinding[], style: Style, width = columns()): string[] {
  const nameWidth = Math.max(...findings.map(({ name }) => name.length));
  const sorted = ORDER.flatMap((level) => findings.filter((finding) => finding.level === level));
  return sorted.flatMap((finding) => {
    const colour = colourOf(finding, style);
    return linesOf(finding, nameWidth, width).map((line) => colour(line));
  });
}

function linesOf({ name, level, found, advice }: NamedFinding, nameWidth: number, width: number): string[] {
  const head = `${MARKS[level]} ${padded(name.replaceAll('_', ' '), nameWidth)}  `;
  const isBelow = width - head.length < MIN_FOUND_COLUMNS;
  const indent = isBelow ? '    ' : ' '.repeat(head.length);
  const room = width - indent.length;
  const said = level === 'ok' ? safeText(found) : `${level}: ${safeText(found)}`;
  const text = [
    ...wrapped(said, room, { isBreakingWords: false }),
    ...(advice?.split('; ') ?? []).flatMap((part) => wrapped(`→ ${safeText(part)}`, room, { isBreakingWords: false })),
  ];
  if (isBelow) return [head.trimEnd(), ...text.map((line) => `${indent}${line}`)];
  return text.map((line, index) => `${index === 0 ? head : indent}${line}`);
}

function colourOf({ level }: NamedFinding, { warning, failure }: Style): (line: string) => string {
  if (level === 'ok') return (line) => line;
  return level === 'warning' ? warning : failure;
}

/** How many checks there were and what they came to. */
export function verdictOf(findings: readonly NamedFinding[]): string {
  const count = (level: string) => findings.filter((finding) => finding.level === level).length;
  const [warnings, problems] = [count('warning'), count('problem')];
  const all = counted(findings.length, 'check');
  if (warnings + problems === 0) return `${all}: all is well`;
  return `${all}: ${counted(problems, 'problem')}, ${counted(warnings, 'warning')}`;
}
