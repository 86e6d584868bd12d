import type { Json } from '../contracts/document.ts';
import { type ApexError, isApexError, SourceError } from '../contracts/errors.ts';
import type { SourceItem, SourceProblem, SourceRoot } from '../contracts/source.ts';
import { type Asking, listPages } from './feed-paging.ts';
import { idOf, own } from './feed-records.ts';
import { type FrontFile, type FrontName, frontItem, frontName, frontUri } from './front-places.ts';
import frontapp from './frontapp.ts';

/** What a name stands for. */
export interface FrontListing {
  readonly found: readonly (SourceItem | SourceProblem)[];
  /** Null of a file, which is one document. */
  readonly root: SourceRoot | null;
}

/** What is met on the way: files, rows that are none, and how many pictures there were. */
interface Met {
  readonly found: (SourceItem | SourceProblem)[];
  pictures: number;
}

/** The files that a name stands for; what cannot be listed is told as a problem. @throws what is no failure of Front's. */
export async function listFront(name: FrontName, asking: Asking): Promise<FrontListing> {
  const { kind, id } = name;
  if (kind === 'attachment')
    return { found: [frontItem({ conversation: null, message: null, attachment: id })], root: null };
  const met: Met = { found: [], pictures: 0 };
  let uri = frontUri(id);
  try {
    if (kind === 'conversation') await meetConversation(id, met, asking);
    else {
      const value = await fetchWhole(id, asking);
      meetFiles(value, conversationOf(value), met);
      uri = frontUri(conversationOf(value), id);
    }
  } catch (error) {
    if (!(isApexError(error) && error instanceof SourceError)) throw error;
    met.found.push(problemOf(uri, error));
  }
  return { found: met.found, root: rootOf(id, uri, met) };
}

function rootOf(target: string, uri: string, { found, pictures }: Met): SourceRoot {
  const isWhole = found.every((entry) => !('code' in entry));
  const state = !isWhole ? 'incomplete' : found.length === 0 ? 'empty' : 'whole';
  const passedOver = { count: pictures, what: 'pictures inside the text' };
  return { target, uri, isPattern: false, state, ...(pictures > 0 && { passedOver }) };
}

/** Its messages and comments, page after page. */
async function meetConversation(id: string, met: Met, asking: Asking): Promise<void> {
  const { children } = frontapp.streams.find(({ name }) => name === 'conversations')!;
  for (const child of children)
    for await (const { rows } of listPages(asking, { ...child, path: child.path.replace('{id}', id) }, null))
      for (const { value } of rows) meetFiles(value, conversationOf(value) ?? id, met);
}

/** A message or a comment. @throws SourceError as the API says. */
export async function fetchWhole(id: string, { client, pace, signal }: Asking): Promise<Json> {
  const target = `/${frontName(id)?.kind === 'comment' ? 'comments' : 'messages'}/${id}`;
  return (await client.get(pace === null ? { target } : { target, pace }, signal)).value;
}

/** The ids of all files in a message or a comment, pictures too. */
export function fileIdsIn(value: Json): string[] {
  return rowsIn(value).flatMap((row) => idOf(row) ?? []);
}

function meetFiles(value: Json, conversation: string | null, met: Met): void {
  const rows = rowsIn(value);
  if (rows.length === 0) return;
  const message = idOf(value) ?? '';
  const around = aroundOf(value);
  for (const row of rows) {
    const attachment = idOf(row) ?? '';
    if (isPicture(row)) met.pictures += 1;
    else if (frontName(message) === null || frontName(attachment)?.kind !== 'attachment')
      met.found.push(unnamed(frontUri(conversation)));
    else met.found.push(frontItem({ conversation, message, attachment }, fileOf(row, around)));
  }
}

function rowsIn(value: Json): readonly Json[] {
  const rows = own(value, 'attachments');
  return Array.isArray(rows) ? rows : [];
}

/** Logos and signatures. What is inside the text and is no picture came as a file: some programs put all of them there. */
function isPicture(row: Json): boolean {
  const type = textIn(row, 'content_type') ?? 'image/';
  return own(own(row, 'metadata'), 'is_inline') === true && type.toLowerCase().startsWith('image/');
}

function fileOf(row: Json, around: FrontFile['around']): FrontFile {
  const size = own(row, 'size');
  return {
    filename: textIn(row, 'filename'),
    mediaType: textIn(row, 'content_type'),
    bytes: typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : null,
    path: pathOf(textIn(row, 'url') ?? ''),
    around,
  };
}

/** Of an address only its path counts, and only one that the API documents: no answer decides which host is asked. */
function pathOf(url: string): string | null {
  const path = URL.canParse(url) ? new URL(url).pathname : '';
  return /^\/(?:(?:messages|comments)\/\w+\/)?download\/\w+$/.test(path) ? path : null;
}

/** What people know a message by. */
function aroundOf(value: Json): { readonly [name: string]: Json } {
  const subject = textIn(value, 'subject');
  const sender = senderOf(value);
  const at = own(value, 'created_at') ?? own(value, 'posted_at');
  // Beyond these a number is no date. Source: ECMA-262, time values.
  const isDate = typeof at === 'number' && Math.abs(at) <= 8_640_000_000_000;
  return {
    ...(subject !== null && { subject }),
    ...(sender !== null && { sender }),
    ...(isDate && { sent_at: new Date(Math.round(at * 1_000)).toISOString() }),
  };
}

/** Of what came in the one that it is from, of what was sent its author. */
function senderOf(value: Json): string | null {
  const recipients = own(value, 'recipients');
  const from = Array.isArray(recipients)
    ? recipients.find((recipient) => own(recipient, 'role') === 'from')
    : undefined;
  return textIn(from, 'handle') ?? textIn(own(value, 'author'), 'email');
}

/** The conversation that a message names; null when it names none. */
function conversationOf(value: Json): string | null {
  const link = textIn(own(own(value, '_links'), 'related'), 'conversation');
  const id = link?.split('/').at(-1) ?? '';
  return frontName(id)?.kind === 'conversation' ? id : null;
}

function textIn(value: Json | undefined, name: string): string | null {
  const text = own(value, name);
  return typeof text === 'string' && text !== '' ? text : null;
}

function unnamed(uri: string): SourceProblem {
  return { uri, code: 'SOURCE_ANSWER', message: `${uri}: an attachment in it has no id that can be asked for` };
}

function problemOf(uri: string, { code, message }: ApexError): SourceProblem {
  return { uri, code, message };
}
