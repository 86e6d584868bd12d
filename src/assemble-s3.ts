import { ConfigError } from '../lib/contracts/errors.ts';
import type { AwsProfile, AwsProfilePlaces } from '../lib/settings/aws-profile.ts';
import { loadAwsProfile } from '../lib/settings/index.ts';
import { SOURCES } from '../lib/sources/index.ts';
import type { S3Settings, S3Source } from '../lib/sources/s3.ts';
import type { S3ClientSettings } from '../lib/sources/s3-client.ts';
import type { AwsKeys } from '../lib/support/aws-signature.ts';
import type { DownloadLimits } from '../lib/support/download-settings.ts';
import type { Guard } from '../lib/support/guard.ts';
import { REAL_TIMING } from '../lib/support/http-waits.ts';
import type { Settings } from './config/settings.ts';

interface BucketOptions {
  readonly settings: Settings;
  /** Of apex. */
  readonly version: string;
  readonly limits: DownloadLimits;
  /** The guard of the settings, which lets these hosts through, too. */
  readonly guardOf: (ownHosts: string) => Guard;
}

const FIRST_REGION = 'us-east-1';

/** The source of buckets, made when it is first asked for: what is wrong with its settings is no other command's concern. */
export async function openBuckets(options: BucketOptions & Pick<S3Settings, 'maxBytes' | 'onWaiting'>) {
  const { createS3Source } = await SOURCES.s3();
  const { readAwsProfile } = await loadAwsProfile();
  const own = { maxBytes: options.maxBytes, onWaiting: options.onWaiting, timing: REAL_TIMING };
  let source: S3Source | null = null;
  return {
    source: () => {
      source ??= createS3Source({ ...clientSettings(options, readAwsProfile), ...own });
      return source;
    },
    close: async () => await source?.close(),
  };
}

/** What the settings say of how buckets are asked. @throws ConfigError naming the setting that is missing or malformed. */
export async function bucketSettings(options: BucketOptions): Promise<S3ClientSettings> {
  return clientSettings(options, (await loadAwsProfile()).readAwsProfile);
}

function clientSettings(
  { settings, version, limits, guardOf }: BucketOptions,
  readAwsProfile: (places: AwsProfilePlaces) => AwsProfile,
): S3ClientSettings {
  const { awsProfile: profile, awsCredentialsFile: credentialsFile, awsConfigFile: configFile } = settings;
  const read = readAwsProfile({ profile, credentialsFile, configFile });
  const { ownHosts, ...place } = placeOf(settings, read);
  return { ...keysOf(settings, read), ...place, guard: guardOf(ownHosts), limits, version };
}

/** Whether the settings name keys, a file of them or a server of buckets: a region and a profile are also set for other things. */
export function namesBuckets(settings: Settings): boolean {
  const { awsAccessKeyId, awsSecretAccessKey, awsCredentialsFile, awsConfigFile } = settings;
  const { awsEndpoint, awsS3Endpoint } = settings;
  const named = [awsAccessKeyId, awsSecretAccessKey, awsCredentialsFile, awsConfigFile];
  return [...named, awsEndpoint, awsS3Endpoint].some(isSaid);
}

/** Where buckets are asked for. An endpoint that is named is the operator's own: it may be private, and need not be encrypted. */
function placeOf(settings: Settings, { values }: AwsProfile) {
  const { awsS3Endpoint, awsEndpoint, awsRegion, awsDefaultRegion, s3Addressing } = settings;
  const named = [awsS3Endpoint, awsEndpoint, values.get('s3.endpoint_url'), values.get('endpoint_url')];
  const region = [awsRegion, awsDefaultRegion, values.get('region'), FIRST_REGION].find(isSaid)!;
  if (!/^[a-z\d-]{1,40}$/i.test(region))
    throw refusal(`${JSON.stringify(region)} is no region: set AWS_REGION to one such as eu-central-1`);
  const own = named.find(isSaid);
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const address = own ?? `https://s3.${region}.${domain}`;
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
    throw refusal('the endpoint_url of the profile is no http:// or https:// address');
  const endpoint = new URL(address);
  const style = s3Addressing === 'auto' ? (values.get('s3.addressing_style') ?? 'auto') : s3Addressing;
  const ownHosts = own === undefined ? '' : `${endpoint.hostname} .${endpoint.hostname.replace(/^\[.*/, '')}`;
  return { endpoint, region, ownHosts, isPathStyle: style === 'auto' ? own !== undefined : style === 'path' };
}

/** Ways to keys that a profile may name and that are not gone here. */
const OTHER_WAYS =
  /^(?:sso_session|sso_start_url|role_arn|credential_process|credential_source|web_identity_token_file|login_session)$/;

const EXPORT = '`aws configure export-credentials --format env` prints keys to set in their place';

/** The variables count before the profile, as with the tools of AWS. */
function keysOf(settings: Settings, { title, values }: AwsProfile): { keys: AwsKeys; keysFrom: string } {
  const { awsAccessKeyId, awsSecretAccessKey, awsSessionToken } = settings;
  if (awsAccessKeyId !== '' || awsSecretAccessKey !== '') {
    const missing =
      awsAccessKeyId === '' ? 'AWS_ACCESS_KEY_ID' : awsSecretAccessKey === '' ? 'AWS_SECRET_ACCESS_KEY' : null;
    if (missing !== null) throw refusal(`s3:// locations need ${missing} beside its other half: set both, or neither`);
    const keys = { accessKeyId: awsAccessKeyId, secretAccessKey: awsSecretAccessKey };
    const keysFrom = 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY';
    return { keys: { ...keys, sessionToken: awsSessionToken === '' ? null : awsSessionToken }, keysFrom };
  }
  const accessKeyId = values.get('aws_access_key_id');
  const secretAccessKey = values.get('aws_secret_access_key');
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    const sessionToken = values.get('aws_session_token') ?? null;
    return { keys: { accessKeyId, secretAccessKey, sessionToken }, keysFrom: title };
  }
  const other = [...values.keys()].find((name) => OTHER_WAYS.test(name));
  if (other !== undefined) throw refusal(`${title} gets its keys by ${other}, which apex does not do: ${EXPORT}`);
  const problem = 's3:// locations need keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or put them into';
  throw refusal(`${problem} ${title}`);
}

function isSaid(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

function refusal(problem: string): ConfigError {
  return new ConfigError(problem, { code: 'APEX_CONFIG' });
}
