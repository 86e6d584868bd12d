import { type Found, foundAt } from './found.ts';

const LOCAL_PART = /[A-Za-z0-9._%+-]{1,64}$/;
const DOMAIN = /(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])/y;

/** E-mail addresses; the key is lower case. Found from their `@`, so that long words cost nothing. */
export function findEmails(text: string): Found[] {
  const found: Found[] = [];
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    const local = LOCAL_PART.exec(text.slice(Math.max(0, at - 64), at))?.[0].replace(/^[.%+-]+/, '');
    DOMAIN.lastIndex = at + 1;
    if (!local || !DOMAIN.test(text)) continue;
    const span = { start: at - local.length, end: DOMAIN.lastIndex };
    found.push(foundAt(text, 'Email', text.slice(span.start, span.end).toLowerCase(), span));
  }
  return found;
}
