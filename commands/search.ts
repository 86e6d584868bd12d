import { type Command, InvalidArgumentError, Option } from 'commander';
import type { SearchRequest } from '../lib/contracts/apex.ts';
import { type CommonFlags, withApex } from './host.ts';
import { clipped, columns, printJson, printLine, printNote, safeText } from './ui/output.ts';

interface SearchFlags extends CommonFlags {
  readonly mode: SearchRequest['mode'];
  readonly limit: number;
}

/** Lines of a hit's text that are shown. */
const SHOWN_LINES = 3;

/** `apex search <text>`: the best passages of the memory. */
export function registerSearch(program: Command): void {
  program
    .command('search')
    .summary('find passages in the memory')
    .argument('<text...>', 'what to look for')
    .addOption(
      new Option('--mode <mode>', 'how to rank').choices(['hybrid', 'vector', 'keyword', 'graph']).default('hybrid'),
    )
    .addOption(new Option('--limit <n>', 'hits at most, 1 to 1000').default(5).argParser(parseLimit))
    .option('--json', 'one JSON object a hit on standard output and nothing else')
    .action(async (words: string[], flags: SearchFlags) => {
      const request = { text: words.join(' '), mode: flags.mode, limit: flags.limit };
      const hits = await withApex(flags, (apex, signal) => apex.search(request, signal));
      if (flags.json === true) {
        for (const hit of hits) printJson(hit);
        return;
      }
      if (hits.length === 0) printNote('No passage found.');
      for (const { rank, score, text, page, source_uri, heading_path, entities } of hits) {
        const place = [shownUri(source_uri), page === null ? '' : `page ${page}`, heading_path.join(' > ')].filter(
          (part) => part !== '',
        );
        printLine(clipped(`${rank}. ${safeText(place.join(' · '))}  (${score.toFixed(3)})`, columns()));
        for (const line of text
          .split('\n')
          .filter((part) => part.trim() !== '')
          .slice(0, SHOWN_LINES))
          printLine(clipped(`   ${safeText(line)}`, columns()));
        const names = [...new Set(entities.map(({ name }) => name))].slice(0, 8).join(', ');
        if (names !== '') printLine(clipped(`   ⟶ ${safeText(names)}`, columns()));
      }
    });
}

function parseLimit(value: string): number {
  const limit = Number(value);
  if (/^\d+$/.test(value) && limit >= 1 && limit <= 1_000) return limit;
  throw new InvalidArgumentError('Give a whole number from 1 to 1000.');
}

/** The last part of a location, as a person knows it. */
function shownUri(uri: string): string {
  try {
    return decodeURIComponent(uri.split('/').at(-1) ?? uri);
  } catch {
    return uri;
  }
}
