import type { EntityRef, Mapped, Observation, ObservedFact } from '../contracts/feed.ts';
import { type Fields, isObject } from './fields.ts';
import { distinct, emailNames, phoneNames, registrationNames, scacNames } from './names.ts';
import { attributes, customFields, fact, named, observation, rawOf, type Since, thing } from './observations.ts';
import { addressAttributes, completed, readAddress, writtenAddress } from './places.ts';
import {
  accountNames,
  accountRef,
  codeOf,
  contactRef,
  externalIdNames,
  kept,
  shownCode,
  timeZoneOf,
} from './turvo-values.ts';

const DRIVER_ROLE = '1993';

/** When what a record states came to hold, as far as it tells: when it last changed. */
function sinceUpdate(fields: Fields): Since {
  return { at: fields.time('updated') ?? fields.time('lastUpdatedOn'), basis: 'source_update' };
}

/** A customer or a carrier. */
export function mapAccount(kind: 'Customer' | 'Carrier', fields: Fields): Mapped {
  const since = sinceUpdate(fields);
  const parent = fields.object('parentAccount');
  const status = fields.object('status');
  const addresses = kept(fields.oneOrMany('addresses')).map((address) => writtenAddress(readAddress(address)));
  const whole = observation(accountRef(kind, fields), {
    isWhole: true,
    observedAt: since.at,
    attributes: attributes({
      status: status === null ? null : shownCode(status, 'code'),
      addresses: addresses.filter((address) => address !== ''),
      customFields: customFields(fields, 'custom_attributes'),
      createdAt: fields.time('created'),
    }),
    names: distinct([
      ...accountNames(fields),
      ...registrationNames('McNumber', fields.word('mcNumber')),
      ...registrationNames('DotNumber', fields.word('dotNumber')),
      ...scacNames(fields.text('scac')),
      ...externalIdNames(fields),
      ...reachedBy(fields),
    ]),
    facts: parent?.has('id') ? [fact('PARENT', accountRef(kind, parent), since)] : [],
    singleValued: ['PARENT'],
    text: fields.text('notes') ?? '',
    raw: rawOf(fields),
  });
  const beside = parent?.has('id') ? named(accountRef(kind, parent), { names: accountNames(parent) }) : [];
  return { kind: 'observations', observations: [whole, ...beside] };
}

/** A place where stops are. */
export function mapLocation(fields: Fields): Mapped {
  const addresses = kept(fields.oneOrMany('address'));
  const address = addresses.reduce((told, next) => completed(told, readAddress(next)), readAddress(fields));
  const whole = observation(thing('Location', `turvo:location:${fields.requiredId('id')}`, fields.text('name')), {
    isWhole: true,
    observedAt: sinceUpdate(fields).at,
    attributes: attributes({
      ...addressAttributes(address),
      timeZone: timeZoneOf(fields),
      createdAt: fields.time('created'),
    }),
    names: distinct([...externalIdNames(fields), ...reachedBy(fields)]),
    text: fields.text('notes') ?? '',
    raw: rawOf(fields),
  });
  return { kind: 'observations', observations: [whole] };
}

/** A person; one with the role of a driver is a driver, and works for the carriers of their context. */
export function mapContact(fields: Fields): Mapped {
  const since = sinceUpdate(fields);
  const roles = fields.oneOrMany('role');
  const isDriver = roles.some((role) => role.word('key') === DRIVER_ROLE);
  const employers = kept(fields.oneOrMany('context')).filter((context) => context.has('id'));
  const parts = employers.map((context) => employment(context, isDriver, since));
  const whole = observation(contactRef(isDriver ? 'Driver' : 'Contact', fields), {
    isWhole: true,
    observedAt: since.at,
    attributes: attributes({
      roles: roles.flatMap((role) => role.word('value') ?? role.word('key') ?? []),
      customFields: customFields(fields, 'custom_attributes'),
      createdAt: fields.time('created'),
    }),
    names: distinct([...externalIdNames(fields), ...reachedBy(fields)]),
    facts: parts.flatMap((part) => part.facts),
    text: fields.text('notes') ?? '',
    raw: rawOf(fields),
  });
  return { kind: 'observations', observations: [whole, ...parts.flatMap(({ observations }) => observations)] };
}

function employment(
  context: Fields,
  isDriver: boolean,
  since: Since,
): { facts: readonly ObservedFact[]; observations: readonly Observation[] } {
  const type = codeOf(context, 'type');
  const name = (type?.value ?? type?.key ?? '').toUpperCase();
  if (name !== 'CARRIER' && name !== 'CUSTOMER') return { facts: [], observations: [] };
  const account = accountRef(name === 'CARRIER' ? 'Carrier' : 'Customer', context);
  return {
    facts: [fact(isDriver ? 'EMPLOYED_BY' : 'BELONGS_TO', account, since)],
    observations: named(account, { names: accountNames(context) }),
  };
}

/** Phone numbers and addresses of mail, as texts or as objects, under any of the names that Turvo's records have for them. */
function reachedBy(fields: Fields): EntityRef[] {
  return [
    ...valuesOf(fields, ['phone', 'phones'], 'number').flatMap(phoneNames),
    ...valuesOf(fields, ['email', 'emails'], 'email').flatMap(emailNames),
  ];
}

function valuesOf(fields: Fields, names: readonly string[], part: string): (string | null)[] {
  return names.flatMap((name) => {
    const value = fields.any(name);
    if (!Array.isArray(value) && !isObject(value)) return [fields.word(name)];
    if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return fields.texts(name);
    return kept(fields.oneOrMany(name)).map((item) => item.word(part));
  });
}
