import { isIPv4, isIPv6 } from 'node:net';

/** Addresses that begin with the same bits. */
export interface Network {
  /** 4 or 16 bytes. */
  readonly bytes: readonly number[];
  /** How many of the first bits count. */
  readonly bits: number;
}

/** The bytes of an address that is written as such, 4 or 16 of them; null for anything else, also for one with a zone. */
export function addressBytes(text: string): readonly number[] | null {
  if (isIPv4(text)) return text.split('.').map(Number);
  return isIPv6(text) && !text.includes('%') ? bytesOfLong(text) : null;
}

/** An address, or one with a slash and a number of bits; null for anything else. */
export function parseNetwork(text: string): Network | null {
  const [address = '', length] = text.split('/', 2);
  const bytes = addressBytes(address);
  if (bytes === null || text.split('/').length > 2) return null;
  if (length === undefined) return { bytes, bits: bytes.length * 8 };
  const bits = Number(length);
  return /^\d{1,3}$/.test(length) && bits <= bytes.length * 8 ? { bytes, bits } : null;
}

/** Is the address one of the network's? An IPv4 address that stands in an IPv6 one is taken as itself. */
export function isInside(address: readonly number[], { bytes, bits }: Network): boolean {
  const own = bytes.length === 4 ? (embedded(address) ?? address) : address;
  if (own.length !== bytes.length) return false;
  return bytes.every((byte, index) => {
    const left = Math.min(8, Math.max(0, bits - index * 8));
    return byte >> (8 - left) === own[index]! >> (8 - left);
  });
}

/**
 * Is it an address of the public internet? All that is set apart for anything else is not, and neither is what is set apart for nothing
 * yet; an IPv4 address that stands in an IPv6 one (mapped, or translated by NAT64) decides for it.
 *
 * Source: https://www.iana.org/assignments/iana-ipv4-special-registry and .../iana-ipv6-special-registry.
 */
export function isPublic(address: readonly number[]): boolean {
  const short = address.length === 4 ? address : embedded(address);
  if (short !== null) return !isSetApart(short);
  return isGlobalUnicast(address) && !isSetApartLong(address);
}

/** Is an address in one of these networks? They are read when that is first asked: most commands fetch nothing. */
function inOneOf(texts: readonly string[]): (address: readonly number[]) => boolean {
  let networks: readonly Network[] | null = null;
  return (address) => {
    networks ??= texts.map((text) => parseNetwork(text)!);
    return networks.some((network) => isInside(address, network));
  };
}

const isSetApart = inOneOf([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // What Azure gives to each of its machines: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16.
  '168.63.129.16',
]);

const isGlobalUnicast = inOneOf(['2000::/3']);

const isSetApartLong = inOneOf([
  // Teredo, which holds an IPv4 address, and other protocols.
  '2001::/23',
  '2001:db8::/32',
  // 6to4: a relay would send it to any IPv4 address.
  '2002::/16',
  '3fff::/20',
]);

/** Where machines in clouds are told their credentials. Never fetched from, whatever is allowed: no document lies there. */
export const isMetadataAddress = inOneOf([
  '169.254.0.0/16',
  'fe80::/10',
  'fd00:ec2::254',
  '100.100.100.200',
  '168.63.129.16',
]);

const isEmbedding = inOneOf(['::ffff:0:0/96', '64:ff9b::/96']);

/** The IPv4 address that an IPv6 one stands for; null when it stands for itself. */
function embedded(address: readonly number[]): readonly number[] | null {
  if (address.length !== 16) return null;
  return isEmbedding(address) ? address.slice(12) : null;
}

function bytesOfLong(text: string): readonly number[] {
  const plain = text.replace(/[\d.]+$/, (end) => (end.includes('.') ? asGroups(end) : end));
  const [head = '', tail] = plain.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const [left, right] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/** The end of an address that is written as an IPv4 one, as two groups. */
function asGroups(text: string): string {
  const [a, b, c, d] = text.split('.').map(Number) as [number, number, number, number];
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
