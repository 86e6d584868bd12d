import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { assembleMachine } from '../helpers/machine.ts';
import { newFolder } from '../helpers/program.ts';
import { openChangingFleet } from './changing-fleet.ts';
import { openChangingFreight } from './changing-freight.ts';
import { openChangingMail } from './changing-mail.ts';
import type { ChangingWorld } from './changing-world.ts';
import { embeddedMemory, type Memory } from './memories.ts';
import { randomFrom } from './random.ts';
import type { Patient } from './random-kills.ts';

type Machine = Awaited<ReturnType<typeof assembleMachine>>['machine'];

/** Sources that change, a memory of them that commands are killed over, and one that meets the same undisturbed. */
export interface RecordPlace {
  readonly worlds: readonly ChangingWorld[];
  readonly memory: Memory;
  /** Embedded, whatever the other is. */
  readonly twin: Memory;
  /** Over the twin, in this process. */
  readonly undisturbed: Machine;
  /** What the commands over the memory are given. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Makes two empty memories, and three sources with something in them. */
export async function openRecordPlace(
  seed: number,
  openMemory: Patient['openMemory'] = embeddedMemory,
): Promise<RecordPlace> {
  const root = newFolder('record-kills');
  const closing: (() => void)[] = [];
  const atEnd = (close: () => void) => closing.push(close);
  const random = randomFrom(seed);
  const worlds = [
    await openChangingFleet(random, atEnd),
    await openChangingFreight(random, atEnd),
    await openChangingMail(random, atEnd),
  ];
  const env = Object.assign({}, ...worlds.map(({ api }) => api.env)) as Record<string, string>;
  const memory = openMemory(join(root, 'home'));
  const twin = embeddedMemory(join(root, 'twin'));
  const { machine, close } = await assembleMachine(twin.home, { env });
  return {
    ...{ worlds, memory, twin, undisturbed: machine, env: { ...memory.env, ...env } },
    close: async () => {
      await close();
      await memory.close();
      for (const end of closing) end();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
