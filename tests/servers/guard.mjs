// Runs a server of the tests: node guard.mjs <folder> <uid> <command> <argument…>
//
// Ends it, and removes its folder, when standard input ends: that also happens when whoever started it is killed.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';

/** What a server may take to end by itself. */
const GRACE_MS = 5_000;

const [folder, uid, command, ...args] = process.argv.slice(2);
const identity = uid === '' ? {} : { uid: Number(uid) };
const server = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...identity });
const removeFolder = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });

server.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 127;
});
server.on('exit', (code, signal) => {
  console.error(`the server ended: ${signal ?? code}`);
});

/** Signals come as lines, so that a test can kill, stop and continue the server and not its guard. */
process.stdin.on('data', (line) => {
  for (const signal of String(line).trim().split('\n')) if (server.exitCode === null) server.kill(signal);
});
process.stdin.on('end', () => {
  if (server.exitCode !== null || server.signalCode !== null) return removeFolder();
  server.on('exit', removeFolder);
  server.kill('SIGCONT');
  server.kill('SIGTERM');
  setTimeout(() => server.kill('SIGKILL'), GRACE_MS).unref();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
