import { defineMapper } from './index.ts';
import { SAMSARA_FIELDS } from './samsara-fields.ts';
import { hasStats, isFeed, mapLocation, mapSeed, mapStats } from './samsara-readings.ts';
import { mapAddress, mapAssignment, mapDriver, mapVehicle, mapVehicleAssignments } from './samsara-things.ts';
import { mapOldWebhook, mapWebhook } from './samsara-webhooks.ts';
import { mapperOf, type Shape } from './shapes.ts';

/** Streams of statistics, whatever their way of asking. */
const STATS = /stat|gps/;
const ASSIGNMENTS = /assign/;

const SHAPES: readonly Shape[] = [
  {
    name: 'webhook 2.0',
    stream: null,
    isLike: (fields) =>
      fields.has('eventType') && (fields.has('webhookId') || (fields.has('eventId') && fields.has('data'))),
    map: mapWebhook,
  },
  {
    name: 'webhook 1.0',
    stream: null,
    isLike: (fields) =>
      fields.has('eventType') && fields.has('eventId') && (fields.has('event') || fields.has('eventMs')),
    map: mapOldWebhook,
  },
  {
    name: 'stats feed',
    stream: STATS,
    isOfStream: (fields) => fields.has('id') && isFeed(fields),
    isLike: (fields) => fields.has('id') && hasStats(fields) && isFeed(fields),
    map: mapStats,
  },
  { name: 'stats snapshot', stream: STATS, isLike: (fields) => fields.has('id') && hasStats(fields), map: mapStats },
  {
    name: 'location',
    stream: /location/,
    isOfStream: (fields) => fields.has('asset'),
    isLike: (fields) => fields.has('happenedAtTime') && fields.has('asset') && fields.has('location'),
    map: mapLocation,
  },
  {
    name: 'vehicle assignments',
    stream: ASSIGNMENTS,
    isOfStream: (fields) => fields.has('driverAssignments'),
    isLike: (fields) => fields.has('id') && fields.has('driverAssignments'),
    map: mapVehicleAssignments,
  },
  {
    name: 'driver assignment',
    stream: ASSIGNMENTS,
    isOfStream: (fields) => fields.has('driver'),
    isLike: (fields) =>
      fields.has('driver') && fields.has('vehicle') && (fields.has('isPassenger') || fields.has('assignmentType')),
    map: mapAssignment,
  },
  {
    name: 'vehicle',
    stream: /vehicle/,
    isLike: (fields) =>
      fields.has('id') &&
      ['vin', 'gateway', 'staticAssignedDriver', 'vehicleRegulationMode', 'vehicleType'].some((name) =>
        fields.has(name),
      ) &&
      (!fields.has('type') || fields.any('type') === 'vehicle'),
    map: (fields) => mapVehicle(fields),
  },
  {
    name: 'driver',
    stream: /driver/,
    isLike: (fields) =>
      fields.has('id') &&
      ['driverActivationStatus', 'licenseState', 'carrierSettings', 'staticAssignedVehicle', 'eldExempt'].some((name) =>
        fields.has(name),
      ),
    map: (fields) => mapDriver(fields),
  },
  {
    name: 'address',
    stream: /address/,
    isLike: (fields) => fields.has('id') && fields.has('formattedAddress'),
    map: (fields) => mapAddress(fields),
  },
  {
    name: 'seed',
    stream: null,
    isLike: (fields) =>
      ['vehicle_id', 'latitude', 'longitude'].every((name) => fields.has(name)) &&
      !fields.has('data') &&
      !fields.has('gps'),
    map: mapSeed,
  },
];

/** Samsara: vehicles, drivers, addresses, who drives what, and readings of vehicles; its webhooks; the short form of a position. */
export default defineMapper({
  mapper: mapperOf({ source: 'samsara', version: 'samsara-1', shapes: SHAPES }),
  fields: SAMSARA_FIELDS,
});
