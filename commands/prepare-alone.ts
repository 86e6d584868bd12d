import type { Command } from 'commander';
import { ERROR_CODES, EXIT } from '../lib/contracts/error-codes.ts';
import type { IsolatedRequest } from '../src/pipeline/parts.ts';
import { hostOptions } from './host.ts';
import type { IsolatedLine } from './isolated.ts';
import { printJson } from './ui/output.ts';

/** `apex prepare-alone`: what apex starts for a document that was near too many deaths. Not for people, so not in the help. */
export function registerPrepareAlone(program: Command): void {
  program.command('prepare-alone', { hidden: true }).action(async () => {
    const { createInterface } = await import('node:readline');
    const lines = createInterface({ input: process.stdin });
    const isGone = () => process.exit(EXIT.temporary);
    // Standard input ends with the process that asked: then nobody waits for this one any more.
    lines.once('close', isGone);
    const line = await new Promise<string>((resolve) => lines.once('line', resolve));
    const { prepareAlone } = await import('../src/assemble.ts');
    const { Allowance } = await import('../src/pipeline/allowance.ts');
    const { EmbeddingUse } = await import('../src/pipeline/use.ts');
    const { stopReport } = await import('../src/pipeline/failure.ts');
    try {
      const request = JSON.parse(line) as IsolatedRequest;
      const { item, address } = request;
      const flags = address === undefined ? {} : { addresses: new Map([[item.uri, address]]) };
      const { caps, ...before } = request.allowance;
      const allowance = new Allowance(caps, () => performance.now(), before);
      // Said before each request is made, so that it counts even if this process dies of its answer.
      const use = new EmbeddingUse(allowance, (since) => say({ use: since }));
      await prepareAlone(request, await hostOptions(flags), { onStep: (_, step) => say({ step }), use });
    } catch (error) {
      const failure = stopReport(error);
      say({ failure });
      process.exitCode = ERROR_CODES[failure.code].exit;
    } finally {
      lines.off('close', isGone);
      process.stdin.destroy();
    }
  });
}

function say(line: IsolatedLine): void {
  printJson(line);
}
