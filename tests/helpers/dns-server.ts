import { createSocket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { addressBytes } from '../../lib/support/addresses.ts';

const TYPE_A = 1;
const TYPE_AAAA = 28;

/** A question as it came. */
export interface DnsQuestion {
  readonly name: string;
  readonly type: 'A' | 'AAAA';
}

/** A name server on a free port of 127.0.0.1. */
export interface DnsServer {
  /** Address and port. */
  readonly place: string;
  /** Every question, in order. */
  readonly questions: DnsQuestion[];
}

/**
 * Starts a name server that ends with the test. Its answers may be kept for no time at all. Source of the format: RFC 1035, 4.
 *
 * @param answer addresses of a name, of both families. @param round how often the name was asked for before, by both types together.
 */
export async function openDnsServer(answer: (name: string, round: number) => readonly string[]): Promise<DnsServer> {
  const socket = createSocket('udp4');
  const questions: DnsQuestion[] = [];
  socket.on('message', (message, { address, port }) => {
    const { name, end } = nameAt(message, 12);
    const type = message.readUInt16BE(end);
    const kind = type === TYPE_AAAA ? 'AAAA' : 'A';
    const round = questions.filter((question) => question.name === name && question.type === kind).length;
    questions.push({ name, type: kind });
    const size = type === TYPE_AAAA ? 16 : type === TYPE_A ? 4 : 0;
    const found = answer(name, round).flatMap((text) => {
      const bytes = addressBytes(text)!;
      return bytes.length === size ? [bytes] : [];
    });
    const head = Buffer.from(message.subarray(0, 12));
    head.writeUInt16BE(0x8580, 2);
    head.writeUInt16BE(found.length, 6);
    head.writeUInt32BE(0, 8);
    const records = found.map((bytes) =>
      Buffer.from([0xc0, 12, type >> 8, type & 0xff, 0, 1, 0, 0, 0, 0, 0, size, ...bytes]),
    );
    socket.send(Buffer.concat([head, message.subarray(12, end + 4), ...records]), port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    socket.close();
  });
  return { place: `127.0.0.1:${(socket.address() as AddressInfo).port}`, questions };
}

function nameAt(message: Buffer, start: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = start;
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}
