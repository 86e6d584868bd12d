import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';

/** A certificate that nobody but itself has signed. */
export interface Certificate {
  /** The file that makes it trusted, where it is named. */
  readonly path: string;
  readonly cert: string;
  readonly key: string;
}

/** Makes one for a host: `IP:127.0.0.1`, `DNS:localhost`. Its files go when the test ends. */
export async function makeCertificate(host: string): Promise<Certificate> {
  const folder = mkdtempSync(join(tmpdir(), 'apex-test-tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [path, keyPath] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const what = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const name = ['-subj', '/CN=apex-tests', '-addext', `subjectAltName=${host}`];
  await execa('openssl', ['req', ...what, ...name, '-out', path, '-keyout', keyPath]);
  return { path, cert: readFileSync(path, 'utf8'), key: readFileSync(keyPath, 'utf8') };
}

/**
 * Puts TLS before a server of the tests, on a port of its own of 127.0.0.1; it ends with the test.
 *
 * @param asks whether the client asks for TLS before it speaks it, as that of PostgreSQL does.
 */
export async function startTlsBefore(serverPort: number, { cert, key }: Certificate, asks = false): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
    const encrypt = () => {
      const secure = new TLSSocket(socket, { isServer: true, cert, key });
      const upstream = createConnection({ host: '127.0.0.1', port: serverPort });
      secure.on('error', () => upstream.destroy());
      upstream.on('error', () => secure.destroy());
      secure.pipe(upstream).pipe(secure);
    };
    if (!asks) return encrypt();
    socket.once('data', () => {
      socket.write('S');
      encrypt();
    });
  });
  const port = await new Promise<number>((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return port;
}
