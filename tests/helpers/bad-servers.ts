import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { expectEnd } from './bad-input.ts';
import { openCase } from './case.ts';
import { apex, type Finished } from './program.ts';

type Environment = Readonly<Record<string, string>>;

/** Passwords and keys that the tests give: in nothing that a command leaves may one be seen. */
export const SECRETS = ['a-wrong-secret', 'password-of-the-tests', 'key-of-the-tests'];

const FILES = {
  'contract.md': '# Contract\n\nDated January 5, 2026.\n\nShipper: Tarrow Foods Inc\nCarrier: Farrow Freight LLC\n',
  'load.txt': 'Load number: LD-700001\nCarrier: Farrow Freight LLC\n',
};

/** Two documents, and commands over them whose every output is looked through for secrets. */
export function openTrial(files: Readonly<Record<string, string>> = FILES) {
  const { home, documents } = openCase(files);
  const log = join(dirname(home), 'apex.log');
  const run = async (env: Environment, ...args: string[]): Promise<Finished> => {
    const finished = await apex([...args, '--log-file', log], { home, env });
    for (const text of [finished.stdout, finished.stderr, ...filesBelow(dirname(home))])
      for (const secret of SECRETS)
        expect(text.includes(secret), `${secret} in what was left by ${args[0]}`).toBe(false);
    return finished;
  };
  return {
    home,
    run,
    /** An ingest that does not wait for long. */
    ingest: (env: Environment) => run(env, 'ingest', documents, '--max-outage', '1s'),
    /** Fails unless the same command completes now, with every store whole. */
    async assertMended(env: Environment) {
      expectEnd(await run(env, 'ingest', documents), 0);
      expectEnd(await run(env, 'verify'), 0, /no difference/);
    },
  };
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'latin1'));
}

/** Fails unless an ingest ends so and says all of this, and the same one completes with the right settings. */
export async function expectRefused(
  { wrong, right }: { readonly wrong: Environment; readonly right: Environment },
  exitCode: number,
  ...said: readonly (string | RegExp)[]
): Promise<void> {
  const trial = openTrial();
  expectEnd(await trial.ingest(wrong), exitCode, ...said);
  await trial.assertMended(right);
}

/** A fake: what passes on to a real server, with some of its answers changed to others of the same length. @returns its port. */
export async function startLiar(serverPort: number, truth: string, lie: string): Promise<number> {
  expect(lie).toHaveLength(truth.length);
  const server = createServer((client) => {
    const upstream = createConnection({ host: '127.0.0.1', port: serverPort });
    client.on('error', () => upstream.destroy()).pipe(upstream);
    upstream.on('error', () => client.destroy()).once('close', () => client.destroy());
    upstream.on('data', (part: Buffer) => {
      client.write(Buffer.from(part.toString('latin1').replaceAll(truth, lie), 'latin1'));
    });
    client.once('close', () => upstream.destroy());
  });
  onTestFinished(() => {
    server.close();
  });
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
  );
}
