import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

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

/** Writes records of vehicles with their readings, one a line, more than a batch takes when there are many; two of them are wrong. */
export function writeFleet(
  path: string,
  { readings, plate }: { readonly readings: number; readonly plate: string },
): void {
  const vehicle = (index: number) => ({ id: `90${index % 4}`, name: `TRUCK-${index % 4}` });
  const time = (index: number) => new Date(Date.parse('2026-01-05T06:00:00Z') + index * 60_000).toISOString();
  const place = (index: number) =>
    Math.floor(index / 8) % 2 === 0 ? { address: { id: '44', name: 'Yard' } } : { speedMilesPerHour: index % 70 };
  const read = Array.from({ length: readings }, (_, index) => ({
    ...vehicle(index),
    // Out of order: late ones come, too.
    gps: [
      {
        time: time(index % 7 === 0 ? index : index + 20),
        latitude: 41 + index / 1_000,
        longitude: -87,
        ...place(index),
      },
    ],
  }));
  const described = [0, 1, 2].map((index) => ({
    ...{ ...vehicle(index), licensePlate: `${plate}-${index}`, notes: `Carries load LD-70000${index}.` },
    ...{ make: 'PETERBILT', vin: `1XPTESTVIN000652${index}`, updatedAtTime: time(readings) },
  }));
  const wrong = [{ ...vehicle(0), gps: [{ time: 'never', latitude: 41, longitude: -87 }] }, { what: 'is this' }];
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, [...read, ...wrong, ...described].map((record) => `${JSON.stringify(record)}\n`).join(''));
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
