import type { SourceError } from '../contracts/errors.ts';
import type { Guard } from './guard.ts';
import type { RetryAfterRule } from './http-waits.ts';

/** Headers by the origin that they are sent to. */
export type OriginHeaders = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** Bounds of one download. */
export interface DownloadLimits {
  /** To connect. */
  readonly connectMs: number;
  /** Until the headers, and between two parts of the body. */
  readonly readMs: number;
  /** In all, where a request is timed: what is worked on while it comes may take longer. */
  readonly totalMs: number;
  /** Over each stretch of `readMs` that is spent waiting for the body; 0: however slow. */
  readonly minBytesPerSecond: number;
}

/** A server that the settings name: it is asked wherever it is, by whatever scheme its address has. */
export interface OwnServer {
  readonly origin: string;
  readonly retryAfter: RetryAfterRule;
  /** What an answer's status means, when it is none of success: its own, or of a server that it led to. */
  readonly refused: (url: URL, status: number, retryAfterMs: number | null) => SourceError;
}

/** How files are fetched from the web. */
export interface DownloadSettings {
  readonly guard: Guard;
  /** Whether `http:` addresses are fetched, too. */
  readonly isHttpAllowed: boolean;
  /** Credentials, each for its own server only. */
  readonly headers: OriginHeaders;
  readonly limits: DownloadLimits;
  /** Of apex, for the server's log. */
  readonly version: string;
  /** Where files are asked for, when all are asked for at one server; what it leads to is fetched as anything else. Absent: none. */
  readonly own?: OwnServer;
}

/** What is asked for. */
export interface DownloadRequest {
  readonly url: URL;
  /** What the answer may be compared with, so that an unchanged file is not sent again: `if-none-match`, `if-modified-since`. */
  readonly validators: Readonly<Record<string, string>>;
  /** More than so many bytes, as they are sent and as they are unpacked, are refused; null: however many. */
  readonly maxBytes: number | null;
  /** Whether the whole of it must come within `totalMs`. */
  readonly isTimed: boolean;
}

/** Until when a download may go on. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** @throws the user's signal's reason; SourceError APEX_SOURCE, retryable, when the time is over. */
  throwIfOver(): void;
}

/** An answer whose body may be read. */
export interface Download {
  /** Null when the file is unchanged: then there is no body. */
  readonly body: AsyncIterable<Uint8Array> | null;
  /** By name, in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  /** Ends the connection if the body was not read to its end. */
  end(): void;
}
