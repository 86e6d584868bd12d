import { connects, type ServerProgram } from './start.ts';

const PASSWORD = 'password-of-the-tests';

/** Redis of Debian: nothing is saved, so that a restart is an empty one. */
export const redis: ServerProgram = {
  name: 'Redis',
  uid: null,
  command: (folder, port) => [
    ...(['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--dir', folder] as const),
    ...['--databases', '4096', '--save', '', '--requirepass', PASSWORD],
  ],
  url: (port) => `redis://:${PASSWORD}@127.0.0.1:${port}`,
  greet: (url) => connects(Number(new URL(url).port)),
};
