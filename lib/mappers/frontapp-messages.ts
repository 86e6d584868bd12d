import type { Mapped, Observation, ObservedFact, ThingRef } from '../contracts/feed.ts';
import type { Fields } from './fields.ts';
import {
  type Correspondent,
  correspondent,
  frontThing,
  handleNames,
  relatedId,
  senderDomainFacts,
  teammate,
} from './frontapp-refs.ts';
import { messageText } from './message-text.ts';
import { distinct, externalNames } from './names.ts';
import { attributes, entity, fact, observation, rawOf, type Since } from './observations.ts';

/** How much a record tells of a message or comment: `isWhole` is false for the preview that an event holds. */
export interface Around {
  readonly isWhole: boolean;
  /** The conversation that the record around it names. */
  readonly conversation: ThingRef | null;
}

const ALONE: Around = { isWhole: true, conversation: null };

/** A message: who wrote to whom, in which conversation, with what attached, and its own words. */
export function mapMessage(fields: Fields, around: Around = ALONE): Mapped {
  const since: Since = { at: fields.epochSeconds('created_at'), basis: 'source_event' };
  const correspondence = correspondenceOf(fields, since);
  const text = messageText(rawText(fields, 'text'), rawText(fields, 'body'));
  const whole = observation(messageRef(fields), {
    isWhole: around.isWhole,
    observedAt: since.at,
    attributes: attributes({
      subject: fields.text('subject'),
      messageType: fields.text('type'),
      isInbound: fields.boolean('is_inbound'),
      draftMode: fields.text('draft_mode'),
      errorType: fields.text('error_type'),
      blurb: text === '' ? fields.text('blurb') : null,
      createdAt: since.at,
    }),
    names: externalNames('front.message_uid', fields.word('message_uid')),
    facts: [...placement(fields, around, since), ...correspondence.facts, ...attachmentFacts(fields, since)],
    text,
    raw: rawOf(fields),
  });
  return { kind: 'observations', observations: [whole, ...correspondence.observations] };
}

/** A message by its id, called by its subject, else by its first words. */
export function messageRef(fields: Fields): ThingRef {
  return frontThing('Message', fields.requiredId('id'), fields.text('subject') ?? fields.text('blurb'));
}

/** White space inside a text is part of it: only its quotes and its ends are cut later. */
function rawText(fields: Fields, name: string): string | null {
  return fields.text(name) === null ? null : String(fields.any(name));
}

/** The conversation that a message or comment belongs to, and the message that it answers. */
function placement(fields: Fields, { conversation }: Around, since: Since): ObservedFact[] {
  const id = relatedId(fields, 'conversation');
  const within = id === null ? conversation : frontThing('Conversation', id, null);
  const answered = relatedId(fields, 'message_replied_to');
  return [
    ...(within === null ? [] : [fact('PART_OF', within, since)]),
    ...(answered === null ? [] : [fact('REPLY_TO', frontThing('Message', answered, null), since)]),
  ];
}

/** Who wrote and who was written to. */
interface Correspondence {
  readonly facts: readonly ObservedFact[];
  readonly observations: readonly Observation[];
}

/** Blind copies are nobody's business, and an address to reply to is no participant. */
function correspondenceOf(fields: Fields, since: Since): Correspondence {
  const author = fields.object('author');
  const writer = author === null ? null : teammate(author);
  const recipients = fields.objects('recipients').map((recipient) => ({
    role: recipient.text('role'),
    who: correspondent(recipient),
  }));
  const to = (role: string) => recipients.flatMap(({ role: own, who }) => (own === role && who !== null ? [who] : []));
  const senders = to('from');
  const isOurs = writer !== null && fields.boolean('is_inbound') !== true;
  const isDraft = fields.has('draft_mode') || fields.boolean('is_draft') === true;
  const facts = [
    ...(writer !== null && isOurs ? [fact(isDraft ? 'WRITTEN_BY' : 'SENT_BY', writer.ref, since)] : []),
    ...(isOurs || isDraft ? [] : sentBy(senders[0] ?? null, since)),
    ...(isDraft ? [] : to('to').map(({ ref }) => fact('SENT_TO', ref, since))),
    ...(isDraft ? [] : to('cc').map(({ ref }) => fact('CC_TO', ref, since))),
  ];
  const known = [...senders, ...to('to'), ...to('cc')].flatMap(({ observations }) => observations);
  return { facts, observations: [...(writer?.observations ?? []), ...known] };
}

function sentBy(sender: Correspondent | null, since: Since): ObservedFact[] {
  return sender === null ? [] : [fact('SENT_BY', sender.ref, since), ...senderDomainFacts(sender, since)];
}

/** Attached files by their ids; pictures inside the text (logos, signatures) are left out. */
function attachmentFacts(fields: Fields, since: Since): ObservedFact[] {
  return fields.objects('attachments').flatMap((attachment) => {
    const id = attachment.id('id');
    if (id === null || attachment.object('metadata')?.boolean('is_inline') === true) return [];
    const detail = {
      ...given('mediaType', attachment.text('content_type')),
      ...given('bytes', attachment.number('size')),
    };
    const file = entity('ExternalId', `front:attachment:${id}`, attachment.text('filename') ?? '');
    return [fact('HAS_ATTACHMENT', file, since, { detail })];
  });
}

function given(name: string, value: string | number | null): { [name: string]: string | number } {
  return value === null ? {} : { [name]: value };
}

/** An internal note on a conversation. */
export function mapComment(fields: Fields, around: Around = ALONE): Mapped {
  const since: Since = { at: fields.epochSeconds('posted_at'), basis: 'source_event' };
  const author = fields.object('author');
  const writer = author === null ? null : teammate(author);
  const body = rawText(fields, 'body');
  const id = relatedId(fields, 'conversation') ?? fields.id('conversation_id');
  const on = id === null ? around.conversation : frontThing('Conversation', id, null);
  const whole = observation(frontThing('Comment', fields.requiredId('id'), body), {
    isWhole: around.isWhole,
    observedAt: since.at,
    attributes: attributes({ isPinned: fields.boolean('is_pinned'), createdAt: since.at }),
    facts: [
      ...(on === null ? [] : [fact('ON', on, since)]),
      ...(writer === null ? [] : [fact('WRITTEN_BY', writer.ref, since)]),
      ...attachmentFacts(fields, since),
    ],
    text: messageText(null, body),
    raw: rawOf(fields),
  });
  return { kind: 'observations', observations: [whole, ...(writer?.observations ?? [])] };
}

/** The short form that people send: a message with its words and its sender. It has no time and no conversation, and none is invented. */
export function mapSeed(fields: Fields): Mapped {
  const since: Since = { at: null, basis: 'source_event' };
  const names = distinct(handleNames(fields.text('sender'), null));
  const sender = names[0] === undefined ? null : { ref: names[0], names, observations: [] };
  const message = observation(frontThing('Message', fields.requiredId('message_id'), fields.text('subject')), {
    isWhole: true,
    attributes: attributes({
      subject: fields.text('subject'),
      sender: sender === null ? fields.text('sender') : null,
    }),
    facts: sentBy(sender, since),
    text: messageText(rawText(fields, 'body'), null),
    raw: rawOf(fields),
  });
  return { kind: 'observations', observations: [message] };
}
