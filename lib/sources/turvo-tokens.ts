import type { Json } from '../contracts/document.ts';
import { ConfigError, isApexError, SourceError } from '../contracts/errors.ts';
import type { AskBare, Credentials } from '../support/http-settings.ts';
import type { Timing } from '../support/http-waits.ts';
import { bearerOf, fixedCredentials, headerValue, requiredValue } from './feed-options.ts';
import { own } from './feed-records.ts';
import type { FeedValues } from './feed-spec.ts';

/** A token is replaced so long before it ends, so that no request is under way when it does. */
const EARLY_MS = 60_000;

/** The settings that get a token. */
const TOKEN_VARIABLES = [
  'TURVO_API_KEY',
  'TURVO_CLIENT_ID',
  'TURVO_CLIENT_SECRET',
  'TURVO_USERNAME',
  'TURVO_PASSWORD',
] as const;

/**
 * A token that is given, or one that is asked for with the client, the user and the key, and again when it has ended or is refused.
 *
 * @throws ConfigError naming what is missing.
 */
export function readTurvoCredentials(
  values: FeedValues,
  timing: Timing,
): { credentials: Credentials; variables: readonly string[] } {
  if (values('TURVO_API_TOKEN').trim() !== '') {
    const key = values('TURVO_API_KEY').trim() === '' ? {} : { 'x-api-key': headerValue(values, 'TURVO_API_KEY') };
    const credentials = fixedCredentials({ authorization: bearerOf(values, 'TURVO_API_TOKEN'), ...key });
    return { credentials, variables: ['TURVO_API_TOKEN'] };
  }
  const missing = TOKEN_VARIABLES.filter((name) => values(name).trim() === '');
  if (missing.length > 0) {
    throw new ConfigError(`TURVO_API_TOKEN is not set, and to ask for a token ${missing.join(', ')} would be needed.`, {
      code: 'APEX_CONFIG',
    });
  }
  return { credentials: createTokens(clientOf(values), timing), variables: TOKEN_VARIABLES };
}

interface TokenClient {
  readonly apiKey: string;
  /** What the token request holds, besides its body. */
  readonly query: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, string>>;
}

function clientOf(values: FeedValues): TokenClient {
  const client = {
    client_id: requiredValue(values, 'TURVO_CLIENT_ID'),
    client_secret: requiredValue(values, 'TURVO_CLIENT_SECRET'),
  };
  const body = {
    grant_type: 'password',
    username: requiredValue(values, 'TURVO_USERNAME'),
    password: requiredValue(values, 'TURVO_PASSWORD'),
    scope: 'read+trust+write',
    type: 'business',
  };
  const apiKey = headerValue(values, 'TURVO_API_KEY');
  const place = values('TURVO_CLIENT_ID_IN').trim();
  if (place === 'query') return { apiKey, query: client, body };
  if (place === 'body') return { apiKey, query: {}, body: { ...client, ...body } };
  throw new ConfigError('TURVO_CLIENT_ID_IN is neither query nor body.', { code: 'APEX_CONFIG' });
}

interface Token {
  readonly value: string;
  /** Unix time in milliseconds; infinite when the answer does not tell. */
  readonly endsAt: number;
}

function createTokens(client: TokenClient, timing: Timing): Credentials {
  let current: Token | null = null;
  let pending: Promise<Token> | null = null;
  // However many find it missing, one asks.
  const fetchToken = (ask: AskBare, signal: AbortSignal): Promise<Token> => {
    pending ??= requestToken(client, timing, ask, signal)
      .then((token) => {
        current = token;
        return token;
      })
      .finally(() => {
        pending = null;
      });
    return pending;
  };
  const headersOf = ({ value }: Token) => ({ authorization: `Bearer ${value}`, 'x-api-key': client.apiKey });
  return {
    headers: async (ask, signal) => {
      const isGood = current !== null && timing.now() < current.endsAt - EARLY_MS;
      return headersOf(current !== null && isGood ? current : await fetchToken(ask, signal));
    },
    renew: async (refused, ask, signal) => {
      const isReplaced = current !== null && headersOf(current).authorization !== refused['authorization'];
      if (!isReplaced) await fetchToken(ask, signal);
      return true;
    },
  };
}

async function requestToken(client: TokenClient, timing: Timing, ask: AskBare, signal: AbortSignal): Promise<Token> {
  const headers = { 'x-api-key': client.apiKey };
  const request = { target: '/oauth/token', query: client.query, body: client.body, headers };
  const answer = await ask(request, signal).catch((error: unknown) => {
    throw isApexError(error) && error.details['status'] === 400 ? refused() : error;
  });
  const value = own(answer, 'access_token');
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
    throw new SourceError('turvo: the answer to the token request has no token', {
      code: 'SOURCE_ANSWER',
      details: { source: 'turvo' },
    });
  }
  return { value, endsAt: timing.now() + lifeMs(own(answer, 'expires_in')) };
}

/** Servers of tokens say 400 of a wrong password. Source: RFC 6749, section 5.2. */
function refused(): SourceError {
  return new SourceError(`turvo: the token request was refused (400). Check ${TOKEN_VARIABLES.join(', ')}.`, {
    code: 'SOURCE_REFUSED',
    details: { source: 'turvo', status: 400 },
  });
}

/** A life that leaves no time to use the token is taken for a mistake: it is used until it is refused. */
function lifeMs(seconds: Json | undefined): number {
  const ms = Number(seconds ?? Number.NaN) * 1_000;
  return ms > EARLY_MS ? ms : Number.POSITIVE_INFINITY;
}
