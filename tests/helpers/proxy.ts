import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

/** Is it the request that is meant? @param earlier what the same client has sent before it, as Latin-1; the last of it. */
type Matches = (request: Buffer, earlier: string) => boolean;

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
      readonly matches: Matches;
      /** Whether the server gets it, and has answered, when the connection is cut; `late`: it gets it a while after the cut. */
      readonly arrives: boolean | 'late';
      /** `silent`: the connection stays open and nothing passes. */
      readonly by: 'reset' | 'end' | 'silent';
      /** Of the answer, so many bytes still pass. Default: none. */
      readonly answerBytes?: number;
    };

const LATE_MS = 400;
/** A request may come in pieces: so long is waited for the others. */
const PIECES_MS = 50;
/** How much is remembered of what a client has sent. */
const EARLIER_CHARACTERS = 200_000;

/** A proxy between the tests' clients and one server, with a fault that can be changed at any time. */
export interface FaultyProxy {
  readonly port: number;
  /** The server's URL, through the proxy. */
  readonly url: string;
  /** From now on; null: everything passes. */
  set(fault: Fault | null): void;
  /** How often a `cut-request` has happened. */
  readonly cuts: number;
  /** Calls `then` at the first request that matches, before it passes and before a fault is looked for. */
  watch(matches: Matches, then: () => void): void;
  close(): void;
  /** How many messages clients have sent: of those that wait for each answer, how often they asked. */
  readonly requests: number;
}

interface ProxyState {
  fault: Fault | null;
  cuts: number;
  requests: number;
  watched: { readonly matches: Matches; readonly then: () => void } | null;
}

/** As `openProxy`; it ends with the test. */
export async function startProxy(serverUrl: string): Promise<FaultyProxy> {
  const proxy = await openProxy(serverUrl);
  onTestFinished(() => proxy.close());
  return proxy;
}

/** Starts a proxy before the server of a URL. */
export async function openProxy(serverUrl: string): Promise<FaultyProxy> {
  const target = new URL(serverUrl);
  const links = new Set<Link>();
  const state: ProxyState = { fault: null, cuts: 0, requests: 0, watched: null };
  const server = createServer((client) => {
    const upstream = createConnection({ host: target.hostname, port: Number(target.port) });
    const link = new Link(client, upstream, state);
    links.add(link);
    if (state.fault?.kind === 'down') link.cut('reset');
    upstream.once('close', () => links.delete(link));
  });
  const port = await listen(server);
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
    watch: (matches, then) => {
      state.watched = { matches, then };
    },
    close: () => {
      for (const link of links) link.cut('reset');
      server.close();
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
  #earlier = '';
  /** The pieces of a request that is to come late; null while there is none. */
  #late: Buffer[] | null = null;
  /** What was delayed passes before what came after it. */
  #requests: Promise<void> = Promise.resolve();
  #answers: Promise<void> = Promise.resolve();

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
    client.on('data', (part) => {
      this.#requests = this.#requests.then(() => this.#onRequest(part as Buffer));
    });
    upstream.on('data', (part) => {
      this.#answers = this.#answers.then(() => this.#onAnswer(part as Buffer));
    });
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
    this.#state.requests += 1;
    if (this.#late !== null) {
      this.#late.push(part);
      return;
    }
    const earlier = this.#earlier;
    this.#earlier = `${earlier}${part.toString('latin1')}`.slice(-EARLIER_CHARACTERS);
    const { watched } = this.#state;
    if (watched?.matches(part, earlier) === true) {
      this.#state.watched = null;
      watched.then();
    }
    const { fault } = this.#state;
    if (this.#isLost(fault)) return;
    if (fault?.kind === 'latency') await delay(fault.ms);
    if (fault?.kind === 'cut-request' && fault.matches(part, earlier)) {
      this.#state.fault = null;
      this.#state.cuts += 1;
      if (fault.arrives === 'late') {
        void this.#deliverLate(part);
        return;
      }
      if (!fault.arrives) return this.cut(fault.by);
      this.#cutAfter = { bytes: fault.answerBytes ?? 0, by: fault.by };
    }
    this.#upstream.write(part);
  }

  /** A connection that has lost a part stays silent for ever: what came after it would make no sense. */
  #isLost(fault: Fault | null): boolean {
    if (fault?.kind === 'half-open') this.#isSilent = true;
    return this.#isSilent;
  }

  /** The server does not notice that its client has gone. */
  async #deliverLate(part: Buffer): Promise<void> {
    this.#late = [part];
    await delay(PIECES_MS);
    this.#isSilent = true;
    this.#client.resetAndDestroy();
    await delay(LATE_MS);
    this.#upstream.end(Buffer.concat(this.#late));
  }

  async #onAnswer(part: Buffer): Promise<void> {
    const { fault } = this.#state;
    if (this.#isLost(fault)) return;
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
