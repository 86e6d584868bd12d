import type { FieldRow } from '../contracts/feed.ts';
import { dropped, fieldRows, KEY, rawOnly, rowsBelow, TEXT, toAttribute, toFact, toName } from './field-rows.ts';

const OBSERVED_AT = rawOnly('the time of what the record says, which orders records');
const ROW_ID = rawOnly('the number of the row, which nothing refers to');
const SHOWN_ELSE = rawOnly('its value is shown');
/** Rows of lists and pushed records add to what is known of a thing and are not kept as records of it. */
const PART_ONLY = dropped('the number of a row in a list of the record, which nothing refers to');
const DELETED_PART = dropped('a deleted row is a statement that ended');
const ENVELOPE = dropped('of the answer, not of the record');

const SHIPMENT_ROW = {
  id: KEY,
  customId: toName('Shipment'),
  'status.code.key': toFact('HAS_STATUS'),
  'status.code.value': toFact('HAS_STATUS'),
  'customerOrder[].id': PART_ONLY,
  'customerOrder[].deleted': DELETED_PART,
  'customerOrder[].customer.id': toFact('FOR_CUSTOMER'),
  'customerOrder[].customer.name': toFact('FOR_CUSTOMER'),
  'carrierOrder[].id': PART_ONLY,
  'carrierOrder[].deleted': DELETED_PART,
  'carrierOrder[].carrier.id': toFact('CARRIED_BY'),
  'carrierOrder[].carrier.name': toFact('CARRIED_BY'),
  created: toAttribute('createdAt'),
  updated: toFact('CARRIED_BY'),
  lastUpdatedOn: dropped('it only orders records'),
  netCustomerCosts: dropped('always 0.0 in lists'),
  netCarrierCosts: dropped('always 0.0 in lists'),
  netRevenue: dropped('always 0.0 in lists'),
};

const ADDRESS = {
  line1: toAttribute('address'),
  line2: toAttribute('address'),
  city: toAttribute('city'),
  state: toAttribute('state'),
  zip: toAttribute('zip'),
  countryCode: toAttribute('country'),
  country: toAttribute('country'),
  lat: toAttribute('latitude'),
  lon: toAttribute('longitude'),
};

const STOP = {
  id: toFact('HAS_STOP'),
  name: toFact('HAS_STOP'),
  sequence: toFact('HAS_STOP'),
  state: toAttribute('stopState'),
  'stopType.key': SHOWN_ELSE,
  'stopType.value': toAttribute('stopType'),
  timezone: toAttribute('timeZone'),
  'location.id': toFact('AT'),
  'location.name': toFact('AT'),
  ...rowsBelow('address.', ADDRESS),
  'appointment.date': toAttribute('appointmentAt'),
  'appointment.timeZone': toAttribute('appointmentTimeZone'),
  'appointment.timezone': toAttribute('appointmentTimeZone'),
  'appointment.flex': toAttribute('appointmentFlexSeconds'),
  'appointment.hasTime': toAttribute('appointmentHasTime'),
  'poNumbers[]': toName('PurchaseOrder'),
  notes: TEXT,
  'etaToStop.etaValue': toAttribute('eta'),
  'etaToStop.nextStopMiles': toAttribute('nextStopMiles'),
  deleted: rawOnly('a deleted row is a statement that ended'),
};

