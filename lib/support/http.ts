import { attempt, type Context, type Outcome, openContext } from './http-attempt.ts';
import type { AskBare, HttpAnswer, HttpRequest, HttpSettings } from './http-settings.ts';
import { backoffMs, MIN_WAIT_MS } from './http-waits.ts';

/** The client of one source. Errors: SourceError of the codes of `http-failures.ts`; the signal's reason when that is aborted. */
export interface HttpClient {
  get(request: Omit<HttpRequest, 'body'>, signal: AbortSignal): Promise<HttpAnswer>;
  /** Ends its connections. */
  close(): Promise<void>;
}

/** Attempts after the first. */
const MAX_RETRIES = 5;
/** A server that asks for more gets no further attempt: who runs apex decides. */
const MAX_ASKED_MS = 15 * 60_000;

/** A client that keeps to its source's limits, tries again what may go well later, and sends credentials to the source's hosts only. */
export function createHttpClient(settings: HttpSettings): HttpClient {
  const context = openContext(settings);
  const askBare: AskBare = async (request, signal) =>
    (await persist(context, signal, () => attempt(context, request, request.headers, signal))).value;
  const renewals: Renewals = { isForbiddenForGood: false };
  return {
    get: (request, signal) => persist(context, signal, asKnown(context, request, { askBare, renewals, signal })),
    close: () => context.close(),
  };
}

/** What a client has learned of renewing credentials. */
interface Renewals {
  /** New ones did not help against 403, which may also mean that this may not be read: no more are asked for because of it. */
  isForbiddenForGood: boolean;
}

interface Asking {
  readonly askBare: AskBare;
  readonly renewals: Renewals;
  readonly signal: AbortSignal;
}

/** An attempt with credentials; where they are refused, once in all attempts of a request, another with new ones. */
function asKnown(
  context: Context,
  request: HttpRequest,
  { askBare, renewals, signal }: Asking,
): () => Promise<Outcome> {
  const { credentials } = context.settings;
  let isRenewed = false;
  return async () => {
    const headers = await credentials.headers(askBare, signal);
    const outcome = await attempt(context, request, headers, signal);
    const status = statusOf(outcome);
    if (isRenewed || !(status === 401 || (status === 403 && !renewals.isForbiddenForGood))) return outcome;
    isRenewed = true;
    if (!(await credentials.renew(headers, askBare, signal))) return outcome;
    const again = await attempt(context, request, await credentials.headers(askBare, signal), signal);
    renewals.isForbiddenForGood ||= statusOf(again) === 403;
    return again;
  };
}

/** Of a failure; null: there is none, or no answer. */
function statusOf(outcome: Outcome): number | null {
  return 'failure' in outcome ? outcome.failure.status : null;
}

/** Attempts until one goes well, cannot go well, or was the last. */
async function persist(context: Context, signal: AbortSignal, once: () => Promise<Outcome>): Promise<HttpAnswer> {
  const { timing, backoff, onWaiting } = context.settings;
  for (let retry = 0; ; retry += 1) {
    const outcome = await once();
    if (!('failure' in outcome)) return outcome;
    const { error, status, askedMs } = outcome.failure;
    if (!error.retryable || retry === MAX_RETRIES || (askedMs ?? 0) > MAX_ASKED_MS) throw error;
    const ms = askedMs === null ? backoffMs(backoff, retry, timing.random()) : Math.max(MIN_WAIT_MS, askedMs);
    // Everybody waits: what one request was refused, the next would be, too.
    if (status === 429) context.pace.hold(timing.now() + ms);
    onWaiting({ reason: status === 429 ? 'limited' : 'failed', ms });
    await timing.sleep(ms, signal);
  }
}
