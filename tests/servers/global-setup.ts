import type { TestProject } from 'vitest/node';
import { openS3 } from './moto.ts';
import { openServers, type ServerUrls } from './open.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    readonly servers: ServerUrls;
    /** A server of S3; null where it could not be had, which fails in CI. */
    readonly s3: string | null;
  }
}

/** Starts the servers that no variable names, once for all test files that need some, and stops them afterwards. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { urls, stop } = await openServers();
  project.provide('servers', urls);
  // After those, whose set-up installs what Python lacks.
  const s3 = await openS3().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  project.provide('s3', s3?.url ?? null);
  return async () => {
    await s3?.stop();
    await stop();
  };
}
