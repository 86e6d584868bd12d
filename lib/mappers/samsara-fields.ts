import type { FieldRow } from '../contracts/feed.ts';
import {
  dropped,
  fieldRows,
  KEY,
  rawOnly,
  rowsBelow,
  TEXT,
  toAttribute,
  toFact,
  toName,
  toReading,
} from './field-rows.ts';

const OBSERVED_AT = rawOnly('the time of what the record says, which orders records');

/** Statistics are readings; the vehicle that they are of is described by its own record. */
const STATS_THING = {
  id: KEY,
  name: toName('Unit'),
  'externalIds.samsara.vin': toName('Vin'),
  'externalIds.*': toName('ExternalId'),
};

const POSITION = {
  time: toReading('position'),
  latitude: toReading('position'),
  longitude: toReading('position'),
  headingDegrees: toReading('position'),
  speedMilesPerHour: toReading('position'),
  isEcuSpeed: toReading('position'),
  'reverseGeo.formattedLocation': toReading('position'),
  'address.id': toReading('position'),
  'address.name': toReading('position'),
};

const SNAPSHOT = {
  ...STATS_THING,
  ...rowsBelow('gps.', POSITION),
  'engineState.time': toReading('engine'),
  'engineState.value': toReading('engine'),
  'fuelPercent.time': toReading('fuel'),
  'fuelPercent.value': toReading('fuel'),
};

const FEED = {
  ...STATS_THING,
  ...rowsBelow('gps[].', POSITION),
  'gps[].decorations.engineStates.value': toReading('engine'),
  'gps[].decorations.fuelPercents.value': toReading('fuel'),
  'engineStates[].time': toReading('engine'),
  'engineStates[].value': toReading('engine'),
  'fuelPercents[].time': toReading('fuel'),
  'fuelPercents[].value': toReading('fuel'),
};

const LOCATION = {
  happenedAtTime: toReading('position'),
  'asset.id': KEY,
  'asset.externalIds.*': toName('ExternalId'),
  'location.latitude': toReading('position'),
  'location.longitude': toReading('position'),
  'location.headingDegrees': toReading('position'),
  'location.accuracyMeters': toReading('position'),
  ...Object.fromEntries(
    ['street', 'streetNumber', 'city', 'state', 'postalCode', 'country', 'neighborhood', 'pointOfInterest'].map(
      (part) => [`location.address.${part}`, toReading('position')],
    ),
  ),
  'location.geofence.id': toReading('position'),
  'location.geofence.externalIds': dropped('the nearest geofence is no proof of being there'),
  'speed.gpsSpeedMetersPerSecond': toReading('position'),
  'speed.ecuSpeedMetersPerSecond': dropped('only where the speed by GPS is missing'),
};

const TAGS = { 'tags[].id': toFact('TAGGED'), 'tags[].name': toFact('TAGGED'), 'tags[].parentTagId': toFact('PARENT') };

const OWN_ATTRIBUTES = {
  'attributes[].id': rawOnly('its name tells what it is'),
  'attributes[].name': toAttribute('customFields'),
  'attributes[].stringValues[]': toAttribute('customFields'),
  'attributes[].numberValues[]': toAttribute('customFields'),
};

const VEHICLE = {
  ...STATS_THING,
  vin: toName('Vin'),
  serial: toName('ExternalId'),
  esn: toAttribute('esn'),
  make: toAttribute('make'),
  model: toAttribute('model'),
  year: toAttribute('year'),
  licensePlate: toName('LicensePlate'),
  notes: TEXT,
  'gateway.serial': toAttribute('gatewaySerial'),
  'gateway.model': toAttribute('gatewayModel'),
  'staticAssignedDriver.id': toFact('ASSIGNED_TO'),
  'staticAssignedDriver.name': toFact('ASSIGNED_TO'),
  ...TAGS,
  ...OWN_ATTRIBUTES,
  vehicleRegulationMode: toAttribute('regulationMode'),
  vehicleType: toAttribute('vehicleType'),
  harshAccelerationSettingType: rawOnly('a setting of the device'),
  createdAtTime: toAttribute('createdAt'),
  updatedAtTime: OBSERVED_AT,
};

const DRIVER = {
  id: KEY,
  name: KEY,
  username: toAttribute('username'),
  phone: toName('Phone'),
  licenseNumber: dropped('personal: redacted in the raw record too'),
  licenseState: toAttribute('licenseState'),
  timezone: toAttribute('timeZone'),
  driverActivationStatus: toAttribute('activationStatus'),
  'carrierSettings.carrierName': toFact('EMPLOYED_BY'),
  'carrierSettings.dotNumber': toName('DotNumber'),
  'carrierSettings.homeTerminalName': toAttribute('homeTerminalName'),
  'carrierSettings.homeTerminalAddress': toAttribute('homeTerminalAddress'),
  'carrierSettings.mainOfficeAddress': toAttribute('mainOfficeAddress'),
  'staticAssignedVehicle.id': toFact('ASSIGNED_TO'),
  'staticAssignedVehicle.name': toFact('ASSIGNED_TO'),
  eldExempt: toAttribute('eldExempt'),
  eldSettings: rawOnly('rules of the logging device'),
  currentIdCardCode: rawOnly('opens doors, names nobody'),
  'externalIds.*': toName('ExternalId'),
  ...TAGS,
  ...OWN_ATTRIBUTES,
  notes: TEXT,
  createdAtTime: toAttribute('createdAt'),
  updatedAtTime: OBSERVED_AT,
};

