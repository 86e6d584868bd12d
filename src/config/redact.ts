/** What stands in the place of a secret. */
export const REDACTED = '[redacted]';

/** How a member of an address's query is named that is a secret. */
export const SECRET_NAME = /key|token|secret|passw|pwd|auth|sig|credential/i;

/** A setting's value as it may be shown: nothing of a secret remains, nor of one inside an address. */
export function redacted({ type, isSecret }: { type: string; isSecret?: boolean }, value: string): string {
  if (isSecret === true && value !== '') return REDACTED;
  return type === 'url' || value.includes('://') ? withoutSecretQuery(withoutUser(value)) : value;
}

/** An address without its user and password. In one that cannot be parsed, all before its last `@` is taken for a password. */
function withoutUser(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!address.includes('@') || (url !== null && url.host !== '' && url.username + url.password === '')) return address;
  const [scheme = ''] = /^[a-z][a-z\d+.-]*:[/\\]+/i.exec(address) ?? [];
  const authority = /^[^/?#\\]*/.exec(address.slice(scheme.length))![0];
  const isSure = url !== null && authority.includes('@');
  const end = isSure ? scheme.length + authority.lastIndexOf('@') : address.lastIndexOf('@');
  return `${scheme}${REDACTED}${address.slice(end)}`;
}

function withoutSecretQuery(address: string): string {
  return address.replace(/([?&;#]([^=&;#?]*)=)[^&#]*/g, (whole, start: string, name: string) =>
    SECRET_NAME.test(name) ? `${start}${REDACTED}` : whole,
  );
}
