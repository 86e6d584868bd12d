import type { Element, Json, ParsedDocument } from '../../lib/contracts/document.ts';
import type { HeldFact } from './fold.ts';
import type { ThingState } from './state.ts';

/** The media type of a thing's card. It is written by apex, so no parser reads it. */
export const CARD_MEDIA_TYPE = 'text/plain';

/** What is said of a thing in a line, however long its list is. */
const MAX_LISTED = 20;
/** How much of one value is said; all of it is kept beside the card. In UTF-16 units. */
const MAX_VALUE = 500;

/**
 * What is embedded and found of a thing: its kind and name, what it is, what holds of it now, and the words people wrote. No reading
 * is in it, so that a vehicle that moves is not embedded again.
 */
export function cardOf(state: ThingState, facts: readonly HeldFact[]): ParsedDocument {
  const title = `${spaced(state.kind)} ${state.name}`;
  const lines = [...nameLines(state), ...attributeLines(state.attributes, ''), ...factLines(facts)];
  const parts: { kind: Element['kind']; text: string }[] = [
    { kind: 'title', text: title },
    ...(lines.length === 0 ? [] : [{ kind: 'paragraph' as const, text: lines.join('\n') }]),
    ...state.text
      .split(/\n{2,}/)
      .map((text) => text.trim())
      .filter((text) => text !== '')
      .map((text) => ({ kind: 'paragraph' as const, text })),
  ];
  return documentOf(parts, title);
}

function documentOf(parts: readonly Pick<Element, 'kind' | 'text'>[], title: string): ParsedDocument {
  const elements: Element[] = [];
  let at = 0;
  for (const { kind, text } of parts) {
    elements.push({ kind, text, start: at, end: at + text.length });
    at += text.length + 2;
  }
  const text = parts.map((part) => part.text).join('\n\n');
  const nothing = { pageCount: null, attachments: [], warnings: [] };
  return { mediaType: CARD_MEDIA_TYPE, text, elements, metadata: { title }, ...nothing };
}

function nameLines({ names, name }: ThingState): string[] {
  const others = names.filter((other) => other.name !== name);
  return [...Map.groupBy(others, ({ type }) => type)].map(
    ([type, list]) => `${spaced(type)}: ${listed([...new Set(list.map((entry) => entry.name))])}`,
  );
}

/**
 * `licensePlate: IL-P65200` reads `license plate: IL-P65200`; what is within an object follows its name. In order of the names: not
 * every store keeps the order of a record's.
 */
function attributeLines(attributes: { readonly [name: string]: Json }, prefix: string): string[] {
  const ordered = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  return ordered.flatMap(([name, value]) => {
    const label = `${prefix}${spaced(name).toLowerCase()}`;
    if (value === null || value === '') return [];
    if (Array.isArray(value)) {
      const plain = value.filter((item) => typeof item !== 'object' || item === null).map(String);
      return plain.length === 0 ? [] : [`${label}: ${listed(plain)}`];
    }
    if (typeof value === 'object') return attributeLines(value as { readonly [name: string]: Json }, `${label} `);
    return [`${label}: ${shortened(String(value))}`];
  });
}

/** What holds now, by type; names of other things and values, as people read them. */
function factLines(facts: readonly HeldFact[]): string[] {
  const open = facts.filter(({ until, type }) => until === null && type !== 'IDENTIFIED_BY');
  return [...Map.groupBy(open, ({ type }) => type)].map(
    ([type, list]) =>
      `${type.toLowerCase().replaceAll('_', ' ')}: ${listed([...new Set(list.map(({ object }) => object.name))])}`,
  );
}

function listed(values: readonly string[]): string {
  const shown = values.slice(0, MAX_LISTED).map(shortened).join(', ');
  return values.length > MAX_LISTED ? `${shown} and ${values.length - MAX_LISTED} more` : shown;
}

function shortened(value: string): string {
  return value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE).toWellFormed()}…` : value;
}

/** `licensePlate` as `license Plate`. */
function spaced(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, ' ').replaceAll('_', ' ');
}
