import type { RelationType } from '../contracts/document.ts';
import type { Mapped, Observation, ObservedFact, ThingRef } from '../contracts/feed.ts';
import type { Fields } from './fields.ts';
import { mergedInto, statusFacts } from './frontapp-conversations.ts';
import { mapComment, mapMessage } from './frontapp-messages.ts';
import { frontThing, inboxRef, tagRef, teammate, thingOfLink } from './frontapp-refs.ts';
import { linksTo } from './links.ts';
import { fact, observation, type Since } from './observations.ts';

/** What an event says of its conversation, and of other things. */
interface Said {
  readonly facts?: readonly ObservedFact[];
  readonly singleValued?: readonly RelationType[];
  readonly observations?: readonly Observation[];
}

/** An event with the parts of it that statements are made of. */
interface Event {
  readonly type: string;
  readonly fields: Fields;
  readonly target: Fields | null;
  readonly conversation: Fields;
  readonly ref: ThingRef;
  readonly since: Since;
}

/** What each type of event says; types that are not here say nothing that is kept. */
const SAYS: ReadonlyMap<string, (event: Event) => Said> = new Map([
  ...['inbound', 'outbound', 'out_reply', 'forward'].map((type) => [type, messageSent] as const),
  ...['comment', 'mention'].map((type) => [type, commentMade] as const),
  ['assign', (event: Event) => assigned(event, false)],
  ['unassign', (event: Event) => assigned(event, true)],
  ['tag', (event: Event) => tagged(event, false)],
  ['untag', (event: Event) => tagged(event, true)],
  ['archive', (event: Event) => inStatus(event, 'archived')],
  ['trash', (event: Event) => inStatus(event, 'deleted')],
  ['reopen', (event: Event) => inStatus(event, openStatus(event.conversation))],
  ['restore', (event: Event) => inStatus(event, openStatus(event.conversation))],
  ['move', (event: Event) => inInboxes(event, event.target)],
  ['conversations_merged', merged],
  ['link_added', (event: Event) => linked(event, false)],
  ['link_removed', (event: Event) => linked(event, true)],
]);

/** An event, as the API lists it and rules push it. */
export function mapEvent(fields: Fields): Mapped {
  const type = fields.text('type') ?? fields.missing('type', 'a text');
  const conversation = fields.object('conversation');
  if (conversation === null || !conversation.has('id')) return nothing(type);
  const event: Event = {
    type,
    fields,
    target: fields.object('target'),
    conversation,
    ref: frontThing('Conversation', conversation.requiredId('id'), conversation.text('subject')),
    since: { at: fields.epochSeconds('emitted_at'), basis: 'source_event' },
  };
  const said = SAYS.get(type)?.(event);
  if (said === undefined) return nothing(type);
  const { facts = [], singleValued = [], observations = [] } = said;
  const about = observation(event.ref, { observedAt: event.since.at, facts, singleValued });
  return { kind: 'observations', observations: [about, ...observations] };
}

/** A delivery of an application's webhook: the event in an envelope. */
export function mapAppWebhook(fields: Fields): Mapped {
  if (fields.text('type') === 'sync') return { kind: 'ignored', reason: 'The set-up check of a webhook says nothing.' };
  return mapEvent(fields.object('payload') ?? fields.missing('payload', 'an object'));
}

function nothing(type: string): Mapped {
  return { kind: 'ignored', reason: `An event of the type ${type.slice(0, 60)} says nothing that is kept.` };
}

/** The target's one object, or its objects. */
function targets({ target }: Event): Fields[] {
  return target === null ? [] : target.oneOrMany('data').filter((data) => data.has('id'));
}

function messageSent(event: Event): Said {
  const inboxes = inInboxes(event, event.fields.object('source'));
  const messages = targets(event).flatMap((data) => observationsOf(mapMessage(data, preview(event, data))));
  return { facts: inboxes.facts ?? [], singleValued: inboxes.singleValued ?? [], observations: messages };
}

function commentMade(event: Event): Said {
  return { observations: targets(event).flatMap((data) => observationsOf(mapComment(data, preview(event, data)))) };
}

/** What an event holds of a message is often but a preview: whole only with a body. */
function preview({ ref }: Event, data: Fields) {
  return { isWhole: data.has('body') && (data.has('recipients') || data.has('posted_at')), conversation: ref };
}

function observationsOf(mapped: Mapped): readonly Observation[] {
  return mapped.kind === 'observations' ? mapped.observations : [];
}

/** A statement that begins or, where the event undoes it, ends. */
function stated(type: RelationType, object: ThingRef, { since }: Event, isOver: boolean): ObservedFact {
  return isOver ? fact(type, object, { ...since, at: null }, { to: since.at }) : fact(type, object, since);
}

function assigned(event: Event, isOver: boolean): Said {
  const people = targets(event).map(teammate);
  return {
    facts: people.map(({ ref }) => stated('ASSIGNED_TO', ref, event, isOver)),
    singleValued: isOver ? [] : ['ASSIGNED_TO'],
    observations: people.flatMap(({ observations }) => observations),
  };
}

function tagged(event: Event, isOver: boolean): Said {
  return { facts: targets(event).map((tag) => stated('TAGGED', tagRef(tag), event, isOver)) };
}

function inStatus({ since }: Event, status: string): Said {
  return { facts: statusFacts(status, since), singleValued: ['HAS_STATUS'] };
}

/** The status that a conversation has after it was opened again, as far as the event tells. */
function openStatus(conversation: Fields): string {
  const status = conversation.code('status');
  return status === null || /^(?:archived|deleted|trashed)$/.test(status) ? 'open' : status;
}

/** A conversation may be in several inboxes at once: only where one is named does it end the one before. */
function inInboxes({ since }: Event, holder: Fields | null): Said {
  if (holder?.object('_meta')?.text('type') !== 'inboxes') return {};
  const inboxes = holder.oneOrMany('data').filter((data) => data.has('id'));
  return {
    facts: inboxes.map((inbox) => fact('IN_INBOX', inboxRef(inbox), since)),
    singleValued: inboxes.length === 1 ? ['IN_INBOX'] : [],
  };
}

/** The conversations that became part of this one. */
function merged({ target, ref, since }: Event): Said {
  const into = ref.key.slice('front:'.length);
  const old = target === null ? [] : mergedIds(target).filter((id) => id !== into);
  return { observations: old.map((id) => mergedInto(id, into, since)) };
}

/** A list of ids, objects that have them, or an object that has the list. */
function mergedIds(target: Fields): string[] {
  const data = target.any('data');
  if (!Array.isArray(data)) return target.object('data')?.ids('ids') ?? [];
  if (data.every((entry) => typeof entry !== 'object')) return target.ids('data');
  return target.objects('data').map((entry) => entry.requiredId('id'));
}

function linked(event: Event, isOver: boolean): Said {
  const things = targets(event).map(thingOfLink);
  const { since } = event;
  const links = isOver ? linksTo(things, { ...since, at: null }, since.at) : linksTo(things, since);
  return { facts: links.facts, observations: links.observations };
}
