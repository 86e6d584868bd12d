import { type Check, type Finding, ok, warning } from '../contracts/check.ts';
import { isApexError } from '../contracts/errors.ts';
import type { Download } from '../support/download-settings.ts';
import { createS3Client, type S3ClientSettings } from './s3-client.ts';
import { NO_BUCKET } from './s3-place.ts';

/** An endpoint that answers slowly is asked again by whoever wonders. */
const LIMIT_MS = 15_000;

/**
 * Whether buckets can be asked for: keys are found, and the endpoint answers and knows them. It is asked for the list of buckets, once,
 * which costs nothing worth telling; keys that may not have it are good all the same.
 *
 * @param settingsOf @throws ConfigError naming the setting that is missing or malformed.
 */
export function bucketCheck(settingsOf: () => Promise<S3ClientSettings>): Check {
  return { name: 's3', limitMs: LIMIT_MS, run: async (signal) => askForBuckets(await settingsOf(), signal) };
}

async function askForBuckets(settings: S3ClientSettings, signal: AbortSignal): Promise<Finding> {
  const { endpoint, keysFrom } = settings;
  const client = createS3Client(settings);
  try {
    const answer = await client.ask({ place: NO_BUCKET, maxBytes: null, isTimed: true }, signal);
    if (await isBucketList(answer)) return ok(`${endpoint.host} answers, and takes the keys of ${keysFrom}`);
    return warning(`${endpoint.host} answers, but not as S3 does`, 'Check AWS_ENDPOINT_URL.');
  } catch (error) {
    if (!isApexError(error)) throw error;
    const { s3Code } = error.details;
    if (s3Code === 'AccessDenied')
      return ok(`${endpoint.host} answers, and knows the keys of ${keysFrom}, which may not list buckets`);
    if (!isNoListGiven(error.code, s3Code)) throw error;
    return warning(
      `${endpoint.host} answers, but does not list buckets: whether it takes the keys is not known`,
      'To be sure, with a bucket of yours: apex ingest --dry-run s3://bucket/',
    );
  } finally {
    await client.close();
  }
}

/** Some servers that speak as S3 does know buckets only by name. */
function isNoListGiven(code: string, s3Code: unknown): boolean {
  return code === 'NOT_FOUND' || code === 'SOURCE_REQUEST' || s3Code === 'NotImplemented';
}

/** Of a list of many buckets its beginning is enough. */
const HEAD_CHARACTERS = 1_024;

async function isBucketList({ body, end }: Download): Promise<boolean> {
  let head = '';
  for await (const part of body!) {
    head += Buffer.from(part).toString('latin1');
    if (head.length >= HEAD_CHARACTERS) break;
  }
  end();
  return head.slice(0, HEAD_CHARACTERS).includes('<ListAllMyBucketsResult');
}
