import type { TestProject } from 'vitest/node';
import { openServers, type ServerUrls } from './open.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    readonly servers: ServerUrls;
  }
}

/** Starts the servers that no variable names, once for all test files that need some, and stops them afterwards. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { urls, stop } = await openServers();
  project.provide('servers', urls);
  return stop;
}
