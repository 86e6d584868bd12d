import type { Json } from '../contracts/document.ts';
import type { SourceItem } from '../contracts/source.ts';
import { plainName } from './plain-name.ts';

/** What may be named of Front. A message and a comment stand for the files in them, a conversation for those in all of its. */
export type FrontKind = 'attachment' | 'message' | 'comment' | 'conversation';

/** A name that a person gave. */
export interface FrontName {
  readonly kind: FrontKind;
  readonly id: string;
}

/** By how an id begins. Source: Front's pages on ids; `att_` is what some of its users know a file by. */
const KINDS: { readonly [prefix: string]: FrontKind } = {
  att: 'attachment',
  fil: 'attachment',
  msg: 'message',
  com: 'comment',
  cnv: 'conversation',
};

/** What an id names; null where it is none of these. */
export function frontName(id: string): FrontName | null {
  const [, prefix = ''] = /^([a-z]{3})_[A-Za-z0-9]{1,60}$/.exec(id) ?? [];
  const kind = KINDS[prefix];
  return kind === undefined ? null : { kind, id };
}

/** Where a file is: what it came in, outermost first, then the file itself. What is not known is left out. */
export interface FrontPlace {
  readonly conversation: string | null;
  /** A message's or a comment's. */
  readonly message: string | null;
  readonly attachment: string;
}

const SCHEME = 'front:';

/** The location of what these ids lead to, each in the one before: `front:cnv_…/msg_…/fil_…`. */
export function frontUri(...ids: readonly (string | null)[]): string {
  return `${SCHEME}${ids.filter((id) => id !== null).join('/')}`;
}

/** The place of a location; null for what is none of a file. */
export function frontPlace(uri: string): FrontPlace | null {
  if (!uri.startsWith(SCHEME)) return null;
  const names = uri.slice(SCHEME.length).split('/').map(frontName);
  const kinds = names.map((name) => (name === null ? '' : name.kind === 'comment' ? 'message' : name.kind));
  if (!/^(?:conversation )?(?:message )?attachment$/.test(kinds.join(' '))) return null;
  const idOf = (kind: (typeof kinds)[number]) => names[kinds.indexOf(kind)]?.id ?? null;
  return { conversation: idOf('conversation'), message: idOf('message'), attachment: idOf('attachment')! };
}

/** What Front tells of a file besides its place; null: nothing. */
export interface FrontFile {
  /** As its sender called it: data, never a path. */
  readonly filename: string | null;
  readonly mediaType: string | null;
  readonly bytes: number | null;
  /** Path of its address, of a kind that the API documents. */
  readonly path: string | null;
  /** Of what it came in. */
  readonly around: { readonly [name: string]: Json };
}

const UNKNOWN: FrontFile = { filename: null, mediaType: null, bytes: null, path: null, around: {} };

/** A file as an item. Its id is the same wherever it was met, and its bytes never change: the id is their version, too. */
export function frontItem(place: FrontPlace, file: FrontFile = UNKNOWN): SourceItem {
  const { conversation, message, attachment } = place;
  const name = plainName(file.filename ?? '');
  return {
    id: `${SCHEME}attachment:${attachment}`,
    uri: frontUri(conversation, message, attachment),
    name: name === '' ? attachment : name,
    bytes: file.bytes,
    mediaType: file.mediaType,
    locator: file.path ?? downloadPath(place),
    isRepeatable: true,
    version: attachment,
    isOnePerContent: true,
    metadata: {
      ...(conversation !== null && { conversation_id: conversation }),
      ...(message !== null && { [isComment(message) ? 'comment_id' : 'message_id']: message }),
      attachment_id: attachment,
      ...file.around,
    },
  };
}

/** Source: Front's API reference, "Download attachment" and "Download attachment from a comment". */
function downloadPath({ message, attachment }: FrontPlace): string {
  return message !== null && isComment(message)
    ? `/comments/${message}/download/${attachment}`
    : `/download/${attachment}`;
}

/** Comments are asked for otherwise than messages. */
export function isComment(id: string): boolean {
  return frontName(id)?.kind === 'comment';
}
