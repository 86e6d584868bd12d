import { expect, test } from 'vitest';
import { encodePart, signed } from '../../../lib/support/aws-signature.ts';

/** The examples of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
const KEYS = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  sessionToken: null,
};
const SCOPE = { region: 'us-east-1', at: new Date('2013-05-24T00:00:00Z') };
const host = 'examplebucket.s3.amazonaws.com';

const sign = (path: string, headers: Record<string, string> = {}) =>
  signed({ method: 'GET', host, path, headers }, KEYS, SCOPE)['authorization'];

test.each([
  [
    'an object with a header',
    '/test.txt',
    { range: 'bytes=0-9' },
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  ],
  ['a query without a value', '/?lifecycle', {}, 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
  ['a listing', '/?max-keys=2&prefix=J', {}, '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
])('%s is signed as AWS documents it', (_, path, headers, signature) => {
  expect(sign(path, headers)).toMatch(new RegExp(`Signature=${signature}$`));
});

test('what is signed is said: key, day, region, headers; a token is sent and signed', () => {
  const keys = { ...KEYS, sessionToken: 'token' };
  const headers = signed({ method: 'HEAD', host, path: '/a', headers: { 'if-none-match': '"v1"' } }, keys, SCOPE);
  expect(headers).toMatchObject({
    host,
    'if-none-match': '"v1"',
    'x-amz-date': '20130524T000000Z',
    'x-amz-security-token': 'token',
    authorization: expect.stringMatching(
      /^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE\/20130524\/us-east-1\/s3\/aws4_request, SignedHeaders=host;if-none-match;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/,
    ),
  });
  expect(JSON.stringify(headers)).not.toContain(KEYS.secretAccessKey);
});

test('members of a query are signed in their order by name, whatever order they are sent in', () => {
  expect(sign('/?prefix=J&max-keys=2')).toBe(sign('/?max-keys=2&prefix=J'));
});

test('all but letters, digits and -._~ is encoded, byte by byte; half of a pair becomes a stand-in', () => {
  expect(encodePart("aZ09-._~ /+&=?#%'()*!ü🚚")).toBe(
    'aZ09-._~%20%2F%2B%26%3D%3F%23%25%27%28%29%2A%21%C3%BC%F0%9F%9A%9A',
  );
  expect(encodePart('\ud83d')).toBe('%EF%BF%BD');
});
