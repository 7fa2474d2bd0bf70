// Faults that can stand in the simulator: what each one does, to whom, for how long, and how often.
import { z } from 'zod';
import {
  SIMULATOR_DRIP_BYTES_PER_S_MAX,
  SIMULATOR_FAULT_MS_MAX,
  SIMULATOR_MALFORMED_ROWS_MAX,
  SIMULATOR_ORDER_DELAY_MS_MAX,
  SIMULATOR_REST_DELAY_MS_MAX,
} from '../../../shared/limits.ts';
import { FRAME_CORRUPTIONS } from '../core/frame-corruption.ts';
import { UPDATE_DISTURBANCES } from '../core/orders/update-stream.ts';
import { KITE_ERROR_TYPES } from '../kite-error.ts';

const timeMs = z.number().min(0).max(SIMULATOR_FAULT_MS_MAX);

/** Without `account` it is for all; without `for_ms` it stands until it is removed. */
const scope = {
  /** An api_key, or a user id. */
  account: z.string().min(1).exactOptional(),
  for_ms: timeMs.exactOptional(),
};
/** What happens by chance, by the simulator's seed, and so often at most. */
const chance = {
  probability: z.number().gt(0).max(1).exactOptional(),
  times: z.int().min(1).exactOptional(),
};
const streamScope = { ...scope, socket: z.int().min(1).exactOptional() };
const restScope = {
  ...scope,
  ...chance,
  method: z.enum(['GET', 'POST', 'PUT', 'DELETE']).exactOptional(),
  /** The path itself and all below it. */
  path: z.string().startsWith('/').exactOptional(),
};
/** Whether the request has been carried out when its answer goes wrong. */
const stage = z.enum(['before', 'after']).default('before');
/** How much of the body is sent. */
const fraction = z.number().gt(0).lt(1).default(0.5);

const STREAM_FAULTS = [
  /** The socket stays open and says nothing, or nothing but heartbeats. */
  z.strictObject({ kind: z.literal('stall'), heartbeats: z.boolean().default(false), ...streamScope }),
  /** A market without trades, as by night: a subscription is answered, and then only heartbeats come. */
  z.strictObject({ kind: z.literal('quiet'), ...streamScope }),
  /** Half-open: nothing is sent or read, and the place of a socket that its client gave up stays taken. */
  z.strictObject({ kind: z.literal('freeze'), ...streamScope }),
  z.strictObject({
    kind: z.literal('drip'),
    bytes_per_s: z.int().min(1).max(SIMULATOR_DRIP_BYTES_PER_S_MAX),
    ...streamScope,
  }),
  /** Frames go out wrong, in one of these ways each. */
  z.strictObject({
    kind: z.literal('corrupt'),
    how: z.array(z.enum(FRAME_CORRUPTIONS)).min(1),
    ...streamScope,
    ...chance,
  }),
] as const;

const UPGRADE_FAULTS = [
  z.strictObject({
    kind: z.literal('refuse_upgrade'),
    status: z.int().min(400).max(599),
    ...scope,
    ...chance,
  }),
  /** The upgrade is never answered. */
  z.strictObject({ kind: z.literal('hang_upgrade'), ...scope, ...chance }),
  /** A closed socket takes its place for so long after. */
  z.strictObject({ kind: z.literal('linger'), ms: timeMs, ...scope }),
] as const;

const REST_FAULTS = [
  /** An error in Kite's envelope: a 429 storm, an OMS that is down. */
  z.strictObject({
    kind: z.literal('rest_status'),
    status: z.int().min(400).max(599),
    message: z.string().exactOptional(),
    /** The one that goes with the status, if absent. */
    error_type: z.enum(KITE_ERROR_TYPES).exactOptional(),
    stage,
    ...restScope,
  }),
  /** A web page in place of JSON, with status 200 or what gateways say. */
  z.strictObject({
    kind: z.literal('rest_html'),
    status: z.union([z.literal(200), z.int().min(400).max(599)]),
    stage,
    ...restScope,
  }),
  z.strictObject({ kind: z.literal('rest_hang'), stage, ...restScope }),
  z.strictObject({ kind: z.literal('rest_reset'), stage, ...restScope }),
  z.strictObject({
    kind: z.literal('rest_delay'),
    ms: z.number().min(0).max(SIMULATOR_REST_DELAY_MS_MAX),
    /** On top, at random. */
    jitter_ms: z.number().min(0).max(SIMULATOR_REST_DELAY_MS_MAX).default(0),
    ...restScope,
  }),
  /** The connection is cut in the middle of the body. */
  z.strictObject({ kind: z.literal('rest_cut'), fraction, ...restScope }),
  /** Half of the body, as if it were all. */
  z.strictObject({ kind: z.literal('rest_half'), fraction, ...restScope }),
  /** The instrument dump has so many unusable rows between its good ones. */
  z.strictObject({
    kind: z.literal('malformed_rows'),
    rows: z.int().min(1).max(SIMULATOR_MALFORMED_ROWS_MAX),
    ...restScope,
  }),
] as const;

const orderMs = z.number().min(0).max(SIMULATOR_ORDER_DELAY_MS_MAX);

const ORDER_FAULTS = [
  /** A new order stays in PUT ORDER REQ RECEIVED for so long. */
  z.strictObject({ kind: z.literal('order_hold'), ms: orderMs, ...scope, ...chance }),
  /** A new order lives, and its updates come, but no request finds it for so long. */
  z.strictObject({ kind: z.literal('order_hide'), ms: orderMs, ...scope, ...chance }),
  /** The exchange rejects a new order. */
  z.strictObject({
    kind: z.literal('order_reject'),
    message: z.string().default('Rejected by the exchange.'),
    ...scope,
    ...chance,
  }),
  /** An order update goes wrong, in all of these ways. */
  z.strictObject({
    kind: z.literal('order_updates'),
    how: z.array(z.enum(UPDATE_DISTURBANCES)).min(1),
    ...scope,
    ...chance,
  }),
] as const;

export const Fault = z.discriminatedUnion('kind', [
  ...STREAM_FAULTS,
  ...UPGRADE_FAULTS,
  ...REST_FAULTS,
  ...ORDER_FAULTS,
]);
export type Fault = z.output<typeof Fault>;
/** As callers write it: what has a default may be left out. */
export type FaultInput = z.input<typeof Fault>;
export type FaultKind = Fault['kind'];
export type FaultOf<K extends FaultKind> = Extract<Fault, { readonly kind: K }>;
