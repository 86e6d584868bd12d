import type { LookupFunction } from 'node:net';
import type { Dispatcher } from 'undici';
import type { Guard, HostAddress } from './guard.ts';

/** What sends requests. */
export interface Transport {
  readonly agent: Dispatcher;
}

/** How long a connection is waited for, and each further part of an answer. */
interface TransportLimits {
  readonly connectMs: number;
  readonly readMs: number;
}

/** A transport that connects to whatever host it is given: for those that settings name. */
async function openTransport({ connectMs, readMs }: TransportLimits): Promise<Transport> {
  const { Agent } = await import('undici');
  return { agent: new Agent({ connect: { timeout: connectMs }, headersTimeout: readMs, bodyTimeout: readMs }) };
}

/**
 * A transport whose every connection is let through by the guard: the host is resolved once, and the connection goes to the addresses
 * that were looked at, so that a name which stands for another address a moment later leads nowhere else. The address that was reached
 * is looked at again. No proxy is used, whatever the environment says.
 */
export async function openGuardedTransport(guard: Guard, { connectMs, readMs }: TransportLimits): Promise<Transport> {
  const { Agent, buildConnector } = await import('undici');
  const connect: ReturnType<typeof buildConnector> = (options, done) => {
    const { hostname } = options;
    guard.addressesOf(hostname).then(
      (addresses) => {
        const connectTo = buildConnector({ timeout: connectMs, allowH2: false, lookup: lookupOf(addresses) });
        connectTo(options, (error, socket) => {
          const refusal = error ?? refusalOf(guard, hostname, socket.remoteAddress);
          if (refusal === null) return done(null, socket!);
          socket?.destroy();
          done(refusal, null);
        });
      },
      (error: Error) => done(error, null),
    );
  };
  const options = { connect, connections: MAX_CONNECTIONS, headersTimeout: readMs, bodyTimeout: readMs };
  return { agent: new Agent(options) };
}

/** A transport that is opened when it is first asked for, and whose connections end together. @param guard null: none is asked. */
export function lazyTransport(guard: Guard | null, limits: TransportLimits) {
  let transport: Promise<Transport> | null = null;
  return {
    open: (): Promise<Transport> => {
      transport ??= guard === null ? openTransport(limits) : openGuardedTransport(guard, limits);
      return transport;
    },
    close: async (): Promise<void> => {
      await (await transport)?.agent.destroy();
    },
  };
}

/** To one server at a time; who asks beyond that waits. */
const MAX_CONNECTIONS = 8;

/** Answers with these, whatever is asked: nobody is asked a second time. */
function lookupOf(addresses: readonly HostAddress[]): LookupFunction {
  return (_host, { all }, done) => {
    if (all === true) done(null, [...addresses]);
    else done(null, addresses[0]!.address, addresses[0]!.family);
  };
}

function refusalOf(guard: Guard, host: string, address: string | undefined): Error | null {
  try {
    guard.assertAllowed(host, address ?? '');
    return null;
  } catch (refusal) {
    return refusal as Error;
  }
}
