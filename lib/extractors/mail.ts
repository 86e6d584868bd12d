import type { Chunk, Element, ExtractedRelation, ParsedDocument } from '../contracts/document.ts';
import type { Found } from './found.ts';
import { findMailboxes, type Mailbox } from './people.ts';
import { relation } from './relations.ts';

/** A person named in a mail header; the span is in `ParsedDocument.text`. */
type Correspondent = Found;

/** What the headers of a mail say: who is named, and who wrote to whom. */
export interface Correspondence {
  readonly people: readonly Correspondent[];
  /** In the order of the headers. Each is stated by the chunk that holds its header. */
  relations(chunks: readonly Chunk[]): ExtractedRelation[];
}

const SENDER = /^(?:From|Sender):/i;
const RECIPIENT = /^(?:To|Cc):/i;

/** Reads the mail headers among a document's elements; other documents have none and give nothing. */
export function readCorrespondence(document: ParsedDocument): Correspondence {
  const headers = document.elements
    .filter(({ kind, text }) => kind === 'mail_header' && (SENDER.test(text) || RECIPIENT.test(text)))
    .map((element) => ({ element, mailboxes: findMailboxes(element.text) }));
  return {
    people: headers.flatMap(({ element, mailboxes }) =>
      mailboxes.flatMap(({ person }) =>
        person ? [{ ...person, start: element.start + person.start, end: element.start + person.end }] : [],
      ),
    ),
    relations: (chunks) => relationsOf(headers, chunks),
  };
}

interface Header {
  readonly element: Element;
  readonly mailboxes: readonly Mailbox[];
}

function relationsOf(headers: readonly Header[], chunks: readonly Chunk[]): ExtractedRelation[] {
  const from = headers.find(({ element }) => SENDER.test(element.text));
  const sender = from?.mailboxes[0];
  if (from === undefined || sender === undefined) return [];
  const relations: ExtractedRelation[] = [];
  const state = (header: Header, add: (source: { ordinal: number; quote: string }) => void) => {
    const { start, end, text } = header.element;
    const chunk = chunks.find((candidate) => candidate.start <= start && end <= candidate.end);
    if (chunk !== undefined) add({ ordinal: chunk.ordinal, quote: text });
  };
  state(from, (source) => {
    if (sender.person) relations.push(relation('SENT_BY', addressOf(sender), sender.person, source));
  });
  for (const header of headers.filter(({ element }) => RECIPIENT.test(element.text))) {
    state(header, (source) => {
      for (const recipient of header.mailboxes) {
        relations.push(relation('SENT_TO', nameOf(sender), nameOf(recipient), source));
      }
    });
  }
  return relations;
}

function addressOf(mailbox: Mailbox): Pick<Found, 'type' | 'key'> {
  return { type: 'Email', key: mailbox.address };
}

function nameOf(mailbox: Mailbox): Pick<Found, 'type' | 'key'> {
  return mailbox.person ?? addressOf(mailbox);
}
