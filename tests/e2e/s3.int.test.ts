import { request } from 'node:http';
import { describe, expect, inject, test } from 'vitest';
import { encodePart, signed } from '../../lib/support/aws-signature.ts';
import { openCase } from '../helpers/case.ts';

/**
 * Goal: apex reads buckets of a real server of S3. Method: objects are put into moto, or what `APEX_TEST_S3_URL` names, and the built
 * program ingests them; moto checks signatures by AWS's own library for Python when it is told to.
 */

const url = inject('s3')!;
const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret-of-the-tests', sessionToken: null };

type Keys = typeof KEYS;

/** One request, signed, with the path as it is. */
function ask(method: string, path: string, body = '', keys: Keys = KEYS): Promise<{ status: number; text: string }> {
  const { host, hostname, port } = new URL(url);
  const own = signed({ method: method as 'GET', host, path, headers: {} }, keys, {
    region: 'us-east-1',
    at: new Date(),
  });
  // A body is not signed here: who writes is not what is tested.
  const headers = { ...own, 'content-length': Buffer.byteLength(body), 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' };
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', reject).end(body);
  });
}

const pathOf = (bucket: string, key: string) => `/${bucket}/${key.split('/').map(encodePart).join('/')}`;

async function openBucket(objects: Record<string, string>) {
  const bucket = `apex-test-${Math.random().toString(36).slice(2)}`;
  expect((await ask('PUT', `/${bucket}`)).status).toBe(200);
  const put = async (key: string, text: string) =>
    expect((await ask('PUT', pathOf(bucket, key), text)).status, key).toBe(200);
  for (const [key, text] of Object.entries(objects)) await put(key, text);
  const environment = (keys: Keys) => ({
    ...{ AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey, AWS_SESSION_TOKEN: '' },
    ...{ AWS_ENDPOINT_URL: url, AWS_REGION: 'us-east-1' },
  });
  return {
    ...openCase({}, environment(KEYS)),
    at: (key: string) => `s3://${bucket}/${key}`,
    put,
    remove: (key: string) => ask('DELETE', pathOf(bucket, key)),
    environment,
    bucket,
  };
}

const STRANGE = ['in/a b.txt', 'in/up/../b.txt', 'in/ü 日本.txt', 'in/plus+&=?#.txt', 'in/a%20b.txt', "in/q'(1)*!.txt"];
const OBJECTS = Object.fromEntries(STRANGE.map((key, index) => [key, `Bay ${index} is free from noon.`]));

describe.skipIf(url === null)('buckets of a real server', () => {
  test('a prefix is ingested whatever its keys hold, a second run fetches nothing, and a sync follows what changes', async () => {
    const { at, run, put, remove } = await openBucket({
      ...OBJECTS,
      'in/folder/': '',
      'out/c.txt': 'Bay ten is closed.',
    });
    const first = await run('ingest', at('in/'));
    expect([first.exitCode, first.lines.at(-1)]).toMatchObject([0, { added: STRANGE.length }]);
    const listed = (await run('documents', 'list')).lines.map((line) => line['source_uri']).sort();
    expect(listed).toEqual(STRANGE.map(at).sort());
    expect((await run('ingest', at('in/'))).lines.at(-1)).toMatchObject({ unchanged: STRANGE.length, batches: 0 });
    await put('in/a b.txt', 'Bay nine is closed, and bay ten.');
    await put('in/new.txt', 'Bay eleven is free.');
    await remove('in/up/../b.txt');
    const synced = await run('ingest', '--sync', at('in/'));
    expect([synced.exitCode, synced.lines.at(-1)]).toMatchObject([
      0,
      { added: 1, updated: 1, deleted: 1, unchanged: 4 },
    ]);
    expect((await run('verify')).exitCode).toBe(0);
  });

  test('a prefix of more keys than a page has is listed whole', async () => {
    const keys = Array.from({ length: 1_100 }, (_, index) => `many/${index}.txt`);
    const { at, run } = await openBucket(Object.fromEntries(keys.map((key) => [key, `Bay of ${key}.`])));
    const { lines } = await run('ingest', '--dry-run', at('many/'));
    expect(lines.at(-1)).toMatchObject({ add: 1_100 });
  }, 180_000);

  test('a bucket and an object that are not there are told', async () => {
    const { at, run } = await openBucket({});
    const bucket = await run('ingest', 's3://apex-test-nowhere/in/');
    expect([bucket.exitCode, bucket.lines[0]]).toMatchObject([2, { code: 'NOT_FOUND' }]);
    const object = await run('ingest', at('nothing.txt'));
    expect([object.exitCode, object.lines[0]]).toMatchObject([3, { error: { code: 'NOT_FOUND' } }]);
  });

  test.skipIf((process.env['APEX_TEST_S3_URL'] ?? '') !== '')(
    'requests are signed as AWS checks it, whatever the key; wrong secrets and owners without rights are refused',
    async () => {
      const { at, bucket, runWith, environment } = await openBucket(OBJECTS);
      const reader = await makeUser(
        'reader',
        `{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":"*"}`,
      );
      const nobody = await makeUser('nobody', `{"Effect":"Allow","Action":["s3:PutObject"],"Resource":"*"}`);
      await ask('POST', '/moto-api/reset-auth', '0');
      try {
        const ingest = (keys: Keys, target = at('in/')) => runWith(environment(keys), 'ingest', target);
        const read = await ingest(reader);
        expect([read.exitCode, read.lines.at(-1)]).toMatchObject([0, { added: STRANGE.length }]);
        const wrong = await ingest({ ...reader, secretAccessKey: 'another' });
        expect([wrong.exitCode, wrong.lines[0]]).toMatchObject([78, { code: 'SOURCE_REFUSED' }]);
        expect(wrong.lines[0]!['message']).toContain('SignatureDoesNotMatch');
        const unknown = await ingest(KEYS);
        expect([unknown.exitCode, unknown.lines[0]!['message']]).toEqual([
          78,
          expect.stringContaining('InvalidAccessKeyId'),
        ]);
        const denied = await ingest(nobody, `s3://${bucket}/in/`);
        expect([denied.exitCode, denied.lines[0]!['message']]).toEqual([78, expect.stringContaining('AccessDenied')]);
      } finally {
        await ask('POST', '/moto-api/reset-auth', '1000000000');
      }
    },
  );
});

/** Makes a user with keys in moto. */
async function makeUser(name: string, statement: string): Promise<Keys> {
  const say = async (query: string) =>
    (await fetch(`${url}/?${query}`, { method: 'POST', headers: iamHeaders() })).text();
  const document = encodeURIComponent(`{"Version":"2012-10-17","Statement":[${statement}]}`);
  await say(`Action=CreateUser&UserName=${name}&Version=2010-05-08`);
  await say(`Action=PutUserPolicy&UserName=${name}&PolicyName=own&PolicyDocument=${document}&Version=2010-05-08`);
  const made = await say(`Action=CreateAccessKey&UserName=${name}&Version=2010-05-08`);
  const of = (element: string) => new RegExp(`<${element}>([^<]+)`).exec(made)?.[1] ?? '';
  return { accessKeyId: of('AccessKeyId'), secretAccessKey: of('SecretAccessKey'), sessionToken: null };
}

/** moto tells services apart by what a request is signed for. */
function iamHeaders(): Record<string, string> {
  return {
    authorization:
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261127/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0',
  };
}
