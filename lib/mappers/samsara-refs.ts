import type { Json } from '../contracts/document.ts';
import type { EntityRef, JsonObject, Observation, ObservedFact, ThingRef } from '../contracts/feed.ts';
import type { Fields } from './fields.ts';
import { type Links, linksTo, thingOfField } from './links.ts';
import { distinct, externalNames, numberNames, vinNames } from './names.ts';
import { attributes, fact, named, type Since, thing } from './observations.ts';

// What Samsara's records share: references to vehicles, drivers, places and tags, external ids, and the users' own attributes.

/** When something came to hold that a record states without a time of its own: when the record last changed. */
export function sinceUpdate(fields: Fields): Since {
  return { at: fields.time('updatedAtTime'), basis: 'source_update' };
}

/** A vehicle by its id. Errors: a wrong field without one. */
export function vehicleRef(fields: Fields): ThingRef {
  return thing('Vehicle', `samsara:vehicle:${fields.requiredId('id')}`, fields.text('name'));
}

/** A driver by their id. Errors: a wrong field without one. */
export function driverRef(fields: Fields): ThingRef {
  return thing('Driver', `samsara:driver:${fields.requiredId('id')}`, fields.text('name'));
}

/** A saved address by its id. Errors: a wrong field without one. */
export function addressRef(fields: Fields): ThingRef {
  return thing('Location', `samsara:address:${fields.requiredId('id')}`, fields.text('name'));
}

/** What names a vehicle in any record: its name, VIN and external ids. */
export function vehicleNames(fields: Fields): EntityRef[] {
  return distinct([
    ...numberNames('Unit', fields.text('name')),
    ...vinNames(fields.text('vin')),
    ...externalIdNames(fields),
  ]);
}

/** A vehicle that a record only names. */
export function namedVehicle(fields: Fields): Observation[] {
  return named(vehicleRef(fields), { names: vehicleNames(fields) });
}

/** A driver that a record only names. */
export function namedDriver(fields: Fields): Observation[] {
  return named(driverRef(fields), { names: externalIdNames(fields) });
}

/** Ids of other systems. Some records write the field with a capital letter. */
function externalIds(fields: Fields): [system: string, id: string][] {
  return [...fields.entries('externalIds'), ...fields.entries('ExternalIds')];
}

function externalIdNames(fields: Fields): EntityRef[] {
  return externalIds(fields).flatMap(([system, id]) =>
    system === 'samsara.vin' ? vinNames(id) : externalNames(system, id),
  );
}

/** What else names a thing that is no vehicle. */
export function otherNames(fields: Fields): EntityRef[] {
  return distinct(externalIdNames(fields));
}

/** Ties to things of other sources by external ids that say whose they are: `turvoLocation`. */
export function externalLinks(fields: Fields, since: Since): Links {
  return linksTo(
    externalIds(fields).map(([system, id]) => thingOfField(system, id)),
    since,
  );
}

/** The tags of a thing, with what is told of the tags themselves. Some answers have only their ids. */
export function tagsOf(fields: Fields, since: Since): Links {
  const tags = fields.objects('tags');
  const ids = tags.length > 0 ? [] : fields.ids('tagIds');
  return {
    facts: [...tags.map(tagRef), ...ids.map((id) => tagById(id, null))].map((tag) => fact('TAGGED', tag, since)),
    observations: tags.flatMap((tag) => named(tagRef(tag), { facts: parentOf(tag, since), singleValued: ['PARENT'] })),
  };
}

function tagRef(fields: Fields): ThingRef {
  return tagById(fields.requiredId('id'), fields.text('name'));
}

function tagById(id: string, name: string | null): ThingRef {
  return thing('Tag', `samsara:tag:${id}`, name);
}

function parentOf(tag: Fields, since: Since): ObservedFact[] {
  const parent = tag.id('parentTagId');
  return parent === null ? [] : [fact('PARENT', tagById(parent, null), since)];
}

/** The users' own attributes by their names. */
export function ownAttributes(fields: Fields): JsonObject | null {
  const values = fields.objects('attributes').flatMap((own): [string, Json][] => {
    const name = own.text('name') ?? own.id('id');
    if (name === null) return [];
    const single = own.any('stringValue') ?? own.any('numberValue');
    const many = [...own.list('stringValues'), ...own.list('numberValues'), ...own.list('dateValues')];
    const plain = [single, ...many].filter((value) => value !== null && value !== '' && typeof value !== 'object');
    return [[name, plain.length === 1 ? plain[0]! : plain]];
  });
  return values.length === 0 ? null : attributes(Object.fromEntries(values));
}
