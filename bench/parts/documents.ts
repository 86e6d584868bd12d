import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomFrom } from '../../tests/crash/random.ts';

const CITIES = [
  ...['Chicago, IL 60607', 'Dallas, TX 75201', 'Tulsa, OK 74103', 'Memphis, TN 38103', 'Atlanta, GA 30303'],
  ...['Denver, CO 80202', 'Reno, NV 89501', 'Omaha, NE 68102', 'Newark, NJ 07102', 'Fresno, CA 93721'],
];
const STREETS = ['Lantern Street', 'Quarry Lane', 'Harbor Road', 'Mill Avenue', 'Depot Street', 'Foundry Way'];
const NAMES = [
  'Orrinway',
  'Brackenfell',
  'Sundmere',
  'Tarrowby',
  'Halden',
  'Corvane',
  'Lindmoor',
  'Esterly',
  'Wexcombe',
];
const TRADES = [
  'Logistics Inc',
  'Freight LLC',
  'Linehaul Inc',
  'Grocers Inc',
  'Foods Corp',
  'Carriers LLC',
  'Steel Co',
];
const PEOPLE = [
  'Priya Nair',
  'Tomas Havel',
  'Grace Okafor',
  'Ines Duarte',
  'Martin Keller',
  'Yuki Mori',
  'Dana Whitfield',
];
const GOODS = [
  'olive oil',
  'steel coils',
  'frozen berries',
  'office paper',
  'tractor parts',
  'bottled water',
  'ceramic tile',
];
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October'];
const REMARKS = [
  'The driver waited at the gate until the yard clerk had found the appointment in the system.',
  'Two pallets leaned against the bulkhead and were restacked before the doors were closed.',
  'Detention is billed from the third hour on, against a signed in and out time.',
  'The receiver asks that every stop is announced an hour ahead by telephone.',
  'Temperature stayed between two and four degrees on the whole way, as the recorder shows.',
  'The seal was intact on arrival and its number agrees with the one on the papers.',
  'Because of ice on the pass the truck took the southern route and came half a day late.',
  'The claim for the wet cartons is settled once the photographs have been reviewed.',
  'Lift gate service was not ordered, so the freight was moved by hand from the tail of the trailer.',
  'The night shift unloads until five in the morning; after that the dock is closed for cleaning.',
];

/** Seeded choices over a list and over numbers. */
class Chooser {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  of<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)]!;
  }

  number(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from));
  }
}

/** One document in Markdown of about `bytes` bytes: shipment notes with companies, people, places, dates, money and numbers. */
export function shipmentNotes(seed: number, bytes: number): string {
  const choose = new Chooser(seed);
  const company = () => `${choose.of(NAMES)} ${choose.of(TRADES)}`;
  const date = () => `${choose.of(MONTHS)} ${choose.number(1, 28)}, 2026`;
  const money = () => `$${choose.number(1, 9)},${choose.number(100, 999)}.${choose.number(10, 99)}`;
  const address = () => `${choose.number(10, 999)} ${choose.of(STREETS)}, ${choose.of(CITIES)}`;
  const load = `LD-${choose.number(10_000, 99_999)}`;
  const parts = [
    `# Shipment notes for load ${load}`,
    `Dated ${date()}. Shipper: ${company()}, ${address()}. Consignee: ${company()}, ${address()}.`,
    '## Parties and references',
    `- Carrier: ${company()}, MC number ${choose.number(100_000, 999_999)}\n- Load number: ${load}\n- PO number: PO-${choose.number(
      1_000_000,
      9_999_999,
    )}\n- Invoice: INV-${choose.number(10_000, 99_999)} over ${money()}\n- Contact: ${choose.of(PEOPLE)}, (312) 555-${choose.number(
      1_000,
      9_999,
    )}, dispatch${choose.number(1, 99)}@${choose.of(NAMES).toLowerCase()}.example`,
  ];
  const length = () => parts.reduce((sum, part) => sum + part.length + 2, 0);
  for (let stop = 1; length() < bytes - 300; stop += 1) {
    parts.push(
      `## Stop ${stop}`,
      `On ${date()} ${choose.of(PEOPLE)} received ${choose.number(2, 26)} pallets of ${choose.of(GOODS)} at ${address()}. ${choose.of(
        REMARKS,
      )} ${choose.of(REMARKS)} The accessorial charge of ${money()} was approved by ${choose.of(PEOPLE)}. ${choose.of(REMARKS)}`,
    );
  }
  parts.push(`The balance of ${money()} is due on ${date()}.`);
  return `${parts.join('\n\n')}\n`;
}

/** Documents in a folder of their own, 1,000 to a subfolder; the same ones for the same numbers. */
export function writeDocuments(
  folder: string,
  { count, bytes }: { readonly count: number; readonly bytes: number },
): void {
  for (let index = 0; index < count; index += 1) {
    const place = join(folder, String(Math.floor(index / 1_000)).padStart(3, '0'));
    if (index % 1_000 === 0) mkdirSync(place, { recursive: true });
    writeFileSync(join(place, `note-${String(index).padStart(6, '0')}.md`), shipmentNotes(index + 1, bytes));
  }
}
