import { UsageError } from '../../lib/contracts/errors.ts';
import { sha256 } from '../../lib/contracts/identity.ts';
import { SECRET_NAME } from './redact.ts';

/** What the targets of a command stand for. */
export interface Locations {
  /** As they are kept and shown: no target holds a secret. */
  readonly targets: readonly string[];
  /** The source of all of them, or `EACH` where they have several. */
  readonly source: string;
  /** Whole addresses by target, where the target is not all of it. Never kept. */
  readonly addresses: ReadonlyMap<string, string>;
}

/** Stands for the source of targets that have several: each target tells its own. */
export const EACH = '';

/** The source that reads a target when nobody names one. */
export function sourceOfTarget(target: string): string {
  if (/^https?:\/\//i.test(target)) return 'https';
  return /^s3:\/\//i.test(target) ? 's3' : 'local_upload';
}

/** Targets of one source after the other, in the order in which each source comes first. */
export function targetsBySource(source: string, targets: readonly string[]): Map<string, string[]> {
  return source === EACH ? Map.groupBy(targets, sourceOfTarget) : new Map([[source, [...targets]]]);
}

/**
 * Reads the targets of a command line: addresses become what they are known by, paths absolute.
 *
 * @param source of all of them; null: what each looks like.
 * @param resolve makes a path absolute.
 * @throws UsageError for an address that is none, is of an unknown kind, or has a user in it.
 */
export function readLocations(
  targets: readonly string[],
  { source, resolve }: { readonly source: string | null; readonly resolve: (path: string) => string },
): Locations {
  const addresses = new Map<string, string>();
  const read = targets.map((target) => {
    if (source === null) assertKnownKind(target);
    const own = source ?? sourceOfTarget(target);
    if (own === 's3') return { source: own, target: bucketLocation(target) };
    if (own === 'frontapp') return { source: own, target: frontIdOf(target) };
    if (own !== 'https') return { source: own, target: target === '-' ? target : resolve(target) };
    const url = addressOf(target);
    const known = knownAddress(url);
    if (known !== url.href) addresses.set(known, url.href);
    return { source: own, target: known };
  });
  const sources = new Set(read.map((entry) => entry.source));
  return { targets: read.map(({ target }) => target), source: sources.size > 1 ? EACH : [...sources][0]!, addresses };
}

/** How ids of Front begin that name files, or what files came in. */
const FRONT_ID = /^(?:fil|att|msg|com|cnv)_[A-Za-z0-9]{1,60}$/;

/** Is it the id of a file, a message, a comment or a conversation in Front? */
export function isFrontId(target: string): boolean {
  return FRONT_ID.test(target);
}

function frontIdOf(target: string): string {
  if (isFrontId(target)) return target;
  const problem = `${target} is no id that frontapp knows files by: give those of files (fil_…), messages (msg_…), comments (com_…) or conversations (cnv_…)`;
  throw new UsageError(problem, { code: 'APEX_USAGE' });
}

function assertKnownKind(target: string): void {
  const kind = /^([a-z][a-z\d+.-]*):\/\//i.exec(target)?.[1]?.toLowerCase();
  if (kind === undefined || kind === 'http' || kind === 'https' || kind === 's3') return;
  const what = kind === 'file' ? 'give the path itself' : 'give a path, an https:// or an s3:// address';
  throw new UsageError(`${kind}:// addresses are not read: ${what}`, { code: 'APEX_USAGE' });
}

/** What may be the name of a bucket, also of old ones and of other servers than those of AWS: nothing else gets into an address. */
const BUCKET = /^[a-z\d][a-z\d._-]{0,254}$/i;

/** A bucket with a key or a prefix, which are taken as they stand there. @throws UsageError when no bucket is named. */
function bucketLocation(target: string): string {
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]*)(?:\/([\s\S]*))?$/i.exec(target) ?? [];
  if (BUCKET.test(bucket)) return `s3://${bucket}/${key}`;
  const what = /^s3:/i.test(target) ? 'names no bucket' : 'is no address of S3';
  throw new UsageError(`${target} ${what}: write s3://bucket/key, or s3://bucket/prefix/ for all keys that begin so`, {
    code: 'APEX_USAGE',
  });
}

function addressOf(target: string): URL {
  // What stands in an address that cannot be read may be a secret.
  if (!URL.canParse(target))
    throw new UsageError('one of the targets is no address that can be read: check its host and port', {
      code: 'APEX_USAGE',
    });
  const url = new URL(target);
  if (url.username !== '' || url.password !== '') {
    const problem = `the address of ${url.host} has a user in it: leave it out, and give credentials by --header-file`;
    throw new UsageError(problem, { code: 'APEX_USAGE' });
  }
  if (!/^https?:$/.test(url.protocol))
    throw new UsageError(`${url.protocol} addresses are not read: give an https:// address`, { code: 'APEX_USAGE' });
  url.hash = '';
  return url;
}

/** Parameters that sign an address for some time: another signature makes it no other file. */
const SIGNATURES: readonly { readonly when: RegExp; readonly names: RegExp }[] = [
  { when: /^x-(?:amz|goog)-signature$/i, names: /^x-(?:amz|goog)-/i },
  // CloudFront, and the older ones of S3 and Google.
  {
    when: /^(?:key-pair-id|awsaccesskeyid|googleaccessid)$/i,
    names: /^(?:key-pair-id|awsaccesskeyid|googleaccessid|expires|signature|policy)$/i,
  },
  // Azure.
  { when: /^sig$/i, names: /^(?:sig|sv|ss|srt|sp|st|se|sr|spr|sip|skoid|sktid|skt|ske|sks|skv|sdd)$/i },
];

const STAND_IN_DIGITS = 16;

/**
 * What an address is known by: without fragment and without a signature, and with a stand-in for each other value that may be a
 * secret, which is the same for the same value and tells nothing of it.
 */
function knownAddress(url: URL): string {
  const members = url.search
    .slice(1)
    .split('&')
    .filter((member) => member !== '');
  const nameOf = (member: string) => member.split('=', 1)[0]!;
  const signed = SIGNATURES.filter(({ when }) => members.some((member) => when.test(nameOf(member))));
  const known = members
    .filter((member) => !signed.some(({ names }) => names.test(nameOf(member))))
    .map((member) => {
      const name = nameOf(member);
      const value = member.slice(name.length + 1);
      if (value === '' || !SECRET_NAME.test(name)) return member;
      return `${name}=sha256-${sha256(value).slice(0, STAND_IN_DIGITS)}`;
    });
  const whole = new URL(url);
  whole.search = known.join('&');
  return whole.href;
}
