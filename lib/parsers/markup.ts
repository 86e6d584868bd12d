import { Parser } from 'htmlparser2';
import { parseFailure } from './failure.ts';

/** An element of XML or HTML. `name` is without its prefix and in XML keeps its case; attribute names keep theirs. */
export interface MarkupNode {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: (MarkupNode | string)[];
}

const MAX_DEPTH = 256;

/** Reads the XML of an Office part. Errors: CORRUPT on a DOCTYPE (no entity is ever expanded) or beyond 256 levels. */
export function readXml(bytes: Uint8Array): MarkupNode {
  return readTree(new TextDecoder().decode(bytes), true);
}

/** Reads HTML as far as it makes sense; elements beyond 256 levels become children of the 256th. */
export function readHtml(text: string): MarkupNode {
  return readTree(text, false);
}

function readTree(text: string, isXml: boolean): MarkupNode {
  const root: MarkupNode = { name: '', attributes: {}, children: [] };
  const open: MarkupNode[] = [root];
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        const node: MarkupNode = { name: name.slice(name.indexOf(':') + 1), attributes, children: [] };
        if (isXml && open.length > MAX_DEPTH) throw parseFailure('CORRUPT', 'The XML is nested too deeply.');
        open[Math.min(open.length, MAX_DEPTH) - 1]!.children.push(node);
        open.push(node);
      },
      onclosetag() {
        open.pop();
      },
      ontext(data) {
        open[Math.min(open.length, MAX_DEPTH) - 1]!.children.push(data);
      },
      onprocessinginstruction(name) {
        if (isXml) refuseDoctype(name);
      },
    },
    { xmlMode: isXml, decodeEntities: true },
  );
  parser.end(text);
  return root;
}

/** For `onprocessinginstruction` of readers of XML. Errors: CORRUPT. */
export function refuseDoctype(name: string): void {
  if (name.toLowerCase() === '!doctype') throw parseFailure('CORRUPT', 'The XML declares a document type.');
}

/** An attribute by its name without prefix. */
export function attribute(node: MarkupNode | undefined, name: string): string | undefined {
  if (node === undefined) return undefined;
  for (const [key, value] of Object.entries(node.attributes)) {
    if (key === name || key.endsWith(`:${name}`)) return value;
  }
  return undefined;
}

/** Its child elements, without text. */
export function childNodes(node: MarkupNode | undefined): MarkupNode[] {
  return (node?.children ?? []).filter((child): child is MarkupNode => typeof child !== 'string');
}

/** The element reached by child names, or undefined. */
export function childAt(node: MarkupNode | undefined, ...names: string[]): MarkupNode | undefined {
  let current = node;
  for (const name of names) current = childNodes(current).find((child) => child.name === name);
  return current;
}

/** Every element of that name below `node`, in order. */
export function* descendants(node: MarkupNode, name: string): Generator<MarkupNode> {
  for (const child of childNodes(node)) {
    if (child.name === name) yield child;
    yield* descendants(child, name);
  }
}

/** All text below `node`. */
export function textOf(node: MarkupNode): string {
  return node.children.map((child) => (typeof child === 'string' ? child : textOf(child))).join('');
}
