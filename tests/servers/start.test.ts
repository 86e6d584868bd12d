import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { connects, type ServerProgram, startServer } from './start.ts';

/** Counts its starts in a file, and ends at once at those that are named. */
const SERVER = `
const { appendFileSync, readFileSync } = require('node:fs');
const [folder, port, bad] = process.argv.slice(1);
appendFileSync(folder + '/starts', '.');
if (bad.split(',').includes(String(readFileSync(folder + '/starts').length))) process.exit(3);
require('node:net').createServer().listen(Number(port), '127.0.0.1');
`;

const programFailing = (badStarts: readonly number[]): ServerProgram => ({
  name: 'Server',
  uid: null,
  command: (folder, port) => [process.execPath, '-e', SERVER, folder, String(port), badStarts.join()],
  url: (port) => `http://127.0.0.1:${port}`,
  greet: (url) => connects(Number(new URL(url).port)),
});

async function start(badStarts: readonly number[]) {
  const server = await startServer(programFailing(badStarts));
  onTestFinished(() => server.stop());
  return server;
}

const startsOf = (folder: string) => readFileSync(join(folder, 'starts'), 'utf8').length;

test('a killed server is started again on what it wrote, once more if it does not come', async () => {
  const server = await start([2]);
  server.signal('SIGKILL');
  await server.restart();
  await connects(server.port);
  expect(startsOf(server.folder)).toBe(3);
});

test('a server that does not come twice is told of, and revived when it is wanted', async () => {
  const server = await start([2, 3]);
  server.signal('SIGKILL');
  await expect(server.restart()).rejects.toThrow(/Server does not start: .*\nthe server ended: 3/);
  await server.revive();
  await connects(server.port);
  expect(startsOf(server.folder)).toBe(4);
});

test('a server that answers is not started again to be revived', async () => {
  const server = await start([]);
  await server.revive();
  expect(startsOf(server.folder)).toBe(1);
});

test('a server that does not start leaves no folder', async () => {
  const folders: string[] = [];
  const program = programFailing([1]);
  const noting: ServerProgram = {
    ...program,
    command: (folder, port) => {
      folders.push(folder);
      return program.command(folder, port);
    },
  };
  await expect(startServer(noting)).rejects.toThrow('Server does not start');
  expect(folders).toHaveLength(1);
  expect(existsSync(folders[0]!)).toBe(false);
});
