import type { AtEnd } from '../helpers/api-server.ts';
import { openTurvoApi, TURVO_EXAMPLES, type TurvoApi } from '../helpers/turvo-api.ts';
import { type ChangingWorld, changeClock, picksFrom } from './changing-world.ts';

const SHIPMENTS = 5;
const MAX_SHIPMENTS = 12;
const CUSTOMERS = 5;
/** As many of a kind stay, whatever else goes. */
const MIN_ROWS = 2;
const PAGE_ROWS = 4;

const STATUSES = [
  ['2101', 'Tendered'],
  ['2102', 'Covered'],
  ['2104', 'At pickup'],
  ['2105', 'En route'],
  ['2107', 'Delivered'],
] as const;

interface Order {
  readonly id: number;
  readonly deleted: boolean;
  readonly customer: { readonly id: unknown; readonly name: unknown };
  readonly externalIds: readonly unknown[];
}

/** Freight that is on its way: shipments come, change their status, customer and notes; customers are renamed; some records are wrong. */
export async function openChangingFreight(random: () => number, atEnd: AtEnd): Promise<ChangingFreight> {
  return new ChangingFreight(await openTurvoApi(atEnd), random);
}

class ChangingFreight implements ChangingWorld {
  readonly source = 'turvo';
  readonly api: TurvoApi;
  readonly #pick: ReturnType<typeof picksFrom>;
  readonly #changedAt = changeClock();
  #made = 0;
  #orders = 0;

  constructor(api: TurvoApi, random: () => number) {
    this.api = api;
    this.#pick = picksFrom(random);
    api.pageRows = PAGE_ROWS;
    for (const rows of [api.shipments, api.customers, api.locations]) rows.length = 0;
    for (let count = 0; count < CUSTOMERS; count += 1) this.#addCustomer();
    for (let count = 0; count < CUSTOMERS; count += 1) this.#addLocation();
    for (let count = 0; count < SHIPMENTS; count += 1) this.#addShipment();
  }

  change(): void {
    const changes = [
      this.#addShipment,
      this.#changeStatus,
      this.#changeStatus,
      this.#changeNotes,
      this.#changeCustomer,
      ...(this.api.customers.length < CUSTOMERS ? [this.#addCustomer] : []),
      ...(this.api.locations.length < CUSTOMERS ? [this.#addLocation] : []),
    ];
    for (let left = 1 + this.#pick.below(5); left > 0; left -= 1) this.#pick.of(changes).call(this);
    if (this.#pick.is(0.3)) this.#addWrong();
  }

  remove(): void {
    const rows = this.#pick.of([this.api.customers, this.api.locations]);
    if (rows.length > MIN_ROWS) rows.splice(this.#pick.below(rows.length), 1);
  }

  #addCustomer(): void {
    this.#made += 1;
    const number = this.#made;
    this.api.customers.push({
      ...TURVO_EXAMPLES.customer,
      ...{ id: 204_000 + number, name: `Shipper ${number} Corp`, updated: this.#changedAt() },
    });
  }

  #addLocation(): void {
    this.#made += 1;
    const number = this.#made;
    this.api.locations.push({
      ...TURVO_EXAMPLES.location,
      ...{ id: 330_010 + number, name: `Dock ${number}`, updated: this.#changedAt() },
    });
  }

  #addShipment(): void {
    if (this.api.shipments.length >= MAX_SHIPMENTS) return;
    this.#made += 1;
    const { shipment, shipmentRow } = TURVO_EXAMPLES;
    const updated = this.#changedAt();
    this.api.shipments.push({
      ...shipmentRow,
      ...shipment,
      ...{
        id: 1_000_324_000 + this.#made,
        customId: `SHIP-${20_000 + this.#made}`,
        globalRoute: [],
        statusHistory: [],
      },
      ...{ customerOrder: [this.#order()], carrierOrder: [], updated, lastUpdatedOn: updated },
    });
  }

  #order(): Order {
    this.#orders += 1;
    const { id, name } = this.#pick.of(this.api.customers);
    const type = { key: '1400', value: 'Purchase order #' };
    const value = `PO-${5_000 + this.#pick.below(30)}`;
    return { id: 500_000 + this.#orders, deleted: false, customer: { id, name }, externalIds: [{ type, value }] };
  }

  #changeStatus(): void {
    const [key, value] = this.#pick.of(STATUSES);
    this.#change(() => ({ status: { code: { key, value } } }));
  }

  /** Numbers that a text names tie it to what bears them. An order that another takes the place of stays, as deleted. */
  #changeNotes(): void {
    const number = this.#pick.is(0.5) ? `LD-${600_000 + this.#pick.below(20)}` : `PO-${5_000 + this.#pick.below(30)}`;
    this.#change(({ customerOrder }) => ({
      notes: `Asked about ${number}.`,
      customerOrder: [...(customerOrder as Order[]).map((order) => ({ ...order, deleted: true })), this.#order()],
    }));
  }

  #change(changed: (shipment: Record<string, unknown>) => Record<string, unknown>): void {
    const updated = this.#changedAt();
    const shipment = this.#pick.of(this.api.shipments) as Record<string, unknown>;
    Object.assign(shipment, changed(shipment), { updated, lastUpdatedOn: updated });
  }

  #changeCustomer(): void {
    const customer = this.#pick.of(this.api.customers);
    Object.assign(customer, { name: `Shipper ${this.#pick.below(90)} Corp`, updated: this.#changedAt() });
  }

  /** A carrier without an id, which costs itself. */
  #addWrong(): void {
    this.#made += 1;
    const wrong = { id: { no: 'id', number: this.#made }, name: 'Nobody Corp', updated: this.#changedAt() };
    this.api.carriers.push(wrong as unknown as TurvoApi['carriers'][number]);
    if (this.api.carriers.length > 2 * PAGE_ROWS) this.api.carriers.splice(1, 1);
  }
}
