import type { FieldRow } from '../contracts/feed.ts';
import { dropped, fieldRows, KEY, rawOnly, rowsBelow, TEXT, toAttribute, toFact, toName } from './field-rows.ts';

const OBSERVED_AT = rawOnly('the time of what the record says, which orders records');
const API_ADDRESS = rawOnly('an address of the API');

/** A teammate inside another record; the record of the teammate has the rest. */
const TEAMMATE_REST = rawOnly('the record of the teammate has it');

function teammateRows(fact: ReturnType<typeof toFact>) {
  return {
    _links: API_ADDRESS,
    id: fact,
    email: toName('Email'),
    first_name: fact,
    last_name: fact,
    ...Object.fromEntries(
      ['username', 'license_type', 'is_admin', 'is_available', 'is_blocked', 'type', 'custom_fields'].map((name) => [
        name,
        TEAMMATE_REST,
      ]),
    ),
  };
}

const TAG_REST = rawOnly('the record of the tag has it');

const CONVERSATION = {
  _links: API_ADDRESS,
  id: KEY,
  type: toAttribute('conversationType'),
  subject: KEY,
  status: toFact('HAS_STATUS'),
  status_id: rawOnly('a number for its category'),
  status_category: toAttribute('statusCategory'),
  'ticket_ids[]': toAttribute('ticketIds'),
  ...rowsBelow('assignee.', teammateRows(toFact('ASSIGNED_TO'))),
  'recipient._links.related.contact': KEY,
  'recipient.name': KEY,
  'recipient.handle': toAttribute('recipient'),
  'recipient.role': rawOnly('which end of the first message it was'),
  'tags[]._links': API_ADDRESS,
  'tags[].id': toFact('TAGGED'),
  'tags[].name': toFact('TAGGED'),
  ...Object.fromEntries(
    ['description', 'highlight', 'is_private', 'is_visible_in_conversation_lists', 'created_at', 'updated_at'].map(
      (name) => [`tags[].${name}`, TAG_REST],
    ),
  ),
  'links[]._links': API_ADDRESS,
  'links[].id': rawOnly('the thing at the other end has an id of its own'),
  'links[].name': toFact('LINKED_TO'),
  'links[].type': rawOnly('its address tells what it leads to'),
  'links[].external_url': rawOnly('the id in it is a statement'),
  'links[].custom_fields': rawOnly('of the link, not of the conversation'),
  'custom_fields.*': toAttribute('customFields'),
  created_at: toAttribute('createdAt'),
  updated_at: toFact('HAS_STATUS'),
  waiting_since: toAttribute('waitingSince'),
  is_private: toAttribute('isPrivate'),
  scheduled_reminders: rawOnly('of single teammates'),
  description: TEXT,
  due_at: toAttribute('dueAt'),
  metadata: rawOnly('of the inbox program'),
};

const ATTACHMENT = {
  'attachments[].id': toFact('HAS_ATTACHMENT'),
  'attachments[].filename': toFact('HAS_ATTACHMENT'),
  'attachments[].url': API_ADDRESS,
  'attachments[].content_type': toFact('HAS_ATTACHMENT'),
  'attachments[].size': toFact('HAS_ATTACHMENT'),
  'attachments[].metadata': rawOnly('whether it is a picture inside the text'),
};

const MESSAGE = {
  '_links.self': API_ADDRESS,
  '_links.related.conversation': toFact('PART_OF'),
  '_links.related.message_replied_to': toFact('REPLY_TO'),
  id: KEY,
  message_uid: toName('ExternalId'),
  type: toAttribute('messageType'),
  is_inbound: toAttribute('isInbound'),
  draft_mode: toAttribute('draftMode'),
  error_type: toAttribute('errorType'),
  version: rawOnly('of a draft'),
  created_at: toAttribute('createdAt'),
  subject: toAttribute('subject'),
  blurb: rawOnly('the beginning of the text, and an attribute where there is no text'),
  ...rowsBelow('author.', teammateRows(toFact('SENT_BY'))),
  'recipients[]._links.related.contact': KEY,
  'recipients[].name': KEY,
  'recipients[].handle': toName('Email'),
  'recipients[].role': rawOnly('which statement it is'),
  body: rawOnly('the text where there is none in plain words'),
  text: TEXT,
  ...ATTACHMENT,
  signature: rawOnly('the same under every message'),
  metadata: rawOnly('of the inbox program'),
};

