import { describe, expect, test } from 'vitest';
import { type AllowedHosts, createGuard, parseAllowedHosts, type Resolve } from '../../../lib/support/guard.ts';
import { openGuardedTransport } from '../../../lib/support/guarded-agent.ts';
import { PRIVATE_HOSTS } from '../../helpers/private-addresses.ts';
import { openWebServer } from '../../helpers/web-server.ts';

/** Goal: nothing but public hosts and those that are allowed is reached. Method: names are resolved by the test. */

const ADDRESSES: { readonly [host: string]: readonly string[] } = {
  localhost: ['127.0.0.1', '::1'],
  'docs.example.com': ['93.184.215.14', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'],
  'inner.corp.example': ['10.1.2.3'],
  'half.example.com': ['93.184.215.14', '10.1.2.3'],
  'scoped.example.com': ['fe80::1%eth0'],
  'credentials.corp.example': ['169.254.169.254'],
};

const resolve: Resolve = async (host) => {
  const found = ADDRESSES[host];
  if (found === undefined) throw new Error(`nobody may ask for ${host}`);
  return found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
};

const NONE: AllowedHosts = { names: [], networks: [] };

function guardOf(allowed = '') {
  return createGuard(parseAllowedHosts(allowed), resolve);
}

describe('a host is refused that is', () => {
  test.each(Object.entries(PRIVATE_HOSTS))('%s: %s', async (_, host) => {
    const { hostname } = new URL(`https://${host}/`);
    await expect(createGuard(NONE, resolve).addressesOf(hostname)).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
  });

  test('public by one address and private by another', async () => {
    await expect(guardOf().addressesOf('half.example.com')).rejects.toMatchObject({
      code: 'ADDRESS_REFUSED',
      message: expect.stringContaining('half.example.com (10.1.2.3)'),
    });
  });

  test('known by an address with a zone', async () => {
    await expect(guardOf('fe80::/10').addressesOf('scoped.example.com')).rejects.toMatchObject({
      code: 'ADDRESS_REFUSED',
    });
  });
});

test.each([
  ...['1.1.1.1', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.0'],
  ...['169.253.255.255', '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0', '198.17.255.255'],
  ...['198.20.0.0', '223.255.255.255', '[2606:4700::1111]', '[64:ff9b::8.8.8.8]', '[::ffff:8.8.8.8]', '[2001:200::1]'],
])('the public address %s is let through', async (host) => {
  expect(await guardOf().addressesOf(new URL(`https://${host}`).hostname)).toHaveLength(1);
});

test('a public host is let through with all its addresses', async () => {
  expect(await guardOf().addressesOf('docs.example.com')).toEqual([
    { address: '93.184.215.14', family: 4 },
    { address: '2606:2800:21f:cb07:6820:80da:af6b:8b2c', family: 6 },
  ]);
});

describe('what is allowed is let through:', () => {
  test.each([
    ['a name', 'inner.corp.example'],
    ['all names below one', '.corp.example'],
    ['all names below one, with a star', '*.corp.example'],
    ['an address', '10.1.2.3'],
    ['a network', '10.0.0.0/8'],
    ['one of several, with commas and spaces', 'other.example, 192.168.0.0/16  10.1.2.0/24'],
  ])('%s', async (_, allowed) => {
    expect(await guardOf(allowed).addressesOf('inner.corp.example')).toEqual([{ address: '10.1.2.3', family: 4 }]);
  });

  test('loopback of IPv6 in brackets', async () => {
    expect(await guardOf('[::1]').addressesOf('[::1]')).toEqual([{ address: '::1', family: 6 }]);
  });

  test.each(['corp.example', 'r.corp.example', '10.1.2.4', '10.1.2.0/31', '10.1.2.3.example'])(
    'not by %s',
    async (allowed) => {
      await expect(guardOf(allowed).addressesOf('inner.corp.example')).rejects.toMatchObject({
        code: 'ADDRESS_REFUSED',
      });
    },
  );

  test('but nothing where clouds tell machines their credentials', async () => {
    const guard = guardOf('169.254.0.0/16, metadata.google.internal, .corp.example, 0.0.0.0/0, ::/0');
    for (const host of ['169.254.169.254', 'metadata.google.internal', 'credentials.corp.example', '[fd00:ec2::254]'])
      await expect(guard.addressesOf(host)).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
  });
});

test('the address that was reached is looked at again', async () => {
  const server = await openWebServer((_, response) => response.end('secret'));
  const { agent } = await openGuardedTransport(
    // As if what was looked at were not what is connected to.
    { ...guardOf(), addressesOf: async () => [{ address: '127.0.0.1', family: 4 }] },
    { connectMs: 2_000, readMs: 2_000 },
  );
  const asked = agent.request({ origin: `http://docs.example.com:${server.port}`, path: '/', method: 'GET' });
  await expect(asked).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
  expect(server.requests).toEqual([]);
  await agent.destroy();
});
