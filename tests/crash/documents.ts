import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What is ingested before a command that is killed. */
export function writeFirstState(folder: string): void {
  writeDocuments(folder, {
    'contract.md':
      '# Contract\n\n## Parties\n\nShipper: Tarrow Foods Inc\n\n## Term\n\nDated January 5, 2026. The term is one year.\n',
    'load.txt':
      'Date: January 10, 2026\n\nLoad number: LD-700001\nCarrier: Farrow Freight LLC\nShipper: Tarrow Foods Inc\n',
    'table.csv': 'Load,Carrier\nLD-700001,Farrow Freight LLC\nLD-700002,Brightwater Trucking Inc\n',
    'unchanged.txt': 'This document never changes. Invoice number: INV-4711.\n',
    'mail.eml': mail('Load LD-700001 leaves today.', [
      'Attached: BOL number: BOL-880001',
      'Second attachment, PO number: PO-5501',
    ]),
    'broken.pdf': '%PDF-1.7 and nothing else',
    'empty.txt': '\n',
  });
}

/** What has changed when it begins. */
export function writeSecondState(folder: string): void {
  writeDocuments(folder, {
    'contract.md':
      '# Contract\n\n## Parties\n\nShipper: Tarrow Foods Inc\n\n## Term\n\nDated January 5, 2026. The term is two years.\n',
    'load-2.txt': 'Date: January 20, 2026\n\nLoad number: LD-700001\nCarrier: Brightwater Trucking Inc\n',
    'table.csv': 'Load,Carrier\nLD-700002,Brightwater Trucking Inc\n',
    'mail.eml': mail('Load LD-700001 left yesterday.', ['Attached: BOL number: BOL-880001']),
    'also-broken.pdf': '%PDF-1.4 broken too',
    'new.html':
      '<html><body><h1>Notice</h1><p>Load LD-700003 is delayed. Carrier: Farrow Freight LLC</p></body></html>',
  });
}

/** Writes files into a folder, making it. */
export function writeDocuments(folder: string, documents: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(documents)) writeFileSync(join(folder, name), text);
}

function mail(text: string, attachments: readonly string[]): string {
  const parts = attachments.map(
    (body, index) =>
      `--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename="a${index}.txt"\n\n${body}\n`,
  );
  return `From: Dana Reyes <dana@tarrow.example>\nTo: ops@farrow.example\nSubject: LD-700001\nDate: Mon, 12 Jan 2026 09:00:00 +0000\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\n${text}\n${parts.join('')}--b--\n`;
}
