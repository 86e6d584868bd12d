import type { Mapped } from '../contracts/feed.ts';
import type { Fields } from './fields.ts';
import { correspondent, explicitLinks, frontThing, tagRef, teammate, teammateRef } from './frontapp-refs.ts';
import { attributes, customFields, fact, observation, rawOf, type Since, state, thing } from './observations.ts';

/** A conversation as its own record describes it. */
export function mapConversation(fields: Fields): Mapped {
  const since: Since = { at: fields.epochSeconds('updated_at'), basis: 'source_update' };
  const links = explicitLinks(fields, since);
  const assignee = fields.object('assignee');
  const recipient = fields.object('recipient');
  const other = recipient === null ? null : correspondent(recipient);
  const whole = observation(frontThing('Conversation', fields.requiredId('id'), fields.text('subject')), {
    isWhole: true,
    observedAt: since.at,
    attributes: attributes({
      conversationType: fields.text('type'),
      statusCategory: fields.text('status_category'),
      recipient: recipient?.text('handle') ?? null,
      ticketIds: fields.texts('ticket_ids'),
      isPrivate: fields.boolean('is_private'),
      customFields: customFields(fields, 'custom_fields'),
      createdAt: fields.epochSeconds('created_at'),
      waitingSince: fields.epochSeconds('waiting_since'),
      dueAt: fields.epochSeconds('due_at'),
    }),
    facts: [
      ...statusFacts(fields.code('status'), since),
      ...(assignee === null ? [] : [fact('ASSIGNED_TO', teammateRef(assignee), since)]),
      ...fields.objects('tags').map((tag) => fact('TAGGED', tagRef(tag), since)),
      ...links.facts,
    ],
    singleValued: ['HAS_STATUS', 'ASSIGNED_TO'],
    text: fields.text('description') ?? '',
    raw: rawOf(fields),
  });
  const beside = [...(assignee === null ? [] : teammate(assignee).observations), ...(other?.observations ?? [])];
  return { kind: 'observations', observations: [whole, ...beside, ...links.observations] };
}

/** That a conversation is in a status, under the word of Front's payloads: `deleted`, which filters of its API call `trashed`. */
export function statusFacts(status: string | null, since: Since) {
  if (status === null) return [];
  const word = status === 'trashed' ? 'deleted' : status;
  return [fact('HAS_STATUS', state(`front:status:${word}`, word), since)];
}

/**
 * That a conversation was merged into another, as the client noticed when it was sent on: the id of the one that is no more as
 * `id` or `merged_from`, that of the other as `merged_into`, and `merged_at` in seconds where an event told it.
 */
export function mapMerge(fields: Fields): Mapped {
  const from = fields.id('merged_from') ?? fields.requiredId('id');
  const into = fields.requiredId('merged_into');
  const since: Since = { at: fields.epochSeconds('merged_at'), basis: 'source_event' };
  return { kind: 'observations', observations: [mergedInto(from, into, since)] };
}

/** What is said of a conversation that became part of another. */
export function mergedInto(from: string, into: string, since: Since) {
  return observation(frontThing('Conversation', from, null), {
    observedAt: since.at,
    facts: [fact('MERGED_INTO', thing('Conversation', `front:${into}`, null), since)],
    singleValued: ['MERGED_INTO'],
  });
}
