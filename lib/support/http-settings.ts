import type { Json } from '../contracts/document.ts';
import type { Waiting } from '../contracts/feed-source.ts';
import type { Backoff, Pace, Rate, RetryAfterRule, Timing } from './http-waits.ts';

/** Names and values of a query; of several values each is a member of its own. */
export type Query = Readonly<Record<string, string | readonly string[]>>;

/** What is asked for. */
export interface HttpRequest {
  /** A path under the base address, with its slash; or an absolute address, which must be of a host of the source's own. */
  readonly target: string;
  readonly query?: Query;
  /** Sent as JSON by POST; without it the request is a GET. */
  readonly body?: { readonly [name: string]: Json };
  /** A limit of this kind of request besides the source's. */
  readonly pace?: Pace;
}

/** An answer of 200 to 299 that is JSON. */
export interface HttpAnswer {
  readonly value: Json;
  /** Redirects that were followed, in order; empty when there were none. */
  readonly hops: readonly { readonly status: number; readonly from: string; readonly to: string }[];
}

/** Sends a request without credentials of its own, in the client's manners: how credentials are got. */
export type AskBare = (
  request: HttpRequest & { readonly headers: Readonly<Record<string, string>> },
  signal: AbortSignal,
) => Promise<Json>;

/** Who asks. */
export interface Credentials {
  /** Headers for the next request. */
  headers(ask: AskBare, signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** After `refused` were refused: true when there are others now. One at a time, however many ask. */
  renew(refused: Readonly<Record<string, string>>, ask: AskBare, signal: AbortSignal): Promise<boolean>;
}

/** Bounds of one answer. */
export interface AnswerLimits {
  /** To connect. */
  readonly connectMs: number;
  /** Until the headers, and between two parts of a body. */
  readonly readMs: number;
  /** In all, so that a server that drips does not hold a run for ever. */
  readonly answerMs: number;
  readonly maxBytes: number;
}

/** The bounds when nobody says others. */
export const ANSWER_LIMITS: AnswerLimits = {
  connectMs: 30_000,
  readMs: 30_000,
  answerMs: 300_000,
  maxBytes: 64 * 1024 * 1024,
};

export interface HttpSettings {
  /** The source's name, for messages. */
  readonly source: string;
  /** With or without a path and a slash at its end. */
  readonly baseUrl: string;
  /** Sent with every request; no secrets. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of apex, for the server's log. */
  readonly version: string;
  readonly credentials: Credentials;
  /** The settings that hold the credentials: named when they are refused. */
  readonly variables: readonly string[];
  /** Hosts besides that of the base address that get the credentials, over https only. */
  readonly ownHosts: RegExp | null;
  readonly rate: Rate;
  readonly backoff: Backoff;
  readonly retryAfter: RetryAfterRule;
  /** The status that an answer of 200 holds, of a source that fails so; null: it is what it says. */
  readonly statusInside: ((value: Json) => number | null) | null;
  readonly limits: AnswerLimits;
  readonly timing: Timing;
  /** Hears before every wait for a server, and before those for the source's own limit from `TOLD_PACE_MS`. */
  readonly onWaiting: (waiting: Waiting) => void;
}