const SHIPMENT = {
  id: KEY,
  customId: toName('Shipment'),
  ltlShipment: toAttribute('isLtl'),
  created: toAttribute('createdAt'),
  updated: OBSERVED_AT,
  'startDate.date': toAttribute('startDate'),
  'startDate.timeZone': toAttribute('startTimeZone'),
  'endDate.date': toAttribute('endDate'),
  'endDate.timeZone': toAttribute('endTimeZone'),
  'endDate.flex': toAttribute('endFlexSeconds'),
  'transportation.mode.key': SHOWN_ELSE,
  'transportation.mode.value': toAttribute('mode'),
  'transportation.serviceType.key': SHOWN_ELSE,
  'transportation.serviceType.value': toAttribute('serviceType'),
  'status.code.key': toFact('HAS_STATUS'),
  'status.code.value': toFact('HAS_STATUS'),
  'status.notes': TEXT,
  'status.description': TEXT,
  'tracking.isTrackable': toAttribute('isTrackable'),
  'tracking.isTracking': toAttribute('isTracking'),
  'lane.start': toAttribute('laneStart'),
  'lane.end': toAttribute('laneEnd'),
  ...rowsBelow('globalRoute[].', STOP),
  'customerOrder[].id': ROW_ID,
  'customerOrder[].deleted': rawOnly('a deleted row is a statement that ended'),
  'customerOrder[].customer.id': toFact('FOR_CUSTOMER'),
  'customerOrder[].customer.name': toFact('FOR_CUSTOMER'),
  'customerOrder[].totalMiles': toAttribute('totalMiles'),
  'customerOrder[].items[].id': ROW_ID,
  'customerOrder[].items[].name': toAttribute('items'),
  'customerOrder[].items[].qty': toAttribute('items'),
  'customerOrder[].items[].unit.key': SHOWN_ELSE,
  'customerOrder[].items[].unit.value': toAttribute('items'),
  'customerOrder[].items[].itemCategory.key': SHOWN_ELSE,
  'customerOrder[].items[].itemCategory.value': toAttribute('items'),
  'customerOrder[].route[].id': ROW_ID,
  'customerOrder[].route[].globalShipLocationId': toFact('HAS_STOP'),
  'customerOrder[].route[].stopType': rawOnly('the stop itself has it'),
  'customerOrder[].route[].address.line1': toAttribute('address'),
  'customerOrder[].route[].address.city': toAttribute('city'),
  'customerOrder[].route[].address.state': toAttribute('state'),
  'customerOrder[].route[].address.zip': toAttribute('zip'),
  'customerOrder[].route[].attributes.arrival.date': toFact('AT'),
  'customerOrder[].route[].attributes.departed.date': toFact('AT'),
  'customerOrder[].costs.subTotal': rawOnly('part of the total'),
  'customerOrder[].costs.totalAmount': toAttribute('customerAmounts'),
  'customerOrder[].costs.lineItem': rawOnly('parts of the total'),
  'customerOrder[].externalIds[].type.key': rawOnly('it tells what the value is'),
  'customerOrder[].externalIds[].type.value': rawOnly('words for its key'),
  'customerOrder[].externalIds[].value': toName('BillOfLading'),
  'carrierOrder[].id': ROW_ID,
  'carrierOrder[].deleted': rawOnly('a deleted row is a statement that ended'),
  'carrierOrder[].carrier.id': toFact('CARRIED_BY'),
  'carrierOrder[].carrier.name': toFact('CARRIED_BY'),
  'carrierOrder[].drivers[].driverAssignmentId': ROW_ID,
  'carrierOrder[].drivers[].context.id': toFact('DRIVEN_BY'),
  'carrierOrder[].drivers[].context.name': toFact('DRIVEN_BY'),
  'carrierOrder[].drivers[].phone.number': toName('Phone'),
  'carrierOrder[].drivers[].deleted': rawOnly('a deleted row is a statement that ended'),
  'carrierOrder[].externalIds[].type.key': rawOnly('it tells what the value is'),
  'carrierOrder[].externalIds[].type.value': rawOnly('words for its key'),
  'carrierOrder[].externalIds[].value': toName('ProNumber'),
  'margin.amount': toAttribute('margin'),
  'margin.value': toAttribute('margin'),
  'margin.totalReceivableAmount': toAttribute('margin'),
  'margin.totalPayableAmount': toAttribute('margin'),
  'statusHistory[].code.key': toFact('HAS_STATUS'),
  'statusHistory[].code.value': toFact('HAS_STATUS'),
  'statusHistory[].lastUpdatedOn': toFact('HAS_STATUS'),
  'statusHistory[].lastUpdatedBy': rawOnly('a user of the tenant, whom no record describes'),
  servicesNote: TEXT,
};

