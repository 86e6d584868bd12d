import { connect, createServer, type Socket } from 'node:net';

/** The message COMMIT as Bolt sends it: a part of two bytes, a structure without fields, its signature. */
const COMMIT = Buffer.from([0x00, 0x02, 0xb0, 0x12]);

/** Stands between a driver and a server, and cuts the connection of the next commit. */
export interface BoltProxy {
  readonly port: number;
  /** `before`: the commit does not arrive; `after`: it does, and its answer does not. */
  cutNextCommit(when: 'before' | 'after'): void;
  close(): Promise<void>;
}

/** Starts one before the server on that port of 127.0.0.1. */
export async function startBoltProxy(port: number): Promise<BoltProxy> {
  let cut: 'before' | 'after' | null = null;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    let isMute = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (data) => {
      const isCut = cut !== null && data.includes(COMMIT);
      if (isCut && cut === 'before') client.destroy();
      else upstream.write(data);
      if (!isCut) return;
      // The server answers once it has committed.
      isMute = true;
      cut = null;
    });
    upstream.on('data', (data) => {
      if (isMute) client.destroy();
      else client.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    cutNextCommit: (when) => {
      cut = when;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
