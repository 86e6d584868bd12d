import { findEmails } from './emails.ts';
import { type Found, foldName, foundAt } from './found.ts';

const DISPLAY_NAME_LENGTH = 80;

/** Mailboxes of desks, not of people. */
const DESK =
  /\d|\b(?:dispatch|billing|accounts?|accounting|support|info|no-?reply|team|sales|office|desk|operations|customer|service|inc|llc|ltd|gmbh)\b/i;

/** A mailbox of a mail header: its address, and the person it is named after when it names one. */
export interface Mailbox {
  readonly person: Found | null;
  readonly address: string;
}

/** Mailboxes of one header line: `From: Dana Reyes <dana@example.com>, "Cole, Sam" <sam@example.com>`. */
export function findMailboxes(header: string): Mailbox[] {
  return findEmails(header).map(({ key, start }) => ({
    person: personBefore(header, header[start - 1] === '<' ? start - 1 : start),
    address: key,
  }));
}

function personBefore(header: string, end: number): Found | null {
  const before = header.slice(Math.max(0, end - DISPLAY_NAME_LENGTH), end);
  const match = /"([^"<>]{3,})"\s*$/.exec(before) ?? /(?:^|[,;:>])\s*([^",;:<>]{3,})$/.exec(before);
  const name = match?.[1]?.trim();
  if (name === undefined || !/\p{L}[\p{L}.'’-]*,? +\p{L}/u.test(name) || DESK.test(name)) return null;
  const start = end - before.length + before.lastIndexOf(name);
  return foundAt(header, 'Person', foldName(name.replace(/^([^,]+), *(.+)$/, '$2 $1')), {
    start,
    end: start + name.length,
  });
}

const CONTACT =
  /\b(?:driver|contact|attn|attention|dispatcher|prepared by|signed by)(?: name)?: {0,3}(\p{Lu}[\p{L}'’-]{1,30}(?: \p{Lu}\.)? \p{Lu}[\p{L}'’-]{1,30}(?: \p{Lu}[\p{L}'’-]{1,30})?)(?![\p{L}\p{N}&])/giu;

/** People named after a label: `Driver: Luis Ortega`. */
export function findContacts(text: string): Found[] {
  const found: Found[] = [];
  for (const { 0: quote, 1: name, index } of text.matchAll(CONTACT)) {
    const end = index + quote.length;
    if (!/^\p{Lu}/u.test(name!) || DESK.test(name!)) continue;
    found.push(foundAt(text, 'Person', foldName(name!), { start: end - name!.length, end }));
  }
  return found;
}
