/** What tells the bytes of an object from others. */
export interface S3Version {
  /** As `etagOf` gives it. Equal ones are of equal bytes; equal bytes may have several. */
  readonly etag: string | null;
  readonly bytes: number | null;
  /** Of a bucket that keeps versions, where it was told: a listing does not. */
  readonly versionId: string | null;
}

/** As it is kept; null when nothing tells the bytes from others. */
export function versionText({ etag, bytes, versionId }: S3Version): string | null {
  return etag === null ? null : JSON.stringify({ etag, bytes, ...(versionId !== null && { versionId }) });
}

/** Reads what `versionText` gave; what is kept in a store may be damaged, or of another source: then nothing is known. */
export function readVersion(text: string | null | undefined): S3Version {
  const { etag, bytes, versionId } = membersOf(text ?? '{}');
  return {
    etag: typeof etag === 'string' && etag !== '' ? etag : null,
    bytes: typeof bytes === 'number' ? bytes : null,
    versionId: typeof versionId === 'string' ? versionId : null,
  };
}

function membersOf(text: string): { readonly etag?: unknown; readonly bytes?: unknown; readonly versionId?: unknown } {
  try {
    return Object(JSON.parse(text)) as object;
  } catch {
    return {};
  }
}

/** An ETag as it is compared and asked with: in quotes, which some servers leave out in their listings; null where there is none. */
export function etagOf(text: string | undefined): string | null {
  const mark = (text ?? '').replace(/^W\//, '').replace(/^"(.*)"$/, '$1');
  return mark === '' ? null : `"${mark}"`;
}

/** The version of the bytes that an answer holds. */
export function versionIn(headers: Readonly<Record<string, string>>): S3Version {
  const length = headers['content-length'] ?? '';
  return {
    etag: etagOf(headers['etag']),
    bytes: /^\d{1,15}$/.test(length) ? Number(length) : null,
    versionId: headers['x-amz-version-id'] ?? null,
  };
}
