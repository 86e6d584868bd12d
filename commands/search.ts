import { type Command, InvalidArgumentError, Option } from 'commander';
import type { SearchHit, SearchRequest } from '../lib/contracts/apex.ts';
import { groupFlag } from './group-flag.ts';
import { type CommonFlags, withApex } from './host.ts';
import { shownName, shownScore } from './ui/figures.ts';
import { columns, printJson, printLine, printNote } from './ui/output.ts';
import { passage } from './ui/passage.ts';
import type { Style } from './ui/style.ts';
import { clipped, safeText } from './ui/text.ts';

interface SearchFlags extends CommonFlags {
  readonly mode: SearchRequest['mode'];
  readonly limit: number;
}

/** Lines of a hit's text that are shown, and how wide they are where there is no terminal. */
const SHOWN_LINES = 3;
const PASSAGE_COLUMNS = 100;
/** Entities of a hit that are shown. */
const SHOWN_ENTITIES = 8;

/** `apex search <text>`: the best passages of the memory. */
export function registerSearch(program: Command): void {
  program
    .command('search')
    .summary('find passages in the memory')
    .description(
      'The best passages for a text. keyword: its words. vector: its meaning, by the embedder. hybrid: both. graph: passages that mention what it names, or what that is related to.',
    )
    .argument('<text...>', 'what to look for')
    .addOption(
      new Option('--mode <mode>', 'how to rank').choices(['hybrid', 'vector', 'keyword', 'graph']).default('hybrid'),
    )
    .addOption(new Option('--limit <n>', 'hits at most, 1 to 1000').default(5).argParser(parseLimit))
    .addOption(groupFlag())
    .option('--json', 'one JSON object a hit on standard output and nothing else')
    .addHelpText(
      'after',
      '\nExamples:\n  $ apex search "who carries load LD-20418?"\n  $ apex search LD-20418 --mode graph --limit 20\n  $ apex search "detention fee" --json | head -1',
    )
    .action(async (words: string[], flags: SearchFlags) => {
      const request = { text: words.join(' '), mode: flags.mode, limit: flags.limit };
      const hits = await withApex(flags, (apex, signal) => apex.search(request, signal));
      if (flags.json === true) {
        for (const hit of hits) printJson({ event: 'hit', ...hit });
        return;
      }
      if (hits.length === 0) printNote(NOTHING_FOUND[flags.mode]);
      const { styleOf } = await import('./ui/style.ts');
      const style = styleOf('stdout');
      for (const hit of hits) for (const line of hitLines(hit, request.text, style)) printLine(line);
    });
}

/** What to try when nothing was found. */
const NOTHING_FOUND: { readonly [mode in SearchRequest['mode']]: string } = {
  hybrid: 'No passage found. See what the memory holds with: apex documents list',
  vector: 'No passage found. See what the memory holds with: apex documents list',
  keyword: 'No passage holds any of these words. Try --mode hybrid.',
  graph: 'No passage mentions anything of that name. Try --mode hybrid.',
};

/** A hit: where it is, the lines that hold what was looked for, and what is mentioned there. */
function hitLines(hit: SearchHit, query: string, style: Style): string[] {
  const { rank, score, text, page, source_uri, heading_path, entities } = hit;
  const width = columns();
  const place = [shownName(source_uri), page === null ? '' : `page ${page}`, heading_path.join(' > ')];
  const heading = `${rank}. ${safeText(place.filter((part) => part !== '').join(' · '))}`;
  const rating = `  (${shownScore(score)})`;
  const names = [...new Set(entities.map(({ name }) => name))];
  const more = names.length > SHOWN_ENTITIES ? ', …' : '';
  const mentions = names.slice(0, SHOWN_ENTITIES).join(', ') + more;
  return [
    `${style.strong(clipped(heading, width - rating.length))}${rating}`,
    ...passage(text, query, {
      width: Math.min(width, PASSAGE_COLUMNS),
      maxLines: SHOWN_LINES,
      mark: style.strong,
    }),
    ...(mentions === '' ? [] : [clipped(`   ⟶ ${safeText(mentions)}`, width)]),
  ];
}

function parseLimit(value: string): number {
  const limit = Number(value);
  if (/^\d+$/.test(value) && limit >= 1 && limit <= 1_000) return limit;
  throw new InvalidArgumentError('Give a whole number from 1 to 1000.');
}
