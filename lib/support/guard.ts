import { lookup, Resolver } from 'node:dns/promises';
import { SourceError } from '../contracts/errors.ts';
import { addressBytes, isInside, isMetadataAddress, isPublic, type Network, parseNetwork } from './addresses.ts';

/** An answer of the domain name system. */
export interface HostAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** All addresses of a host, asked for once. Rejects with the error of `node:dns` when there are none. */
export type Resolve = (host: string) => Promise<readonly HostAddress[]>;

/** Asks as the system does: hosts file, then its servers. */
export const systemResolve: Resolve = async (host) =>
  (await lookup(host, { all: true, order: 'verbatim' })).map(({ address, family }) => ({
    address,
    family: family === 6 ? 6 : 4,
  }));

/** Asks one server, each time anew: nothing is kept here. @param server an address with a port. */
export function resolveBy(server: string): Resolve {
  return async (host) => {
    const resolver = new Resolver({ timeout: 2_000, tries: 2 });
    resolver.setServers([server]);
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    const found = answers.flatMap((answer, index) =>
      answer.status === 'fulfilled'
        ? answer.value.map((address): HostAddress => ({ address, family: index === 0 ? 4 : 6 }))
        : [],
    );
    const [first] = answers;
    if (found.length === 0) throw first!.status === 'rejected' ? first!.reason : new Error(`no address of ${host}`);
    return found;
  };
}

/** What may be fetched from though it is not public. */
export interface AllowedHosts {
  /** In small letters. One that begins with a full stop stands for all names that end with it. */
  readonly names: readonly string[];
  readonly networks: readonly Network[];
}

/** @param text names, addresses and networks (`10.0.0.0/8`), divided by commas or spaces. */
export function parseAllowedHosts(text: string): AllowedHosts {
  const entries = text.split(/[\s,]+/).filter((entry) => entry !== '');
  const networks = entries.map((entry) => parseNetwork(entry.replace(/^\[(.*)\]$/, '$1')));
  return {
    names: entries.filter((_, index) => networks[index] === null).map((name) => plainHost(name.replace(/^\*\./, '.'))),
    networks: networks.filter((network) => network !== null),
  };
}

/** Decides which hosts are fetched from. */
export interface Guard {
  /**
   * The addresses of a host, all of which may be fetched from; of an address itself that one.
   * @throws SourceError ADDRESS_REFUSED when a single one may not; what `Resolve` rejects with.
   */
  addressesOf(host: string): Promise<readonly HostAddress[]>;
  /** @throws SourceError ADDRESS_REFUSED when the host, at this address, may not be fetched from. */
  assertAllowed(host: string, address: string): void;
}

/**
 * A guard that lets through what is public and what is allowed by name.
 *
 * Addresses are judged by their bytes, however they are written. A host with one address that may not be fetched from is refused
 * whatever its others are. Where clouds tell machines their credentials nothing is fetched, not even when it is allowed.
 */
export function createGuard({ names, networks }: AllowedHosts, resolve: Resolve): Guard {
  const isAllowedName = (host: string) =>
    names.some((name) => (name.startsWith('.') ? host.endsWith(name) : host === name));
  const assertAllowed = (host: string, address: string) => {
    const bytes = addressBytes(address);
    if (bytes === null || isMetadataAddress(bytes)) throw refused(host, address);
    if (isPublic(bytes) || isAllowedName(plainHost(host))) return;
    if (!networks.some((network) => isInside(bytes, network))) throw refused(host, address);
  };
  return {
    assertAllowed,
    addressesOf: async (host) => {
      const plain = plainHost(host);
      if (METADATA_NAMES.has(plain)) throw refused(host, null);
      const bytes = addressBytes(plain);
      const found: readonly HostAddress[] =
        bytes === null ? await resolve(plain) : [{ address: plain, family: bytes.length === 4 ? 4 : 6 }];
      for (const { address } of found) assertAllowed(host, address);
      return found;
    },
  };
}

/** A host as it is compared: without brackets, without the full stop at its end. */
function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

/** Names by which clouds tell machines their credentials. Source: the providers' pages on instance metadata. */
const METADATA_NAMES: ReadonlySet<string> = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.azure.internal',
  'metadata.tencentyun.com',
  'instance-data',
  'instance-data.ec2.internal',
]);

function refused(host: string, address: string | null): SourceError {
  const isItself = address === null || plainHost(host) === address;
  const what = isItself ? host : `${host} (${address})`;
  const why =
    address === null || isMetadataAddress(addressBytes(address) ?? [])
      ? 'is where machines are told their credentials; nothing is fetched from there'
      : 'is no address of the public internet; if the host is yours, name it in SOURCE_ALLOWED_HOSTS';
  return new SourceError(`${what} ${why}`, { code: 'ADDRESS_REFUSED', details: { host } });
}
