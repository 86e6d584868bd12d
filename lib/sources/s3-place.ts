/** Where an object lies, or with a key that ends with a slash, or none, where several do. */
export interface S3Place {
  readonly bucket: string;
  /** As S3 has it: any text, empty for the whole bucket. */
  readonly key: string;
}

/** Where the list of all buckets is asked for. */
export const NO_BUCKET: S3Place = { bucket: '', key: '' };

const PLACE = /^s3:\/\/([^/]+)(?:\/([\s\S]*))?$/i;

/** What stands for a control character, or for a percent sign that would else look as if it began such a stand-in. */
const STAND_IN = /%(0[0-9A-F]|1[0-9A-F]|7F|25)/g;

/** The place that a location names; null when it names none. */
export function placeAt(uri: string): S3Place | null {
  const [, bucket, rest = ''] = PLACE.exec(uri) ?? [];
  if (bucket === undefined) return null;
  const key = rest.replace(STAND_IN, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return { bucket, key };
}

/**
 * The location of a place: bucket and key as they are, so that different keys have different locations whatever they hold. Only control
 * characters are percent-encoded, and a percent sign before what would be read as one of them.
 */
export function uriOf({ bucket, key }: S3Place): string {
  const shown = key
    .replace(STAND_IN, '%25$1')
    .replace(/[\x00-\x1f\x7f]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
  return `s3://${bucket}/${shown}`;
}

/** Whether a place stands for all keys that begin so. */
export function isPrefix({ key }: S3Place): boolean {
  return key === '' || key.endsWith('/');
}
