import type { EntityType } from '../contracts/document.ts';
import type { EntityRef } from '../contracts/feed.ts';
import { entity } from './observations.ts';
import { phoneKey } from './phones.ts';

// Other names of things. Their keys are those that extraction gives to the same name in a text, so that a mail and a record meet.

/** Longest key: names that people write are shorter. */
const MAX_KEY_LENGTH = 200;

/** The labels that extraction reads before a number of the type: in `PO-55821` it finds the number 55821. */
const LABELS: Readonly<Partial<Record<EntityType, RegExp>>> = {
  Unit: labelled('unit|truck|tractor|trailer'),
  PurchaseOrder: labelled('purchase order|p\\.o\\.|po'),
  BillOfLading: labelled('bill of lading|b\\/l|bol'),
  ProNumber: labelled('pro'),
  Shipment: labelled('shipment'),
};

function labelled(labels: string): RegExp {
  return new RegExp(
    `^(?:${labels})(?![a-z])[\\s_-]?(?:(?:number|no|nr|id)(?![a-z]))?[\\s.]{0,2}[:#]{0,2}\\s{0,3}([a-z0-9][a-z0-9/_-]{1,24})$`,
    'i',
  );
}

/** A number of logistics under its type, as written and, where a label is part of it, also without. */
export function numberNames(type: EntityType, written: string | null): EntityRef[] {
  if (written === null) return [];
  const whole = written.replace(/\s+/g, ' ').trim();
  const bare = LABELS[type]?.exec(whole)?.[1];
  return [whole, bare].flatMap((key) => (key === undefined ? [] : ref(type, key.toUpperCase(), whole)));
}

/** A vehicle identification number, as the source has it: its check digit is the source's affair. */
export function vinNames(written: string | null): EntityRef[] {
  const key = compact(written);
  return /^[A-Z0-9]{5,20}$/.test(key) ? ref('Vin', key, written!) : [];
}

/** A licence plate: letters and digits. */
export function plateNames(written: string | null): EntityRef[] {
  return ref('LicensePlate', compact(written), written ?? '');
}

/** A container number: letters and digits. */
export function containerNames(written: string | null): EntityRef[] {
  return ref('Container', compact(written), written ?? '');
}

/** Registrations of carriers: digits, whatever stands before them. */
export function registrationNames(type: 'McNumber' | 'DotNumber', written: string | null): EntityRef[] {
  const digits = /^(?:mc|us ?dot|dot)?[ #:.-]{0,3}(\d{1,12})$/i.exec(written ?? '')?.[1];
  return digits === undefined ? [] : ref(type, digits, written!);
}

/** A Standard Carrier Alpha Code: two to four letters. */
export function scacNames(written: string | null): EntityRef[] {
  const key = compact(written);
  return /^[A-Z]{2,4}$/.test(key) ? ref('Scac', key, written!) : [];
}

/** A telephone number in E.164, where such a number can exist. */
export function phoneNames(written: string | null): EntityRef[] {
  const key = written === null ? null : phoneKey(written);
  return key === null ? [] : ref('Phone', key, written!);
}

const EMAIL = /^[a-z0-9._%+'-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}[a-z]{2,24}$/;

/** An address of mail in lower case. */
export function emailNames(written: string | null): EntityRef[] {
  const key = (written ?? '').trim().toLowerCase();
  return key.length <= MAX_KEY_LENGTH && EMAIL.test(key) ? ref('Email', key, written!.trim()) : [];
}

/** Domains where anybody may have an address: sharing one says nothing. */
const FREE_MAIL: ReadonlySet<string> = new Set(
  (
    'gmail.com googlemail.com yahoo.com ymail.com hotmail.com outlook.com live.com msn.com aol.com icloud.com me.com mac.com ' +
    'gmx.com gmx.net gmx.de web.de t-online.de proton.me protonmail.com mail.com zoho.com yandex.com yandex.ru mail.ru ' +
    'comcast.net verizon.net att.net sbcglobal.net bellsouth.net qq.com 163.com 126.com'
  ).split(' '),
);

/** A domain of mail that belongs to one company. */
export function domainNames(written: string | null): EntityRef[] {
  const key = (written ?? '')
    .trim()
    .toLowerCase()
    .replace(/^(?:@|www\.)/, '');
  return /^(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}$/.test(key) && !FREE_MAIL.has(key) ? ref('Domain', key, key) : [];
}

/** The company's domain of an address of mail. */
export function domainOfEmail(address: EntityRef | undefined): EntityRef[] {
  return address?.type === 'Email' ? domainNames(address.key.slice(address.key.indexOf('@') + 1)) : [];
}

/** An id of another system, under the name that the source gives that system: `payrollId=D-118`. */
export function externalNames(system: string, written: string | null): EntityRef[] {
  const value = (written ?? '').trim();
  return value === '' ? [] : ref('ExternalId', `${system}=${value}`, value);
}

/** Each name once, in the order of their first. */
export function distinct(names: readonly EntityRef[]): EntityRef[] {
  const byIdentity = new Map<string, EntityRef>();
  for (const name of names) {
    const identity = `${name.type} ${name.key}`;
    if (!byIdentity.has(identity)) byIdentity.set(identity, name);
  }
  return [...byIdentity.values()];
}

function compact(written: string | null): string {
  return (written ?? '')
    .slice(0, MAX_KEY_LENGTH)
    .toUpperCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
}

function ref(type: EntityType, key: string, name: string): EntityRef[] {
  return key === '' || key.length > MAX_KEY_LENGTH ? [] : [entity(type, key, name)];
}
