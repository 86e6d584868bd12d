// One large PDF through the built program: does it stay within its memory?
//
//   npm run bench -- pdf [--pages 2000]
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { shipmentNotes } from './parts/documents.ts';
import { inFolder } from './parts/folders.ts';
import { writePdf } from './parts/pdf-writer.ts';
import { ingest } from './parts/program.ts';
import { against, megabytes, save, shown, table } from './parts/report.ts';

const { values } = parseArgs({ options: { pages: { type: 'string', default: '2000' } } });
const pages = Number(values.pages);
const PAGE_TEXT_BYTES = 2_600;
const MAX_PEAK_BYTES = 1e9;

await inFolder('pdf', async (folder) => {
  const documents = join(folder, 'documents');
  mkdirSync(documents);
  const path = join(documents, 'large.pdf');
  writeFileSync(path, writePdf(Array.from({ length: pages }, (_, index) => shipmentNotes(index + 1, PAGE_TEXT_BYTES))));
  const { summary, seconds, peakBytes } = await ingest(documents, { home: join(folder, 'home') });
  save({
    name: 'pdf',
    input: `one generated PDF of ${pages} pages with text on each, ${megabytes(statSync(path).size)}`,
    body: table([
      ['', 'figure'],
      ['documents added', summary.added],
      ['chunks, entities, relations', `${summary.chunks}, ${summary.entities}, ${summary.relations}`],
      ['seconds', shown(seconds)],
      ['pages a second', shown(pages / seconds)],
      [
        'peak memory of the process tree',
        against(peakBytes / 1e6, peakBytes < MAX_PEAK_BYTES, 'less than 1,000 MB', ' MB'),
      ],
    ]),
  });
});
