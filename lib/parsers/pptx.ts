import { numberedParts, type OfficeParts, officeMetadata, readOfficeParts, readXml } from './archive.ts';
import { defineParser, type LooseElement, parseError, tableRows } from './parser.ts';

/** PowerPoint: slides in the order of the presentation, with titles, text, tables, grouped shapes and the speaker's notes. */
export default defineParser({
  name: 'pptx',
  version: 1,
  parse({ bytes, limits }) {
    const parts = readOfficeParts(bytes, limits);
    const slides = slidesInOrder(parts);
    if (slides.length === 0) throw parseError('CORRUPT', 'the file has no slides');
    const state = { tables: 0 };
    const elements = slides.flatMap((name, index) => {
      const page = index + 1;
      const notes = notesOf(name, parts);
      const spoken =
        notes === null ? [] : slideElements(notes, page, state).filter(({ text }) => !/^\d*$/.test(text.trim()));
      return [
        ...slideElements(parts.get(name)!, page, state),
        ...spoken.map((note): LooseElement => ({ ...note, kind: 'note' })),
      ];
    });
    return { elements, metadata: { ...officeMetadata(parts) }, pageCount: slides.length };
  },
});

/** The slides' part names: as the presentation lists them, else by their numbers. */
function slidesInOrder(parts: OfficeParts): string[] {
  const targets = targetsOf('ppt/_rels/presentation.xml.rels', parts);
  const listed: string[] = [];
  readXml(parts.get('ppt/presentation.xml') ?? '', {
    open(name, attributes) {
      if (name !== 'sldId') return;
      // `id` and `r:id` lose their prefix alike; relationship ids are the ones that are not numbers.
      const target = Object.values(attributes)
        .map((value) => targets.get(value))
        .find((value) => value !== undefined);
      const part = `ppt/${target ?? ''}`;
      if (parts.has(part)) listed.push(part);
    },
  });
  return listed.length > 0 ? listed : numberedParts(parts, /^ppt\/slides\/slide(\d+)\.xml$/).map(({ name }) => name);
}

function notesOf(slide: string, parts: OfficeParts): string | null {
  const rels = slide.replace('slides/', 'slides/_rels/').concat('.rels');
  const target = [...targetsOf(rels, parts).values()].find((value) => value.includes('notesSlide'));
  return target === undefined ? null : (parts.get(`ppt/${target.replace('../', '')}`) ?? null);
}

function targetsOf(rels: string, parts: OfficeParts): ReadonlyMap<string, string> {
  const targets = new Map<string, string>();
  readXml(parts.get(rels) ?? '', {
    open(name, attributes) {
      if (name === 'Relationship')
        targets.set(attributes['Id'] ?? '', (attributes['Target'] ?? '').replace(/^\/ppt\//, ''));
    },
  });
  return targets;
}

function slideElements(xml: string, page: number, state: { tables: number }): LooseElement[] {
  const elements: LooseElement[] = [];
  let paragraph: string[] | null = null;
  let rows: string[][] | null = null;
  let cell: string[] | null = null;
  let isTitle = false;
  let isText = false;
  readXml(xml, {
    open(name, attributes) {
      if (name === 'sp') isTitle = false;
      else if (name === 'ph') isTitle = attributes['type'] === 'title' || attributes['type'] === 'ctrTitle';
      else if (name === 'p') paragraph = [];
      else if (name === 't') isText = true;
      else if (name === 'br') paragraph?.push('\n');
      else if (name === 'tbl') rows = [];
      else if (name === 'tr') rows?.push([]);
      else if (name === 'tc') cell = [];
    },
    text(text) {
      if (isText) paragraph?.push(text);
    },
    close(name) {
      if (name === 't') isText = false;
      else if (name === 'p' && paragraph !== null) {
        const text = paragraph.join('');
        paragraph = null;
        if (cell !== null) cell.push(text);
        else elements.push(isTitle ? { kind: 'heading', level: 1, text, page } : { kind: 'paragraph', text, page });
      } else if (name === 'tc') {
        rows?.at(-1)?.push((cell ?? []).join(' '));
        cell = null;
      } else if (name === 'tbl' && rows !== null) {
        elements.push(...tableRows(rows, { table: state.tables, page }));
        state.tables += 1;
        rows = null;
      }
    },
  });
  return elements;
}
