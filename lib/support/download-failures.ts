import type { ErrorCode } from '../contracts/error-codes.ts';
import { isApexError, SourceError } from '../contracts/errors.ts';
import { placeOf } from './http-failures.ts';

/** What an answer's status means for the file that was asked for, when it is none of success. */
export function refusedDownload(url: URL, status: number, retryAfterMs: number | null): SourceError {
  const credentials = 'give the headers it wants by --header-file, or the whole address anew if it was a signed one';
  switch (status) {
    case 401:
      return downloadError('SOURCE_REFUSED', url, `asks for credentials (401): ${credentials}`);
    case 403:
      return downloadError('SOURCE_REFUSED', url, `may not be read (403): ${credentials}`);
    case 404:
    case 410:
      return downloadError('NOT_FOUND', url, `is not there (${status})`);
    case 408:
    case 429: {
      const what = status === 429 ? 'asks to slow down' : 'did not answer in time';
      return downloadError('APEX_SOURCE', url, `${what} (${status})`, { isRetryable: true, retryAfterMs });
    }
  }
  if (status >= 500)
    return downloadError('APEX_SOURCE', url, `failed (${status})`, { isRetryable: true, retryAfterMs });
  if (status >= 400) return downloadError('SOURCE_REQUEST', url, `did not accept the request (${status})`);
  return downloadError('SOURCE_ANSWER', url, `answered ${status}, which is no answer with a file`);
}

/** No answer, or one that broke off. An error of apex's own stays as it is. */
export function brokenDownload(url: URL, error: unknown): SourceError {
  const known = ownError(error);
  if (known !== null) return known;
  const code = codeOf(error);
  if (isCertificateCode(code)) {
    return downloadError('TLS_REFUSED', url, `has a certificate that cannot be trusted (${code})`, { cause: error });
  }
  if (/^(?:EPROTO|ERR_SSL_|ERR_TLS_)/.test(code)) {
    return downloadError('TLS_REFUSED', url, `does not speak TLS as it should (${code})`, { cause: error });
  }
  const what = BROKEN[code] ?? `gave no whole answer (${code})`;
  return downloadError('APEX_SOURCE', url, what, { isRetryable: true, cause: error });
}

const BROKEN: { readonly [code: string]: string } = {
  ENOTFOUND: 'cannot be reached: no such host is known (ENOTFOUND)',
  EAI_AGAIN: 'cannot be reached: the name server does not answer (EAI_AGAIN)',
  ECONNREFUSED: 'cannot be reached: nothing listens there (ECONNREFUSED)',
  UND_ERR_CONNECT_TIMEOUT: 'cannot be reached in time',
  UND_ERR_HEADERS_TIMEOUT: 'did not answer in time',
  UND_ERR_BODY_TIMEOUT: 'stopped sending before the end',
};

/** A file that cannot be used, for people: the place without user, query and fragment, then the problem. */
export function downloadError(
  code: ErrorCode,
  url: URL,
  problem: string,
  {
    isRetryable = false,
    retryAfterMs = null,
    cause,
  }: {
    readonly isRetryable?: boolean;
    readonly retryAfterMs?: number | null;
    readonly cause?: unknown;
  } = {},
): SourceError {
  const details = { host: url.host, ...(retryAfterMs === null ? {} : { retryAfterMs }) };
  return new SourceError(`${placeOf(url)} ${problem}`, { code, retryable: isRetryable, details, cause });
}

/** The guard's refusal may come wrapped: of several addresses, each has failed. */
function ownError(error: unknown): SourceError | null {
  for (let found: unknown = error; found instanceof Error; found = found.cause)
    if (isApexError(found)) return found as SourceError;
  return null;
}

function codeOf(error: unknown): string {
  const { code, name, cause } = error as { code?: unknown; name?: unknown; cause?: { code?: unknown } };
  if (typeof cause?.code === 'string') return cause.code;
  return typeof code === 'string' ? code : String(name);
}

/** Source: https://nodejs.org/api/tls.html, "X509 certificate error codes". */
function isCertificateCode(code: string): boolean {
  return (
    /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|CRL_)/.test(code) ||
    code === 'ERR_TLS_CERT_ALTNAME_INVALID'
  );
}