const ADDRESS = {
  id: KEY,
  name: KEY,
  formattedAddress: toAttribute('address'),
  latitude: toAttribute('latitude'),
  longitude: toAttribute('longitude'),
  'geofence.circle.latitude': toAttribute('geofence'),
  'geofence.circle.longitude': toAttribute('geofence'),
  'geofence.circle.radiusMeters': toAttribute('geofence'),
  'geofence.polygon.vertices[].latitude': toAttribute('geofence'),
  'geofence.polygon.vertices[].longitude': toAttribute('geofence'),
  'geofence.settings': rawOnly('how a map shows it'),
  'addressTypes[]': toAttribute('addressTypes'),
  'contacts[].id': rawOnly('no record describes such a contact'),
  'contacts[].firstName': toAttribute('contacts'),
  'contacts[].lastName': toAttribute('contacts'),
  'externalIds.turvoLocation': toFact('LINKED_TO'),
  'externalIds.*': toName('ExternalId'),
  ...TAGS,
  notes: TEXT,
  createdAtTime: toAttribute('createdAt'),
};

const ASSIGNMENT = {
  'driver.id': KEY,
  'driver.name': KEY,
  'vehicle.id': toFact('DRIVES'),
  'vehicle.name': toFact('DRIVES'),
  assignmentType: toFact('DRIVES'),
  isPassenger: dropped('passengers do not drive, and nothing else is kept of them'),
  startTime: toFact('DRIVES'),
  endTime: toFact('DRIVES'),
  assignedAtTime: dropped('when the assignment was noticed: orders records'),
  'metadata.sourceName': toFact('DRIVES'),
};

const VEHICLE_ASSIGNMENTS = {
  id: toFact('DRIVES'),
  name: toName('Unit'),
  'externalIds.samsara.vin': toName('Vin'),
  'externalIds.*': toName('ExternalId'),
  'driverAssignments[].driver.id': KEY,
  'driverAssignments[].driver.name': KEY,
  'driverAssignments[].driver.externalIds.*': toName('ExternalId'),
  'driverAssignments[].assignmentType': toFact('DRIVES'),
  'driverAssignments[].isPassenger': dropped('passengers do not drive, and nothing else is kept of them'),
  'driverAssignments[].startTime': toFact('DRIVES'),
  'driverAssignments[].endTime': toFact('DRIVES'),
};

const ALERT = {
  eventId: dropped('deliveries are told apart by what they say'),
  eventMs: dropped('nothing is dated by it'),
  eventType: dropped('the same in all alerts'),
  'event.device.id': KEY,
  'event.device.name': toName('Unit'),
  'event.device.vin': toName('Vin'),
  'event.device.serial': dropped('the record of the vehicle has it'),
  event: dropped('alerts are no things: only what they name is kept'),
};

const STOP_EVENT = {
  eventId: dropped('deliveries are told apart by what they say'),
  eventTime: toFact('HAS_STATUS'),
  eventType: dropped('the state of the stop tells it'),
  orgId: dropped('of the sender, not of the stop'),
  webhookId: dropped('of the subscription'),
  'data.operation': dropped('the state of the stop tells it'),
  'data.time': toFact('HAS_STATUS'),
  'data.type': dropped('the same in all such events'),
  'data.route.id': toAttribute('routeId'),
  'data.route.name': toAttribute('routeName'),
  'data.route.externalIds.turvoShipment': toFact('LINKED_TO'),
  'data.route.externalIds': dropped('only ids of shipments tie a stop to one'),
  'data.route.stops[].id': KEY,
  'data.route.stops[].name': KEY,
  'data.route.stops[].address.id': toFact('AT'),
  'data.route.stops[].address.name': toFact('AT'),
  'data.route.stops[].scheduledArrivalTime': toAttribute('scheduledArrivalAt'),
  'data.routeStopDetails.id': KEY,
  'data.routeStopDetails.state': toFact('HAS_STATUS'),
  'data.routeStopDetails.actualArrivalTime': toAttribute('arrivedAt'),
  'data.driver.id': dropped('named by their own records'),
  'data.driver.name': dropped('named by their own records'),
  'data.vehicle.id': KEY,
  'data.vehicle.name': toName('Unit'),
};

const SEED = {
  vehicle_id: KEY,
  latitude: toReading('position'),
  longitude: toReading('position'),
  timestamp: toReading('position'),
  speed_mph: toReading('position'),
};

/** Where each field of Samsara's records goes. */
export const SAMSARA_FIELDS: readonly FieldRow[] = [
  ...fieldRows('stats snapshot', SNAPSHOT),
  ...fieldRows('stats feed', FEED),
  ...fieldRows('location', LOCATION),
  ...fieldRows('vehicle', VEHICLE),
  ...fieldRows('driver', DRIVER),
  ...fieldRows('address', ADDRESS),
  ...fieldRows('driver assignment', ASSIGNMENT),
  ...fieldRows('vehicle assignments', VEHICLE_ASSIGNMENTS),
  ...fieldRows('webhook 1.0', ALERT),
  ...fieldRows('webhook 2.0', STOP_EVENT),
  ...fieldRows('seed', SEED),
];