const ACCOUNT = {
  id: KEY,
  name: KEY,
  'status.code.key': SHOWN_ELSE,
  'status.code.value': toAttribute('status'),
  'addresses[].line1': toAttribute('addresses'),
  'addresses[].city': toAttribute('addresses'),
  'addresses[].state': toAttribute('addresses'),
  'addresses[].zip': toAttribute('addresses'),
  'addresses[].country': rawOnly('an address names its state'),
  'parentAccount.id': toFact('PARENT'),
  'parentAccount.name': toFact('PARENT'),
  'externalIds[].value': toName('ExternalId'),
  'externalIds[].type': rawOnly('it tells what the value is'),
  taxId: dropped('redacted in the raw record too'),
  created: toAttribute('createdAt'),
  updated: OBSERVED_AT,
};

const CARRIER = {
  ...ACCOUNT,
  mcNumber: toName('McNumber'),
  dotNumber: toName('DotNumber'),
  scac: toName('Scac'),
  paymentMethod: dropped('bank details'),
};

const LOCATION = {
  id: KEY,
  name: KEY,
  timezone: toAttribute('timeZone'),
  ...rowsBelow('address[].', ADDRESS),
  'phones[].number': toName('Phone'),
  created: toAttribute('createdAt'),
  updated: OBSERVED_AT,
};

const CONTACT = {
  id: KEY,
  name: KEY,
  'role[].key': rawOnly('it tells whether the person drives'),
  'role[].value': toAttribute('roles'),
  'context[].id': toFact('EMPLOYED_BY'),
  'context[].name': toFact('EMPLOYED_BY'),
  'context[].type': rawOnly('it tells whether the account is a carrier'),
  'phone[].number': toName('Phone'),
  'email[].email': toName('Email'),
};

const SEED = {
  shipmentId: toName('Shipment'),
  customerName: toFact('FOR_CUSTOMER'),
  status: toFact('HAS_STATUS'),
  'origin.city': toFact('ORIGIN'),
  'origin.state': toFact('ORIGIN'),
  'destination.city': toFact('DESTINATION'),
  'destination.state': toFact('DESTINATION'),
};

const WEBHOOK = {
  tenantId: dropped('whose memory this is'),
  eventName: dropped('the status tells it'),
  eventTime: toFact('HAS_STATUS'),
  'eventPayload.id': KEY,
  'eventPayload.status.code.key': toFact('HAS_STATUS'),
  'eventPayload.status.code.value': toFact('HAS_STATUS'),
  'eventPayload.status.code.id': dropped('its key tells what it is'),
  'eventPayload.status.updatedBy': dropped('a user of the tenant, whom no record describes'),
  'eventPayload.status.notes': TEXT,
  'eventPayload.status.description': TEXT,
  'eventPayload.status.location': dropped('always empty where it was seen'),
  'eventPayload.customerOrder[].id': PART_ONLY,
  'eventPayload.customerOrder[].deleted': DELETED_PART,
  'eventPayload.customerOrder[].customer.id': toFact('FOR_CUSTOMER'),
  'eventPayload.carrierOrder[].id': PART_ONLY,
  'eventPayload.carrierOrder[].deleted': DELETED_PART,
  'eventPayload.carrierOrder[].carrier.id': toFact('CARRIED_BY'),
};

/** A whole answer with the record in it. */
const ANSWER = {
  Status: ENVELOPE,
  'details.pagination': ENVELOPE,
  ...rowsBelow('details.', SHIPMENT),
  ...rowsBelow('details.shipments[].', SHIPMENT_ROW),
};

/** Where each field of Turvo's records goes. */
export const TURVO_FIELDS: readonly FieldRow[] = [
  ...fieldRows('shipment', SHIPMENT),
  ...fieldRows('shipment row', SHIPMENT_ROW),
  ...fieldRows('customer', ACCOUNT),
  ...fieldRows('carrier', CARRIER),
  ...fieldRows('location', LOCATION),
  ...fieldRows('contact', CONTACT),
  ...fieldRows('webhook', WEBHOOK),
  ...fieldRows('seed', SEED),
  ...fieldRows('answer', ANSWER),
];
