import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Stores } from '../../lib/contracts/store.ts';
import { openEmbeddedStores } from '../../lib/stores/index.ts';
import type { MemorySettings } from '../../lib/stores/memory-db.ts';
import { newFolder } from './program.ts';
import { DIMENSIONS } from './records.ts';

/** A folder that goes when the test ends. */
export function temporaryFolder(): string {
  const folder = newFolder('memory');
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Settings of a memory in a folder of its own. */
export function memorySettings(changes: Partial<MemorySettings> = {}): MemorySettings {
  const path = changes.path ?? join(temporaryFolder(), 'memory.db');
  return { path, embedder: { model: 'test', dimensions: DIMENSIONS }, createMemoryId: () => 'memory-1', ...changes };
}

/** The embedded stores of a memory; closed when the test ends. */
export async function openStores(settings: MemorySettings = memorySettings()): Promise<Stores> {
  const { stores, close } = await openEmbeddedStores(settings);
  onTestFinished(close);
  return stores;
}
