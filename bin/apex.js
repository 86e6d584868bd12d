#!/usr/bin/env node
// Plain JavaScript, so that it parses on any Node: an older one hands over to the project's own, because the database driver
// would bring it down without a word.
import module from 'node:module';
import v8 from 'node:v8';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major > 22 || (major === 22 && minor >= 19)) {
  module.enableCompileCache?.();
  // The heap is collected when it has grown by half, not fourfold as on a large machine; what is new in it gets room at once, so that
  // it is not copied over and over (docs/decisions/0028).
  v8.setFlagsFromString('--heap-growing-percent=50');
  v8.setFlagsFromString('--semi-space-growth-factor=8');
  const { main } = await import('../dist/main.js');
  await main(process.argv);
} else {
  const { spawn } = await import('node:child_process');
  const { existsSync } = await import('node:fs');
  const { constants } = await import('node:os');
  const { fileURLToPath } = await import('node:url');
  const own = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));
  if (!existsSync(own)) {
    console.error(`apex needs Node 22.19 or newer; this is ${process.version}`);
    process.exit(78);
  }
  const child = spawn(own, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}
