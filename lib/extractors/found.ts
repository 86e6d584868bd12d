import type { EntityType } from '../contracts/document.ts';

/** An entity found in one text: `name` is what a person reads, the span is `text.slice(start, end)`. */
export interface Found {
  readonly type: EntityType;
  readonly key: string;
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Finds entities in one text. Pure; time grows linearly with the text. */
export type Rule = (text: string) => Found[];

/** A found entity whose name is its span with white space made single. */
export function foundAt(text: string, type: EntityType, key: string, span: { start: number; end: number }): Found {
  const name = text.slice(span.start, span.end).replace(/\s+/g, ' ');
  return { type, key, name, start: span.start, end: span.end };
}

/** Case, diacritics and punctuation folded away: `Müller & Söhne` and `MULLER SOHNE` are one name. */
export function foldName(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/[\p{M}.'’]/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** Among overlapping finds of one type the longest stays, then the first. Sorted by start, type and key. */
export function withoutOverlaps(found: readonly Found[]): Found[] {
  const kept: Found[] = [];
  const lastOfType = new Map<EntityType, number>();
  for (const candidate of found.toSorted(byPosition)) {
    const rivalIndex = lastOfType.get(candidate.type);
    const rival = rivalIndex === undefined ? undefined : kept[rivalIndex];
    if (rival !== undefined && candidate.start < rival.end) {
      if (candidate.end - candidate.start > rival.end - rival.start) kept[rivalIndex!] = candidate;
      continue;
    }
    lastOfType.set(candidate.type, kept.length);
    kept.push(candidate);
  }
  return kept.sort(byPosition);
}

/** Order of an extraction inside one chunk; by code unit, so that every machine agrees. */
function byPosition(a: Found, b: Found): number {
  return a.start - b.start || compare(a.type, b.type) || compare(a.key, b.key) || b.end - a.end;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
