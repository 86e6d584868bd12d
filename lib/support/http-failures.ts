import type { ErrorCode } from '../contracts/error-codes.ts';
import { type ErrorDetails, SourceError } from '../contracts/errors.ts';

/** A failed attempt: the error that ends it all when no other is made, and whether another could go well. */
export interface Failure {
  readonly error: SourceError;
  /** Of the answer, or that an answer of 200 holds; null: there was none. */
  readonly status: number | null;
  /** The wait that the server asks for, or null. */
  readonly askedMs: number | null;
}

/** What is told of who was asked. */
export interface Asked {
  /** The source's name. */
  readonly source: string;
  /** Host and path: neither user nor query, which may hold secrets. */
  readonly place: string;
  /** The settings that hold the credentials. */
  readonly variables: readonly string[];
}

/** An address for people: without the user, the query and the fragment, where secrets may stand. */
export function placeOf(url: URL): string {
  return `${url.host}${url.pathname}`;
}

/** What an answer's status means when it is none of success. */
export function statusFailure(asked: Asked, status: number, details: ErrorDetails, askedMs: number | null): Failure {
  const { source, place, variables } = asked;
  const failed = (code: ErrorCode, message: string, retryable = false): Failure => {
    const all = { source, status, ...(askedMs === null ? {} : { retryAfterMs: askedMs }), ...details };
    return { error: new SourceError(`${source}: ${message}`, { code, retryable, details: all }), status, askedMs };
  };
  const settings = variables.join(', ');
  switch (status) {
    case 401:
      return failed('SOURCE_REFUSED', `${place} refused the credentials (401). Check ${settings}.`);
    case 403:
      return failed('SOURCE_REFUSED', `${place} may not be read with these credentials (403). Check ${settings}.`);
    case 404:
    case 410:
      return failed('NOT_FOUND', `there is no ${place} (${status})`);
    case 429:
      return failed('RATE_LIMITED', `${place} asks to slow down (429)`, true);
    case 408:
      return failed('APEX_SOURCE', `${place} did not answer in time (408)`, true);
  }
  if (status >= 500) return failed('APEX_SOURCE', `${place} failed (${status})`, true);
  if (status >= 400) return failed('SOURCE_REQUEST', `${place} did not accept the request (${status})`);
  return failed('SOURCE_ANSWER', `${place} answered ${status}, which is not understood`);
}

/** No answer, or one that broke off. */
export function networkFailure({ source, place }: Asked, cause: unknown): Failure {
  const { name, code } = cause as { name?: unknown; code?: unknown };
  const reason = String(typeof code === 'string' ? code : (name ?? ''));
  const error = new SourceError(`${source}: no whole answer from ${place}${reason === '' ? '' : ` (${reason})`}`, {
    code: 'APEX_SOURCE',
    retryable: true,
    details: { source },
    cause,
  });
  return { error, status: null, askedMs: null };
}

/** An answer that is not what it should be. @param isCut it broke off, and may be whole another time. */
export function answerFailure({ source, place }: Asked, what: string, isCut = false): Failure {
  const error = new SourceError(`${source}: ${place} ${what}`, {
    code: 'SOURCE_ANSWER',
    retryable: isCut,
    details: { source },
  });
  return { error, status: null, askedMs: null };
}

/** A link or a redirect to a host that is not the source's own. Nothing was sent there. */
export function foreignLink(source: string, url: URL): SourceError {
  return new SourceError(
    `${source}: an answer leads to ${url.protocol}//${url.host}, which is not a host of ${source}`,
    {
      code: 'FOREIGN_LINK',
      details: { source, host: url.host },
    },
  );
}
