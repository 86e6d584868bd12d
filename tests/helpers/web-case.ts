import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../lib/contracts/identity.ts';
import { openCase } from './case.ts';
import { makeCertificate } from './tls.ts';
import { openWebServer } from './web-server.ts';

/** A file as a server gives it. */
interface Page {
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A server of files by path, which answers 304 to whoever knows the mark of a file; and the program that may fetch from it. */
export async function openWebCase(pages: Record<string, Page>, isTls = false) {
  const certificate = isTls ? await makeCertificate('IP:127.0.0.1') : undefined;
  const server = await openWebServer(
    (request, response) => {
      const page = pages[request.url ?? ''];
      if (page === undefined) {
        response.writeHead(404).end();
        return;
      }
      const { etag, 'last-modified': modified } = page.headers ?? {};
      const isKnown =
        (etag !== undefined && request.headers['if-none-match'] === etag) ||
        (etag === undefined && modified !== undefined && request.headers['if-modified-since'] === modified);
      response.writeHead(page.headers?.['location'] !== undefined ? 302 : isKnown ? 304 : 200, page.headers);
      response.end(isKnown ? undefined : page.text);
    },
    { ...(certificate !== undefined && { certificate }) },
  );
  const trust = certificate === undefined ? { SOURCE_ALLOW_HTTP: 'on' } : { NODE_EXTRA_CA_CERTS: certificate.path };
  const files = openCase({}, { SOURCE_ALLOWED_HOSTS: '127.0.0.1', ...trust });
  const at = (path: string) => `${server.url}${path}`;
  return {
    ...files,
    server,
    pages,
    at,
    /** The paths asked for since the last time. */
    asked: () => server.requests.splice(0).map(({ path }) => path),
    /** What an ingest came to: its exit status, and outcomes by location. */
    ingest: async (...args: string[]) => {
      const { exitCode, lines, stderr } = await files.run('ingest', ...args);
      const results = lines.filter(({ event }) => event === 'document');
      return {
        exitCode,
        stderr,
        lines,
        outcomes: Object.fromEntries(results.map((result) => [String(result['source_uri']), result['outcome']])),
      };
    },
    memory: () => sha256(readFileSync(join(files.home, 'memory.db'))),
  };
}
