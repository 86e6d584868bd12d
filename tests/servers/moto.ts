import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { type ServerProgram, serverCache, startServer, type TestServer } from './start.ts';

const REQUIREMENTS = fileURLToPath(new URL('./moto/requirements.txt', import.meta.url));

/** Names a server of S3 that runs already. */
const VARIABLE = 'APEX_TEST_S3_URL';

/** A server that speaks as S3 does: the one that a variable names, else moto; null where it could not be had, which fails in CI. */
export async function openS3(): Promise<TestServer | null> {
  const url = process.env[VARIABLE] ?? '';
  if (url !== '') return { url, stop: async () => {} };
  try {
    return await startServer(await motoServer());
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    console.log(`moto cannot be started, its tests are skipped: ${(error as Error).message.split('\n')[0]}`);
    console.log(`To run them, name a server of S3 that is there by ${VARIABLE}.`);
    return null;
  }
}

/** moto, a program of Python that plays AWS: it keeps buckets in memory, and checks signatures when it is told to. */
async function motoServer(): Promise<ServerProgram> {
  const folder = await installMoto();
  return {
    name: 'moto',
    uid: null,
    command: (_, port) => [join(folder, 'bin', 'moto_server'), '-H', '127.0.0.1', '-p', String(port)],
    url: (port) => `http://127.0.0.1:${port}`,
    greet: async (url) => {
      const { status } = await fetch(`${url}/moto-api/`);
      if (status !== 200) throw new Error(`it answers ${status}`);
    },
  };
}

/** Installed once: 60 packages, 300 MB. */
async function installMoto(): Promise<string> {
  const folder = serverCache('moto-5.2.5');
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return folder;
  console.log('installing moto (once)');
  await execa('python3', ['-m', 'venv', folder]);
  await execa(join(folder, 'bin', 'pip'), ['install', '--quiet', '--requirement', REQUIREMENTS]);
  writeFileSync(complete, '');
  return folder;
}
