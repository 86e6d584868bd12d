import { REDACTED, SECRET_NAME } from './redact.ts';
import { SETTINGS, type SettingEntry, type SettingLayer } from './settings.ts';

/** Shorter ones are no secrets, and hiding them would leave holes in every other word. */
const MIN_SECRET_LETTERS = 4;

/** Every secret of the settings, wherever one stands, also one that does not count: in no output may it be seen. Longest first. */
export function secretsOf(layers: readonly Pick<SettingLayer, 'values'>[]): string[] {
  const entries: readonly SettingEntry[] = Object.values(SETTINGS);
  const found = layers.flatMap(({ values }) =>
    entries.flatMap((entry) => {
      const value = values.get(entry.name) ?? '';
      return entry.isSecret === true ? [value] : secretsIn(value);
    }),
  );
  const forms = found.flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]);
  return [...new Set(forms)].filter(({ length }) => length >= MIN_SECRET_LETTERS).sort((a, b) => b.length - a.length);
}

/**
 * What is secret in an address: its password, or its user where that stands alone and may be a token, and members of its query that
 * are named so. Who uses a database is asked for a password besides.
 */
function secretsIn(value: string): string[] {
  if (!value.includes('://') || !URL.canParse(value)) return [];
  const { protocol, username, password, searchParams } = new URL(value);
  const user = password === '' && /^https?:$/.test(protocol) ? username : password;
  const members = [...searchParams].flatMap(([name, member]) => (SECRET_NAME.test(name) ? [member] : []));
  return [user, decoded(user), ...members];
}

/** Percent signs that stand for no text stay. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The text without these secrets. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, REDACTED), text);
}

/** The text without these secrets and without what stands before the `@` of an address in it: for messages, never for data. */
export function concealed(text: string, secrets: readonly string[]): string {
  return withoutSecrets(text, secrets).replace(USER_OF_ADDRESS, `$1${REDACTED}@`);
}

const USER_OF_ADDRESS = /\b([a-z][a-z\d+.-]*:\/\/)[^\s/?#@"']+@/gi;
