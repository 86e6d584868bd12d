import type { Command } from 'commander';
import type { IsolatedRequest } from '../src/pipeline/parts.ts';
import { hostOptions } from './host.ts';

/** `apex prepare-alone`: what apex starts for a document that was near too many deaths. Not for people, so not in the help. */
export function registerPrepareAlone(program: Command): void {
  program.command('prepare-alone', { hidden: true }).action(async () => {
    const { text } = await import('node:stream/consumers');
    const request = JSON.parse(await text(process.stdin)) as IsolatedRequest;
    const { prepareAlone } = await import('../src/assemble.ts');
    await prepareAlone(request, await hostOptions({}));
  });
}
