import type { AtEnd } from '../helpers/api-server.ts';
import { openSamsaraApi, SAMSARA_EXAMPLES, type SamsaraApi, type SamsaraReading } from '../helpers/samsara-api.ts';
import { type ChangingWorld, changeClock, picksFrom } from './changing-world.ts';

const VEHICLES = 7;
const MAX_VEHICLES = 14;
/** As many of a kind stay, whatever else goes. */
const MIN_ROWS = 3;
const DRIVERS = 5;
const ADDRESSES = 5;
/** So small that every stream has some pages, and not more than its limit lets through at once. */
const PAGE_ROWS = 4;
const FIRST_READING_MS = Date.parse('2026-01-05T06:00:00Z');

type Row = Record<string, unknown>;

/** A fleet that drives: readings come in, late ones too, vehicles and people change, and some records are wrong. */
export async function openChangingFleet(random: () => number, atEnd: AtEnd): Promise<ChangingFleet> {
  return new ChangingFleet(await openSamsaraApi(atEnd), random);
}

class ChangingFleet implements ChangingWorld {
  readonly source = 'samsara';
  readonly api: SamsaraApi;
  readonly #pick: ReturnType<typeof picksFrom>;
  readonly #changedAt = changeClock();
  #minutes = 0;
  #made = 0;
  #wrong = 0;

  constructor(api: SamsaraApi, random: () => number) {
    this.api = api;
    this.#pick = picksFrom(random);
    api.pageRows = PAGE_ROWS;
    for (const rows of [api.vehicles, api.drivers, api.addresses, api.assignments, api.readings]) rows.length = 0;
    for (let count = 0; count < VEHICLES; count += 1) this.#addVehicle();
    for (let count = 0; count < DRIVERS; count += 1) this.#addDriver();
    for (let count = 0; count < ADDRESSES; count += 1) this.#addAddress();
    for (let count = 0; count < VEHICLES; count += 1) this.#read();
    this.#assign();
  }

