import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

/** What is done to what passes between a client and its server. */
export type Fault =
  /** Everything comes later. */
  | { readonly kind: 'latency'; readonly ms: number }
  /** New connections and those that are open are cut with a reset. */
  | { readonly kind: 'down' }
  /** Connections stay open, and nothing passes any more in either direction. */
  | { readonly kind: 'half-open' }
  /** A request that `matches` is the last that passes; once. */
  | {
      readonly kind: 'cut-request';
      readonly matches: (request: Buffer) => boolean;
      /** Whether the server gets it, and has answered, when the connection is cut; `late`: it gets it a while after the cut. */
      readonly arrives: boolean | 'late';
      /** `silent`: the connection stays open and nothing passes. */
      readonly by: 'reset' | 'end' | 'silent';
      /** Of the answer, so many bytes still pass. Default: none. */
      readonly answerBytes?: number;
    };

const LATE_MS = 400;

/** A proxy between the tests' clients and one server, with a fault that can be changed at any time. */
export interface FaultyProxy {
  readonly port: number;
  /** The server's URL, through the proxy. */
  readonly url: string;
  /** From now on; null: everything passes. */
  set(fault: Fault | null): void;
  /** How often a `cut-request` has happened. */
  readonly cuts: number;
  /** How many messages clients have sent: of those that wait for each answer, how often they asked. */
  readonly requests: number;
}

interface ProxyState {
  fault: Fault | null;
  cuts: number;
  requests: number;
}

/** Starts a proxy before the server of a URL; it ends with the test. */
export async function startProxy(serverUrl: string): Promise<FaultyProxy> {
  const target = new URL(serverUrl);
  const links = new Set<Link>();
  const state: ProxyState = { fault: null, cuts: 0, requests: 0 };
  const server = createServer((client) => {
    const upstream = createConnection({ host: target.hostname, port: Number(target.port) });
    const link = new Link(client, upstream, state);
    links.add(link);
    if (state.fault?.kind === 'down') link.cut('reset');
    client.once('close', () => links.delete(link));
  });
  const port = await listen(server);
  onTestFinished(() => {
    for (const link of links) link.cut('reset');
    server.close();
  });
  const url = new URL(serverUrl);
  url.hostname = '127.0.0.1';
  url.port = String(port);
  return {
    port,
    url: url.href,
    get cuts() {
      return state.cuts;
    },
    get requests() {
      return state.requests;
    },
    set: (fault) => {
      state.fault = fault;
      if (fault?.kind === 'down') for (const link of links) link.cut('reset');
    },
  };
}

/** One connection of a client with its connection to the server. */
class Link {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #state: ProxyState;
  /** Bytes of the answer that still pass before the cut; null while none is due. */
  #cutAfter: { bytes: number; readonly by: 'reset' | 'end' | 'silent' } | null = null;
  #isSilent = false;

  constructor(client: Socket, upstream: Socket, state: ProxyState) {
    this.#client = client;
    this.#upstream = upstream;
    this.#state = state;
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('error', () => to.destroy());
      from.on('close', () => {
        if (!this.#isSilent) to.destroy();
      });
    }
    client.on('data', (part) => void this.#onRequest(part as Buffer));
    upstream.on('data', (part) => void this.#onAnswer(part as Buffer));
  }

  cut(by: 'reset' | 'end' | 'silent'): void {
    if (by === 'silent') {
      this.#isSilent = true;
      return;
    }
    this.#upstream.destroy();
    if (by === 'reset') this.#client.resetAndDestroy();
    else this.#client.end();
  }

  async #onRequest(part: Buffer): Promise<void> {
    const { fault } = this.#state;
    this.#state.requests += 1;
    if (this.#isSilent || fault?.kind === 'half-open') return;
    if (fault?.kind === 'latency') await delay(fault.ms);
    if (fault?.kind === 'cut-request' && fault.matches(part)) {
      this.#state.fault = null;
      this.#state.cuts += 1;
      if (fault.arrives === 'late') return this.#deliverLate(part);
      if (!fault.arrives) return this.cut(fault.by);
      this.#cutAfter = { bytes: fault.answerBytes ?? 0, by: fault.by };
    }
    this.#upstream.write(part);
  }

  /** The server does not notice that its client has gone. */
  async #deliverLate(part: Buffer): Promise<void> {
    this.#isSilent = true;
    this.#client.resetAndDestroy();
    await delay(LATE_MS);
    this.#upstream.end(part);
  }

  async #onAnswer(part: Buffer): Promise<void> {
    const { fault } = this.#state;
    if (this.#isSilent || fault?.kind === 'half-open') return;
    if (fault?.kind === 'latency') await delay(fault.ms);
    if (this.#cutAfter === null) {
      this.#client.write(part);
      return;
    }
    const { bytes, by } = this.#cutAfter;
    const passing = part.subarray(0, bytes);
    // Flushed first: a reset throws away what is still to be sent.
    if (passing.length > 0) this.#client.write(passing, () => this.cut(by));
    else this.cut(by);
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}
