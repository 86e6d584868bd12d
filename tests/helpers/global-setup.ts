import { execFileSync } from 'node:child_process';

/** Builds the program once before the tests: crash and end-to-end tests run what users run. */
export default function setup(): void {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    stdio: 'inherit',
  });
}
