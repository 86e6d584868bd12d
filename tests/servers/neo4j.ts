import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import neo4j from 'neo4j-driver';
import { type ServerProgram, serverCache } from './start.ts';

const PARTS = fileURLToPath(new URL('./neo4j', import.meta.url));
const PASSWORD = 'password-of-the-tests';
const FIRST_PASSWORD = 'neo4j';

/**
 * Neo4j community from its published artifacts, in a Java process of its own.
 *
 * @param memory how many bytes all transactions may take together, asked for at each start; absent: as much as Neo4j allows by default.
 */
export async function neo4jServer(memory: () => number | null = () => null): Promise<ServerProgram> {
  const jars = await fetchJars();
  return {
    name: 'Neo4j',
    uid: null,
    command: (folder, port) => [
      ...(['java', '-Xmx512m', '--add-opens=java.base/java.nio=ALL-UNNAMED', '-cp', `${jars}/*`] as const),
      ...[join(PARTS, 'Server.java'), join(folder, 'home'), String(port)],
      ...(memory() === null ? [] : [String(memory())]),
    ],
    url: (port) => `bolt://neo4j:${PASSWORD}@127.0.0.1:${port}`,
    greet: async (url) => {
      const { host } = new URL(url);
      if (await answers(host, PASSWORD)) return;
      // Until the first password is changed every other statement is refused.
      await query(
        host,
        FIRST_PASSWORD,
        `ALTER CURRENT USER SET PASSWORD FROM '${FIRST_PASSWORD}' TO '${PASSWORD}'`,
        'system',
      );
      if (!(await answers(host, PASSWORD))) throw new Error('it does not take its new password');
    },
  };
}

/** Fetched once: 237 files, 128 MB. */
async function fetchJars(): Promise<string> {
  const folder = serverCache('neo4j-5.26.0');
  if (existsSync(join(folder, 'complete'))) return folder;
  console.log('fetching Neo4j (128 MB, once)');
  const args = ['-q', '-f', join(PARTS, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`];
  await execa('mvn', [...args, '-DincludeScope=runtime']);
  await execa('touch', [join(folder, 'complete')]);
  return folder;
}

async function answers(host: string, password: string): Promise<boolean> {
  try {
    await query(host, password, 'RETURN 1', 'neo4j');
    return true;
  } catch (error) {
    if (/Security/.test(String((error as { code?: unknown }).code))) return false;
    throw error;
  }
}

async function query(host: string, password: string, text: string, database: string): Promise<void> {
  const driver = neo4j.driver(`bolt://${host}`, neo4j.auth.basic('neo4j', password), {
    connectionAcquisitionTimeout: 3_000,
    maxTransactionRetryTime: 0,
  });
  try {
    const session = driver.session({ database });
    await session.run(text);
    await session.close();
  } finally {
    await driver.close();
  }
}
