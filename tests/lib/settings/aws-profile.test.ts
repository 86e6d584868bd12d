import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readAwsProfile } from '../../../lib/settings/aws-profile.ts';

function read(profile: string, credentials: string, config: string) {
  const folder = mkdtempSync(join(tmpdir(), 'apex-aws-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [credentialsFile, configFile] = [join(folder, 'credentials'), join(folder, 'config')];
  writeFileSync(credentialsFile, credentials);
  writeFileSync(configFile, config);
  return Object.fromEntries(readAwsProfile({ profile, credentialsFile, configFile }).values);
}

test('the file of keys counts before the other; comments, spaces and empty lines do not', () => {
  const keys =
    '\ufeff; mine\r\n[ default ]\r\naws_access_key_id=A\r\n  # no\r\naws_secret_access_key = a=b /+\r\nregion = x\r\n';
  expect(read('', keys, '[default]\nregion = eu-west-1\noutput = json\n')).toEqual({
    aws_access_key_id: 'A',
    aws_secret_access_key: 'a=b /+',
    region: 'x',
    output: 'json',
  });
});

test('a profile has its name after the word in the one file, and alone in the other; what is set for S3 stands below it', () => {
  const config =
    '[profile yard]\nregion = r\nservices = mine\ns3 =\n  addressing_style = virtual\n[yard]\nregion = no\n[services mine]\ns3 =\n  endpoint_url = http://a\ndynamodb =\n  endpoint_url = http://b\n[profile other]\nregion = no\n';
  expect(read('yard', '[yard]\naws_access_key_id = A\n[other]\naws_access_key_id = B\n', config)).toEqual({
    region: 'r',
    services: 'mine',
    's3.addressing_style': 'virtual',
    's3.endpoint_url': 'http://a',
    aws_access_key_id: 'A',
  });
});

test('nobody has to have a default profile; one that is named has to be there', () => {
  expect(read('', '', '')).toEqual({});
  expect(() => read('yard', '[default]\n', '')).toThrow(/there is no profile "yard" in .*: check AWS_PROFILE/);
});
