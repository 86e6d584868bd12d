import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SHIPMENT = fileURLToPath(new URL('../../fixtures/records/turvo/shipment.json', import.meta.url));

/** Vehicles, customers and carriers that the records are of, and how often a vehicle tells its position. */
const VEHICLES = 100;
const CUSTOMERS = 300;
const CARRIERS = 200;
const INTERVAL_MS = 30_000;
const FIRST_MS = Date.UTC(2025, 9, 1);
/** Of so many readings a vehicle gives so many at a known address. */
const ROUND = { readings: 50, atAddress: 5 };

/** Lines are written to the disk in pieces of so many characters. */
const PIECE_CHARACTERS = 1_000_000;

/** Position readings of 100 vehicles in turns, as Samsara's feed has them, one a line. @returns how many bytes they take. */
export function writeReadings(path: string, count: number): number {
  return writeLines(path, count, (index) => {
    const vehicle = index % VEHICLES;
    const round = Math.floor(index / VEHICLES);
    const isAtAddress = round % ROUND.readings < ROUND.atAddress;
    return {
      id: String(281_474_981_110_000 + vehicle),
      name: `TRUCK-${6000 + vehicle}`,
      externalIds: { 'samsara.vin': `1XPTESTVIN00${String(6000 + vehicle).padStart(5, '0')}` },
      gps: {
        time: new Date(FIRST_MS + round * INTERVAL_MS).toISOString(),
        latitude: 41 + (index % 1_000) / 1_000,
        longitude: -87 - vehicle / 100,
        headingDegrees: index % 360,
        speedMilesPerHour: index % 70,
        ...(isAtAddress ? { address: { id: String(vehicle % 10), name: `Yard ${vehicle % 10}` } } : {}),
      },
    };
  });
}

/** Whole shipments of Turvo, each with ids of its own, of 300 customers and 200 carriers, one a line. @returns how many bytes they take. */
export function writeShipments(path: string, count: number): number {
  const { details } = JSON.parse(readFileSync(SHIPMENT, 'utf8')) as { details?: Shipment };
  const pattern = JSON.stringify(details ?? JSON.parse(readFileSync(SHIPMENT, 'utf8')));
  return writeLines(path, count, (index) => {
    const shipment = JSON.parse(pattern) as Shipment;
    shipment.id = 1_000_000_000 + index;
    shipment.customId = `SHIP-2025-10-${String(index).padStart(6, '0')}`;
    for (const stop of shipment.globalRoute) stop.id = stop.id * 100_000 + index;
    for (const order of shipment.customerOrder) {
      order.customer = { id: 204_000 + (index % CUSTOMERS), name: `Customer ${index % CUSTOMERS} Corp` };
      for (const one of order.externalIds ?? []) one.value = `${one.value}${index}`;
    }
    for (const order of shipment.carrierOrder) {
      order.carrier = { id: 205_000 + (index % CARRIERS), name: `Carrier ${index % CARRIERS} LLC` };
      for (const one of order.externalIds ?? []) one.value = `${one.value}${index}`;
    }
    return shipment;
  });
}

interface Order {
  customer?: object;
  carrier?: object;
  externalIds?: { value: string }[];
}

/** What is changed of the complete example. */
interface Shipment {
  id: number;
  customId: string;
  globalRoute: { id: number }[];
  customerOrder: Order[];
  carrierOrder: Order[];
}

function writeLines(path: string, count: number, record: (index: number) => object): number {
  const file = openSync(path, 'w');
  let [bytes, piece] = [0, ''];
  for (let index = 0; index < count; index += 1) {
    piece += `${JSON.stringify(record(index))}\n`;
    if (piece.length < PIECE_CHARACTERS && index < count - 1) continue;
    bytes += writeSync(file, piece);
    piece = '';
  }
  closeSync(file);
  return bytes;
}
