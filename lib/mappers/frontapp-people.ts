import type { Mapped, Observation, ThingRef } from '../contracts/feed.ts';
import type { Fields } from './fields.ts';
import {
  domainFacts,
  explicitLinks,
  frontThing,
  handleNames,
  relatedId,
  tagRef,
  teammateRef,
} from './frontapp-refs.ts';
import { linksTo, thingOfField } from './links.ts';
import { distinct, domainNames, emailNames } from './names.ts';
import { attributes, customFields, fact, observation, rawOf, type Since, thing } from './observations.ts';
import { accountIdNames } from './turvo-values.ts';

function sinceUpdate(fields: Fields): Since {
  return { at: fields.epochSeconds('updated_at'), basis: 'source_update' };
}

/** A person or desk outside, by the addresses and numbers they write from. */
export function mapContact(fields: Fields): Mapped {
  const since = sinceUpdate(fields);
  const names = distinct(
    fields.objects('handles').flatMap((entry) => handleNames(entry.word('handle'), entry.text('source'))),
  );
  const links = explicitLinks(fields, since);
  const account = fields.object('account');
  const whole = observation(
    frontThing('Contact', fields.requiredId('id'), fields.text('name') ?? names[0]?.name ?? null),
    {
      isWhole: true,
      observedAt: since.at,
      attributes: attributes({
        lists: listNames(fields),
        isPrivate: fields.boolean('is_private'),
        customFields: customFields(fields, 'custom_fields'),
      }),
      names,
      facts: [
        ...(account?.has('id') ? [fact('BELONGS_TO', accountRef(account), since)] : []),
        ...domainFacts(names, since),
        ...links.facts,
      ],
      text: fields.text('description') ?? '',
      raw: rawOf(fields),
    },
  );
  return { kind: 'observations', observations: [whole, ...membership(fields, whole.thing), ...links.observations] };
}

/**
 * The account in whose list a contact was found. The contact's own record does not name it, so that it is said beside what that
 * record says, which else would end it.
 */
function membership(fields: Fields, contact: ThingRef): Observation[] {
  const account = relatedId(fields, 'account');
  if (account === null) return [];
  const belongs = fact('BELONGS_TO', frontThing('Account', account, null), { at: null, basis: 'source_update' });
  return [observation(contact, { facts: [belongs] })];
}

/** The older `groups` have the same members under another name. */
function listNames(fields: Fields): string[] {
  const lists = fields.objects('lists');
  return (lists.length > 0 ? lists : fields.objects('groups')).flatMap((list) => list.text('name') ?? []);
}

function accountRef(fields: Fields) {
  return frontThing('Account', fields.requiredId('id'), fields.text('name'));
}

/** A company outside, by its domains and by the id that another system has for it. */
export function mapAccount(fields: Fields): Mapped {
  const since = sinceUpdate(fields);
  const external = fields.id('external_id');
  const links = explicitLinks(fields, since);
  const whole = observation(accountRef(fields), {
    isWhole: true,
    observedAt: since.at,
    attributes: attributes({
      customFields: customFields(fields, 'custom_fields'),
      createdAt: fields.epochSeconds('created_at'),
    }),
    names: distinct(fields.texts('domains').flatMap(domainNames)),
    facts: [...externalFacts(external, since), ...links.facts],
    text: fields.text('description') ?? '',
    raw: rawOf(fields),
  });
  return { kind: 'observations', observations: [whole, ...links.observations] };
}

/** An external id says what it is of (`carrier 204410`), or is an account's number, which names a customer or a carrier. */
function externalFacts(external: string | null, since: Since) {
  if (external === null) return [];
  const match = /^(?:turvo[ :_-]?)?(carrier|customer|location|contact|driver|shipment)[ :_-]{1,2}(\d{1,19})$/i.exec(
    external,
  );
  if (match !== null) return linksTo([thingOfField(`turvo ${match[1]}`, match[2]!)], since).facts;
  return accountIdNames(external).map((account) => fact('LINKED_TO', account, since));
}

/** A label that conversations bear. */
export function mapTag(fields: Fields): Mapped {
  const since = sinceUpdate(fields);
  const parent = relatedId(fields, 'parent_tag');
  const tag = observation(tagRef(fields), {
    isWhole: true,
    observedAt: since.at,
    attributes: attributes({
      highlight: fields.text('highlight'),
      isPrivate: fields.boolean('is_private'),
      isVisibleInConversationLists: fields.boolean('is_visible_in_conversation_lists'),
      createdAt: fields.epochSeconds('created_at'),
    }),
    facts: parent === null ? [] : [fact('PARENT', thing('Tag', `front:${parent}`, null), since)],
    singleValued: ['PARENT'],
    text: fields.text('description') ?? '',
    raw: rawOf(fields),
  });
  return { kind: 'observations', observations: [tag] };
}

/** Somebody of the company, or a rule or program that acts as one. */
export function mapTeammate(fields: Fields): Mapped {
  const member = observation(teammateRef(fields), {
    isWhole: true,
    attributes: attributes({
      username: fields.text('username'),
      teammateType: fields.text('type'),
      licenseType: fields.text('license_type'),
      isAdmin: fields.boolean('is_admin'),
      isAvailable: fields.boolean('is_available'),
      isBlocked: fields.boolean('is_blocked'),
      customFields: customFields(fields, 'custom_fields'),
    }),
    names: emailNames(fields.text('email')),
    raw: rawOf(fields),
  });
  return { kind: 'observations', observations: [member] };
}
