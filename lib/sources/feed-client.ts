import { ConfigError } from '../contracts/errors.ts';
import type { FeedListeners } from '../contracts/feed-source.ts';
import { createHttpClient, type HttpClient } from '../support/http.ts';
import type { Connection, FeedSource, FeedTools } from './feed-spec.ts';

/**
 * How a source is reached by these settings.
 *
 * @param settings values by the names of the source's options; what is missing or empty is the option's fallback.
 * @throws ConfigError naming the setting that is missing or malformed.
 */
export function connect(
  source: FeedSource,
  settings: ReadonlyMap<string, string>,
  { timing }: Pick<FeedTools, 'timing'>,
): Connection {
  const values = (name: string) =>
    settings.get(name)?.trim() || (source.options.find((option) => option.name === name)?.fallback ?? '');
  const connection = source.connect(values, timing);
  const baseUrl = connection.baseUrl.replace(/\/+$/, '');
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : null;
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.username === '' && !/[?#]/.test(baseUrl);
  if (isPlain) return { ...connection, baseUrl };
  throw new ConfigError(`The address of ${source.name} is not one of http or https without user, query and fragment.`, {
    code: 'APEX_CONFIG',
  });
}

/** The client of a source's API; nothing is asked yet. */
export function openClient(
  { name, ownHosts, backoff, retryAfter, statusInside }: FeedSource,
  connection: Connection,
  { version, limits, timing, onWaiting }: Omit<FeedTools, 'maxPages'> & Pick<FeedListeners, 'onWaiting'>,
): HttpClient {
  return createHttpClient({
    ...{ ...connection, source: name, ownHosts, backoff, retryAfter, statusInside },
    ...{ version, limits, timing, onWaiting },
  });
}
