import type { EntityRef, Observation, ThingKind, ThingRef } from '../contracts/feed.ts';
import type { Fields } from './fields.ts';
import { type Links, linksTo, thingOfField, thingOfUrl } from './links.ts';
import { domainOfEmail, emailNames, externalNames, phoneNames } from './names.ts';
import { fact, named, type Since, thing } from './observations.ts';

// What Front's records share: things by their prefixed ids, people by their handles, and links to other systems.

/** Sources of handles that are neither mail nor telephone: `twitter`. */
const KNOWN_HANDLES: ReadonlySet<string> = new Set(['email', 'phone', 'sms', 'whatsapp']);

/** A tie by the domain of an address is likely, not sure. Source: reference 5.4. */
const DOMAIN_CONFIDENCE = 0.7;

/** Shapes of ids in addresses of the API; aliases such as `alt:email:…` name nothing by id. */
const LAST_SEGMENT = /\/((?:cnv|msg|com|crd|acc|tea|inb|tag)_[a-z0-9]{1,60})\/?$/;

/** A thing of Front by its prefixed id. */
export function frontThing(kind: ThingKind, id: string, name: string | null): ThingRef {
  return thing(kind, `front:${id}`, name);
}

/** The id at the end of a related address of the API, or null. */
export function relatedId(fields: Fields, name: string): string | null {
  const url = fields.object('_links')?.object('related')?.text(name) ?? null;
  return url === null ? null : (LAST_SEGMENT.exec(url.slice(0, 400))?.[1] ?? null);
}

/** A handle as what names it in any source: mail or telephone by its look, else under the name of its channel. */
export function handleNames(handle: string | null, source: string | null): EntityRef[] {
  if (handle === null) return [];
  const known = handle.includes('@') ? emailNames(handle) : phoneNames(handle);
  if (known.length > 0) return known;
  return source === null || KNOWN_HANDLES.has(source) ? [] : externalNames(source, handle);
}

/** A teammate inside another record, with what is told of them. */
export function teammate(fields: Fields): { readonly ref: ThingRef; readonly observations: Observation[] } {
  const ref = teammateRef(fields);
  return { ref, observations: named(ref, { names: emailNames(fields.text('email')) }) };
}

/** A teammate, called by their name where it is told. */
export function teammateRef(fields: Fields): ThingRef {
  const name = [fields.text('first_name'), fields.text('last_name')].filter((part) => part !== null).join(' ');
  return frontThing('Teammate', fields.requiredId('id'), name || fields.text('username') || fields.text('email'));
}

/** A tag by its id. */
export function tagRef(fields: Fields): ThingRef {
  return frontThing('Tag', fields.requiredId('id'), fields.text('name'));
}

/** An inbox by its id. */
export function inboxRef(fields: Fields): ThingRef {
  return frontThing('Inbox', fields.requiredId('id'), fields.text('name'));
}

/** One end of a message: a contact where Front knows one, else the handle itself. */
export interface Correspondent {
  readonly ref: ThingRef | EntityRef;
  readonly names: readonly EntityRef[];
  readonly observations: readonly Observation[];
}

/** Reads a recipient; null when its handle is nothing that can be named. */
export function correspondent(recipient: Fields): Correspondent | null {
  const names = handleNames(recipient.text('handle'), null);
  const contact = relatedId(recipient, 'contact');
  if (contact === null) return names[0] === undefined ? null : { ref: names[0], names, observations: [] };
  const ref = frontThing('Contact', contact, recipient.text('name') ?? recipient.text('handle'));
  return {
    ref,
    names,
    observations: named(ref, { names, facts: domainFacts(names, { at: null, basis: 'source_update' }) }),
  };
}

/** That somebody belongs to whoever has the domain of their address. */
export function domainFacts(names: readonly EntityRef[], since: Since) {
  const domains = new Map(names.flatMap(domainOfEmail).map((domain) => [domain.key, domain]));
  return [...domains.values()].map((domain) => fact('BELONGS_TO', domain, since, { confidence: DOMAIN_CONFIDENCE }));
}

/** That a message is tied to whoever has the domain of its sender, of whom nothing else is known. */
export function senderDomainFacts(sender: Correspondent | null, since: Since) {
  if (sender === null || 'kind' in sender.ref) return [];
  const domains = sender.names.flatMap(domainOfEmail);
  return domains.map((domain) => fact('LINKED_TO', domain, since, { confidence: DOMAIN_CONFIDENCE }));
}

/** Ties that a record's links and own fields state by id. */
export function explicitLinks(fields: Fields, since: Since): Links {
  // Links of conversations are objects, those of contacts are addresses.
  const byLink = fields.list('links').flatMap((link, index) => {
    if (typeof link === 'string') return [thingOfUrl(link, null)];
    return fields.objectsAt('links', index).map(thingOfLink);
  });
  const own = fields.object('custom_fields');
  const byField = Object.keys(own?.value ?? {}).map((name) => {
    const value = own!.any(name);
    return typeof value === 'string' || typeof value === 'number' ? thingOfField(name, String(value)) : null;
  });
  return linksTo([...byLink, ...byField], since);
}

/** What a link object ties to. */
export function thingOfLink(link: Fields): ThingRef | null {
  const url = link.text('external_url');
  return url === null ? null : thingOfUrl(url, link.text('name'));
}
