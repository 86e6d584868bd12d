import { expect, test } from 'vitest';
import { openCase } from '../../helpers/case.ts';
import { openMachine } from '../../helpers/machine.ts';
import { never } from '../../helpers/records.ts';

/**
 * Goal: what each mode ranks by, over the real stores. Method: the same passage in two documents, each section a chunk; in one of
 * them the sections beside it speak of the question too. A third document makes the question's words rare.
 */

const ANSWER = 'The pallet jack stays beside the loading bay.';
const OTHER = 'Nobody objected when quarterly figures were audited.';

function sections(...texts: readonly string[]): string {
  return texts.map((text, index) => `## Part ${index + 1}\n\n${text}\n`).join('\n');
}

const CASE = {
  'alone.md': sections(OTHER, ANSWER, OTHER),
  'around.md': sections('Every pallet is weighed and moved.', ANSWER, 'A loading bay closes every evening.'),
  'other.md': sections(...Array.from({ length: 12 }, () => OTHER)),
};

async function openSearch() {
  const { home, documents } = openCase(CASE);
  const { machine, ingest } = await openMachine(home);
  await ingest(documents);
  return async (mode: 'keyword' | 'vector' | 'hybrid', limit: number) =>
    (await machine.search({ text: 'where is the pallet jack of the loading bay?', mode, limit }, never)).map(
      ({ source_uri, text, score, rank }) => ({
        name: source_uri.split('/').at(-1),
        text: text.split('\n').at(-1),
        score,
        rank,
      }),
    );
}

test('a hybrid search prefers, of equal passages, the one whose surroundings speak of the question too', async () => {
  const search = await openSearch();
  for (const mode of ['keyword', 'vector'] as const) {
    const [first, second] = await search(mode, 2);
    expect([first?.text, second?.text, first?.score]).toEqual([ANSWER, ANSWER, second?.score]);
  }
  const [first, second] = await search('hybrid', 2);
  expect([first?.name, first?.text, second?.text]).toEqual(['around.md', ANSWER, ANSWER]);
  expect(first!.score).toBeGreaterThan(second!.score + 0.05);
});

test.each(['keyword', 'vector', 'hybrid'] as const)('%s: fewer hits asked for are the first of more', async (mode) => {
  const search = await openSearch();
  const all = await search(mode, 50);
  expect(all.length).toBeGreaterThan(2);
  expect(all.map(({ rank }) => rank)).toEqual(all.map((_, index) => index + 1));
  expect(await search(mode, 2)).toEqual(all.slice(0, 2));
});
