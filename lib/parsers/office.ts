import { posix } from 'node:path';
import type { Json } from '../contracts/document.ts';
import type { Archive } from './archive.ts';
import { parseFailure } from './failure.ts';
import { childNodes, type MarkupNode, readXml, textOf } from './markup.ts';

/** A reference from one part of an Office file to another; those that lead out of the file are not even listed. */
export interface Relation {
  readonly id: string;
  /** The last word of its type, as `header` or `slide`. */
  readonly type: string;
  /** Name of the part in the archive. */
  readonly part: string;
}

/** The references of a part (`''` is the package itself). */
export function readRelations(archive: Archive, part: string): Relation[] {
  const name = posix.join(posix.dirname(part), '_rels', `${posix.basename(part)}.rels`);
  const root = readPart(archive, part === '' ? '_rels/.rels' : name);
  return childNodes(root?.children.find(isRelations)).flatMap((node) => {
    const { Id = '', Type = '', Target = '', TargetMode = '' } = node.attributes;
    if (TargetMode.toLowerCase() === 'external') return [];
    return [{ id: Id, type: posix.basename(Type), part: posix.join('/', posix.dirname(part), Target).slice(1) }];
  });
}

function isRelations(child: MarkupNode | string): child is MarkupNode {
  return typeof child !== 'string' && child.name === 'Relationships';
}

/** Part that a reference type leads to from the package, as the document itself. Errors: CORRUPT without one. */
export function mainPart(archive: Archive): string {
  const relation = readRelations(archive, '').find(({ type }) => type === 'officeDocument');
  if (relation === undefined) throw parseFailure('CORRUPT', 'The file does not say which part is the document.');
  return resolveTarget(archive, relation.part);
}

function resolveTarget(archive: Archive, part: string): string {
  return archive.names.find((name) => name.toLowerCase() === part.toLowerCase()) ?? part;
}

/** A part as XML, or undefined when there is none. */
export function readPart(archive: Archive, part: string): MarkupNode | undefined {
  const bytes = archive.read(part);
  return bytes === null ? undefined : readXml(bytes);
}

/** A part that the document cannot do without. Errors: CORRUPT. */
export function requirePart(archive: Archive, part: string): MarkupNode {
  const root = readPart(archive, part);
  if (root === undefined) throw parseFailure('CORRUPT', 'A part of the document is missing.');
  return root;
}

const METADATA_NAMES: Readonly<Record<string, string>> = {
  title: 'title',
  creator: 'author',
  subject: 'subject',
  description: 'description',
  keywords: 'keywords',
  created: 'created',
  modified: 'modified',
};

/** Title, author and dates of an Office file. */
export function readMetadata(archive: Archive): Record<string, Json> {
  const root = readPart(archive, 'docProps/core.xml');
  const metadata: Record<string, Json> = {};
  for (const node of childNodes(childNodes(root)[0])) {
    const name = METADATA_NAMES[node.name];
    const value = textOf(node).trim();
    if (name !== undefined && value !== '') metadata[name] = value;
  }
  return metadata;
}