const COMMENT = {
  '_links.self': API_ADDRESS,
  '_links.related.conversation': toFact('ON'),
  id: KEY,
  ...rowsBelow('author.', teammateRows(toFact('WRITTEN_BY'))),
  body: TEXT,
  posted_at: toAttribute('createdAt'),
  ...ATTACHMENT,
  is_pinned: toAttribute('isPinned'),
};

const CONTACT = {
  _links: API_ADDRESS,
  id: KEY,
  name: KEY,
  description: TEXT,
  avatar_url: rawOnly('a picture'),
  'links[]': rawOnly('ids in it are statements'),
  groups: rawOnly('the older form of lists'),
  'lists[].id': rawOnly('its name tells what it is'),
  'lists[].name': toAttribute('lists'),
  'handles[].handle': toName('Email'),
  'handles[].source': rawOnly('it tells what the handle is'),
  'custom_fields.Turvo carrier id': toFact('LINKED_TO'),
  'custom_fields.*': toAttribute('customFields'),
  is_private: toAttribute('isPrivate'),
  updated_at: OBSERVED_AT,
};

const ACCOUNT = {
  id: KEY,
  name: KEY,
  logo_url: rawOnly('a picture'),
  description: TEXT,
  'domains[]': toName('Domain'),
  external_id: toFact('LINKED_TO'),
  'custom_fields.*': toAttribute('customFields'),
  created_at: toAttribute('createdAt'),
  updated_at: toFact('LINKED_TO'),
};

const TAG = {
  _links: API_ADDRESS,
  id: KEY,
  name: KEY,
  description: TEXT,
  highlight: toAttribute('highlight'),
  is_private: toAttribute('isPrivate'),
  is_visible_in_conversation_lists: toAttribute('isVisibleInConversationLists'),
  created_at: toAttribute('createdAt'),
  updated_at: OBSERVED_AT,
};

const TEAMMATE = {
  _links: API_ADDRESS,
  id: KEY,
  email: toName('Email'),
  username: toAttribute('username'),
  first_name: KEY,
  last_name: KEY,
  license_type: toAttribute('licenseType'),
  is_admin: toAttribute('isAdmin'),
  is_available: toAttribute('isAvailable'),
  is_blocked: toAttribute('isBlocked'),
  type: toAttribute('teammateType'),
  'custom_fields.*': toAttribute('customFields'),
};

const EVENT = {
  _links: dropped('an address of the API'),
  id: dropped('what it says is told apart by its time'),
  type: dropped('it tells which statement the event is'),
  emitted_at: toFact('IN_INBOX'),
  'source._meta.type': dropped('it tells what the source is'),
  'source.data[].id': toFact('IN_INBOX'),
  'source.data[].name': toFact('IN_INBOX'),
  'source.data[].is_private': dropped('of the inbox'),
  'target._meta.type': dropped('it tells what the target is'),
  'target.data.id': KEY,
  'target.data.type': toAttribute('messageType'),
  'target.data.is_inbound': toAttribute('isInbound'),
  'target.data.created_at': toAttribute('createdAt'),
  'target.data.blurb': toAttribute('blurb'),
  'conversation.id': toFact('PART_OF'),
  'conversation.subject': KEY,
  'conversation.status': dropped('the status when the event was read, not when it happened'),
  'conversation.created_at': dropped('the record of the conversation has it'),
};

const APP_WEBHOOK = {
  type: dropped('the event in it tells'),
  'authorization.id': dropped('whose memory this is'),
  ...rowsBelow('payload.', EVENT),
};

const MERGE = { merged_from: KEY, merged_into: toFact('MERGED_INTO'), merged_at: toFact('MERGED_INTO') };

const SEED = {
  message_id: KEY,
  subject: toAttribute('subject'),
  body: TEXT,
  sender: toFact('SENT_BY'),
};

/** Where each field of Front's records goes. */
export const FRONT_FIELDS: readonly FieldRow[] = [
  ...fieldRows('conversation', CONVERSATION),
  ...fieldRows('message', MESSAGE),
  ...fieldRows('comment', COMMENT),
  ...fieldRows('contact', CONTACT),
  ...fieldRows('account', ACCOUNT),
  ...fieldRows('tag', TAG),
  ...fieldRows('teammate', TEAMMATE),
  ...fieldRows('event', EVENT),
  ...fieldRows('app webhook', APP_WEBHOOK),
  ...fieldRows('merge', MERGE),
  ...fieldRows('seed', SEED),
];
