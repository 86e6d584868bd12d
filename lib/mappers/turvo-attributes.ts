import type { Json } from '../contracts/document.ts';
import type { JsonObject } from '../contracts/feed.ts';
import type { Fields } from './fields.ts';
import { attributes, customFields } from './observations.ts';
import { kept, localTime, shownCode } from './turvo-values.ts';

/** What else a shipment has. Amounts in rows of the list are always 0.0 and so left out there. */
export function shipmentAttributes(fields: Fields, orders: readonly Fields[], isWhole: boolean): JsonObject {
  const [start, end] = [localTime(fields, 'startDate'), localTime(fields, 'endDate')];
  const transportation = fields.object('transportation');
  const tracking = fields.object('tracking');
  const lane = fields.object('lane');
  const margin = isWhole ? fields.object('margin') : null;
  return attributes({
    isLtl: fields.boolean('ltlShipment'),
    phase: shownCode(fields, 'phase'),
    startDate: start.at,
    startTimeZone: start.timeZone,
    startFlexSeconds: start.flexSeconds,
    endDate: end.at,
    endTimeZone: end.timeZone,
    endFlexSeconds: end.flexSeconds,
    mode: transportation === null ? null : shownCode(transportation, 'mode'),
    serviceType: transportation === null ? null : shownCode(transportation, 'serviceType'),
    statusCategory: fields.object('status')?.word('category') ?? null,
    isTrackable: tracking?.boolean('isTrackable') ?? null,
    isTracking: tracking?.boolean('isTracking') ?? null,
    trackingSource: tracking?.word('source') ?? null,
    trackingDescription: tracking?.text('description') ?? null,
    laneStart: lane?.text('start') ?? null,
    laneEnd: lane?.text('end') ?? null,
    totalMiles: orders.map((order) => order.number('totalMiles')).find((miles) => miles !== null) ?? null,
    items: orders.flatMap((order) => kept(order.objects('items')).map(itemOf)),
    equipment: kept(fields.objects('equipment')).map(equipmentOf),
    customerAmounts: isWhole ? amountsOf(orders) : [],
    margin: margin === null ? null : marginOf(margin),
    contributors: kept(fields.objects('contributors')).flatMap(
      (row) => row.object('contributorUser')?.text('name') ?? [],
    ),
    customFields: customFields(fields, 'custom_attributes'),
    createdAt: fields.time('created') ?? fields.time('createdDate'),
  });
}

function itemOf(item: Fields): Json {
  return attributes({
    name: item.text('name'),
    quantity: item.number('qty'),
    unit: shownCode(item, 'unit'),
    category: shownCode(item, 'itemCategory'),
    weight: amountOf(item, 'weight'),
    value: amountOf(item, 'value'),
  });
}

function equipmentOf(row: Fields): Json {
  return attributes({
    type: shownCode(row, 'type'),
    size: amountOf(row, 'size'),
    weight: amountOf(row, 'weight'),
    temperature: amountOf(row, 'temp'),
  });
}

/** A measure as a number, as words or as an object of its own: none of its forms is documented. */
function amountOf(row: Fields, name: string): Json {
  const value = row.any(name);
  return typeof value === 'object' ? null : value;
}

function amountsOf(orders: readonly Fields[]): Json[] {
  return orders.flatMap((order) => order.object('costs')?.number('totalAmount') ?? []);
}

/** `amount` is a percentage and `value` is money, which their names hide. */
function marginOf(margin: Fields): JsonObject {
  return attributes({
    percent: margin.number('amount'),
    value: margin.number('value'),
    totalReceivable: margin.number('totalReceivableAmount'),
    totalPayable: margin.number('totalPayableAmount'),
    minimumPay: margin.number('minPay'),
    maximumPay: margin.number('maxPay'),
  });
}