  change(): void {
    for (let left = 1 + this.#pick.below(8); left > 0; left -= 1) this.#read();
    const changes = [
      ...[this.#addVehicle, this.#changeVehicle, this.#changeDriver, this.#changeAddress, this.#assign],
      ...(this.api.drivers.length < DRIVERS ? [this.#addDriver] : []),
      ...(this.api.addresses.length < ADDRESSES ? [this.#addAddress] : []),
    ];
    for (let left = 1 + this.#pick.below(4); left > 0; left -= 1) this.#pick.of(changes).call(this);
    if (this.#pick.is(0.3)) this.#addWrong();
  }

  /** Not a vehicle: this API would still tell of where it was last, and who asks twice would know it again by that. */
  remove(): void {
    const rows = this.#pick.of([this.api.drivers, this.api.addresses]);
    if (rows.length > MIN_ROWS) rows.splice(this.#pick.below(rows.length), 1);
  }

  #addVehicle(): void {
    if (this.api.vehicles.length >= MAX_VEHICLES) return;
    this.#made += 1;
    const number = 6_500 + this.#made;
    this.api.vehicles.push({
      ...SAMSARA_EXAMPLES.vehicle,
      ...{ id: String(281_474_981_110_000 + this.#made), name: `TRUCK-${number}`, serial: `GTESTSER${number}` },
      ...{ vin: `1XPTESTVIN000${number}`, licensePlate: `IL-P${number}`, staticAssignedDriver: undefined },
      externalIds: { 'samsara.serial': `GTESTSER${number}`, 'samsara.vin': `1XPTESTVIN000${number}` },
      updatedAtTime: this.#changedAt(),
    });
  }

  /** A vehicle keeps the driver it has: one that came and went between two looks would be known to one memory alone. */
  #changeVehicle(): void {
    const vehicle = this.#pick.of(this.api.vehicles);
    const { id, name } = this.#pick.of(this.api.drivers);
    const isGiven = this.#pick.is(0.5) && vehicle['staticAssignedDriver'] === undefined;
    Object.assign(vehicle, {
      licensePlate: `IL-P${this.#pick.below(90_000)}`,
      notes: `Inspected by workshop ${this.#pick.below(9)}. Load number: LD-${600_000 + this.#pick.below(20)}`,
      ...(isGiven && { staticAssignedDriver: { id, name } }),
      updatedAtTime: this.#changedAt(),
    });
  }

  #addDriver(): void {
    this.#made += 1;
    const number = this.#made;
    this.api.drivers.push({
      ...SAMSARA_EXAMPLES.driver,
      ...{ id: String(50_700 + number), name: `Driver ${number}`, username: `driver-${number}` },
      ...{ phone: `+1312555${1_000 + number}`, externalIds: { payrollId: `D-${number}` } },
      ...{ staticAssignedVehicle: undefined, updatedAtTime: this.#changedAt() },
    });
  }

  #changeDriver(): void {
    const { id, name } = this.#pick.of(this.api.vehicles);
    Object.assign(this.#pick.of(this.api.drivers), {
      driverActivationStatus: this.#pick.of(['active', 'active', 'deactivated']),
      staticAssignedVehicle: { id, name },
      updatedAtTime: this.#changedAt(),
    });
  }

  #addAddress(): void {
    this.#made += 1;
    const number = this.#made;
    this.api.addresses.push({
      ...SAMSARA_EXAMPLES.address,
      ...{
        id: String(4_410_000 + number),
        name: `Yard ${number}`,
        externalIds: { turvoLocation: String(330_010 + number) },
      },
    });
  }

  /** Nothing in an address tells when it changed. */
  #changeAddress(): void {
    Object.assign(this.#pick.of(this.api.addresses), { notes: `Gate ${this.#pick.below(40)}` });
  }

  /** Somebody gets out of a vehicle, and somebody into one. */
  #assign(): void {
    const at = this.#changedAt();
    const open = this.api.assignments.find(({ endTime }) => endTime === undefined);
    if (open !== undefined) open['endTime'] = at;
    const [driver, vehicle] = [this.#pick.of(this.api.drivers), this.#pick.of(this.api.vehicles)].map(refOf);
    const times = { startTime: at, endTime: undefined, assignedAtTime: at };
    this.api.assignments.push({ ...SAMSARA_EXAMPLES.assignment, driver, vehicle, ...times });
    // The window of the next walks has some pages of them, not more.
    if (this.api.assignments.length > 3 * PAGE_ROWS) this.api.assignments.shift();
  }

  /** Another reading, at times a late one or one that was there before. */
  #read(): void {
    const { readings } = this.api;
    if (readings.length > 0 && this.#pick.is(0.1)) {
      readings.push(this.#pick.of(readings));
      return;
    }
    this.#minutes += 1;
    const minutes = this.#pick.is(0.2) ? this.#pick.below(this.#minutes) + 0.5 : this.#minutes;
    const time = new Date(FIRST_READING_MS + minutes * 60_000).toISOString();
    const vehicle = refOf(this.#pick.of(this.api.vehicles));
    readings.push({ vehicle, ...this.#reading(time) } as SamsaraReading);
  }

  #reading(time: string) {
    const type = this.#pick.of(['gps', 'gps', 'gps', 'engineStates', 'fuelPercents'] as const);
    if (type === 'engineStates') return { type, reading: { time, value: this.#pick.of(['On', 'Off', 'Idle']) } };
    if (type === 'fuelPercents') return { type, reading: { time, value: this.#pick.below(101) } };
    const address = this.#pick.is(0.6) ? { address: refOf(this.#pick.of(this.api.addresses)) } : {};
    const place = { latitude: 41 + this.#pick.below(900) / 1_000, longitude: -87 - this.#pick.below(900) / 1_000 };
    return { type, reading: { time, ...place, speedMilesPerHour: this.#pick.below(70), ...address } };
  }

  /** A reading of no time, which costs itself. */
  #addWrong(): void {
    this.#wrong += 1;
    const vehicle = refOf(this.#pick.of(this.api.vehicles));
    const reading = { time: `not a time, ${this.#wrong}`, latitude: 41, longitude: -87 };
    this.api.readings.push({ vehicle, type: 'gps', reading });
  }
}

function refOf({ id, name }: Row): { readonly id: string; readonly name: string } {
  return { id: String(id), name: String(name) };
}
