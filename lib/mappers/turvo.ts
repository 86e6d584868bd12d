import type { Mapped } from '../contracts/feed.ts';
import { type Fields, isObject } from './fields.ts';
import { defineMapper } from './index.ts';
import { mapperOf, type Shape } from './shapes.ts';
import { mapAccount, mapContact, mapLocation } from './turvo-accounts.ts';
import { TURVO_FIELDS } from './turvo-fields.ts';
import { mapSeed, mapShipment } from './turvo-shipments.ts';

/** Where webhooks have their object: the first is documented, the others were seen. */
const PAYLOADS = ['eventPayload', 'data', 'shipment'] as const;

/** What only some kinds of accounts have. */
const REGISTRATIONS = ['mcNumber', 'dotNumber', 'scac'] as const;

/** The shapes of one record without an envelope, in order of trial. */
const RECORDS: readonly Shape[] = [
  {
    name: 'shipment',
    stream: /shipment/,
    isOfStream: (fields) => fields.has('id') && isDetail(fields),
    isLike: (fields) => isShipment(fields) && isDetail(fields),
    map: (fields) => mapShipment(fields, { isWhole: true, eventTime: null }),
  },
  {
    name: 'shipment row',
    stream: /shipment/,
    isLike: isShipment,
    map: (fields) => mapShipment(fields, { isWhole: false, eventTime: null }),
  },
  {
    name: 'carrier',
    stream: /carrier/,
    isLike: (fields) => fields.has('id') && REGISTRATIONS.some((name) => fields.has(name)),
    map: (fields) => mapAccount('Carrier', fields),
  },
  {
    name: 'contact',
    stream: /contact/,
    isLike: (fields) => fields.has('id') && fields.has('role') && fields.has('context'),
    map: mapContact,
  },
  {
    name: 'location',
    stream: /location/,
    isLike: (fields) => fields.has('id') && fields.has('address') && (fields.has('timezone') || fields.has('timeZone')),
    map: mapLocation,
  },
  {
    name: 'customer',
    stream: /customer/,
    isLike: (fields) => fields.has('id') && !fields.has('customId') && fields.has('addresses') && fields.has('status'),
    map: (fields) => mapAccount('Customer', fields),
  },
];

const SHAPES: readonly Shape[] = [
  {
    name: 'answer',
    stream: null,
    isLike: (fields) => fields.has('Status') && fields.has('details'),
    map: mapAnswer,
  },
  {
    name: 'webhook',
    stream: null,
    isLike: (fields) => fields.has('eventName') && PAYLOADS.some((name) => isObject(fields.any(name))),
    map: mapWebhook,
  },
  ...RECORDS,
  {
    name: 'seed',
    stream: null,
    isLike: (fields) => fields.has('shipmentId') && !fields.has('details') && !fields.has('customId'),
    map: mapSeed,
  },
];

/** Only the detail has the route, and only with the route is what it does not name gone. */
function isDetail(fields: Fields): boolean {
  return fields.has('globalRoute') || fields.has('statusHistory');
}

/** Orders have a `customId` and a status too, and their customer at the top. */
function isShipment(fields: Fields): boolean {
  if (!fields.has('id') || !fields.has('customId') || fields.has('customer')) return false;
  const status = fields.any('status');
  return (
    fields.has('globalRoute') || fields.has('customerOrder') || (isObject(status) && Object.hasOwn(status, 'code'))
  );
}

/** A whole answer: the record under `details`, or the rows of a list, under the name of their kind in either case. */
function mapAnswer(fields: Fields): Mapped {
  if (fields.text('Status')?.toUpperCase() === 'ERROR') return fields.fail('Status', 'Turvo answered with an error.');
  const details = fields.object('details') ?? fields.missing('details', 'an object');
  const list = Object.keys(details.value).find((name) =>
    /^(?:shipments|customers|carriers|locations|contacts)$/i.test(name),
  );
  if (list === undefined) return mapRecord(details, null);
  const rows = details.objects(list).map((row) => mapRecord(row, list));
  return {
    kind: 'observations',
    observations: rows.flatMap((row) => (row.kind === 'observations' ? row.observations : [])),
  };
}

function mapRecord(fields: Fields, stream: string | null): Mapped {
  const ofStream = stream === null ? [] : RECORDS.filter((shape) => shape.stream!.test(stream.toLowerCase()));
  const shape =
    ofStream.find((one) => one.isOfStream?.(fields) ?? fields.has('id')) ??
    RECORDS.find((one) => one.isLike(fields)) ??
    ofStream.at(-1);
  return shape === undefined ? fields.fail('', 'None of the shapes of Turvo’s records.') : shape.map(fields);
}

/** A pushed record: thin, so that it adds to what is known. Its time is that of the event. */
function mapWebhook(fields: Fields): Mapped {
  const event = fields.text('eventName') ?? fields.missing('eventName', 'a text');
  const name = PAYLOADS.find((payload) => isObject(fields.any(payload))) ?? PAYLOADS[0];
  const payload = fields.object(name) ?? fields.missing(name, 'an object');
  if (/^SHIPMENT/i.test(event) || name === 'shipment') {
    return mapShipment(payload, { isWhole: false, eventTime: fields.time('eventTime') });
  }
  const shape = RECORDS.find((one) => one.isLike(payload));
  if (shape === undefined) {
    return { kind: 'ignored', reason: `The event ${event.slice(0, 60)} tells of nothing that is kept.` };
  }
  return shape.map(payload);
}

/** Turvo: shipments with their stops, customers, carriers, locations and contacts; its webhooks; the short form of a shipment. */
export default defineMapper({
  mapper: mapperOf({ source: 'turvo', version: 'turvo-1', shapes: SHAPES }),
  fields: TURVO_FIELDS,
});
