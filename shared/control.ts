// The control link: what sidecar and edge say to each other over the socket that the sidecar dials.
//
// JSON text, one message each. Either side may send any kind: a request has one reply, a wake-up and a notice have none and
// may get lost. Names that the other side does not know yet are answered or ignored, so that the two need not be deployed at once.
import { ERRORS, type ErrorCode } from './errors.ts';
import type { InstrumentToken } from './instrument.ts';

export const CONTROL_PATH = '/ingest/control';
/** The sidecar's ping, and the answer that the edge gives without waking its object: matched to the letter. */
export const CONTROL_PING = 'ping';
export const CONTROL_PONG = 'pong';

/** What the edge asks the sidecar, with the payloads of question and answer. */
export interface ControlRequests {
  /** Instruments that are wanted and have no place at Kite, up to NOT_PLACED_TOKENS_MAX of them. */
  readonly not_placed: {
    readonly question: null;
    readonly answer: { readonly total: number; readonly tokens: readonly InstrumentToken[] };
  };
  /** Kite's answers for one account, as they are: the day's orders, the positions, the margins. */
  readonly orders: {
    readonly question: { readonly account_id: string };
    readonly answer: readonly unknown[];
  };
  readonly positions: { readonly question: { readonly account_id: string }; readonly answer: unknown };
  readonly margins: { readonly question: { readonly account_id: string }; readonly answer: unknown };
  /** A postback of Kite as it came. Accepted when its checksum is one of an account's secrets: then the order is read again. */
  readonly postback: {
    readonly question: { readonly text: string };
    readonly answer: { readonly accepted: boolean };
  };
}
export type ControlRequestName = keyof ControlRequests;

/** News for the sidecar, which reads what is new from the database. It looks there now and then by itself as well. */
export const WAKE_UPS = ['subscriptions_changed', 'accounts_changed', 'order_tasks_changed'] as const;
export type WakeUp = (typeof WAKE_UPS)[number];

export function isWakeUp(name: string): name is WakeUp {
  return (WAKE_UPS as readonly string[]).includes(name);
}

/**
 * What the sidecar tells the edge once, with all that there is to know of it, as JSON text: `order_event` a row of order_events
 * as `{"seq":n,"account_id":"..","order":{..}}`, `order_update` an order of a sidecar that does not number them.
 */
export const NOTICES = ['order_update', 'order_event'] as const;
export type Notice = (typeof NOTICES)[number];

export interface ControlRequest {
  readonly kind: 'request';
  /** Repeated by the reply; unique also across restarts of whoever asks. */
  readonly id: string;
  readonly name: string;
  /** Whoever asked waits for so long; a later reply is for nobody. */
  readonly deadline_ms: number;
  readonly payload: unknown;
}

export type ControlReply =
  | { readonly kind: 'reply'; readonly id: string; readonly ok: true; readonly payload: unknown }
  | {
      readonly kind: 'reply';
      readonly id: string;
      readonly ok: false;
      readonly code: ErrorCode;
      readonly message: string;
    };

export interface ControlWakeUp {
  readonly kind: 'wake_up';
  readonly name: string;
}

export interface ControlNotice {
  readonly kind: 'notice';
  readonly name: string;
  readonly payload: unknown;
}

export type ControlMessage = ControlRequest | ControlReply | ControlWakeUp | ControlNotice;

/** What became of a request. */
export type ControlAnswer =
  | { readonly ok: true; readonly payload: unknown }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

export function encodeControl(message: ControlMessage): string {
  return JSON.stringify(message);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function parseReply(fields: Record<string, unknown>): ControlReply | undefined {
  const { id, ok, payload, code, message } = fields;
  if (!isText(id)) return undefined;
  if (ok === true) return { kind: 'reply', id, ok, payload: payload ?? null };
  if (ok !== false || !isText(code) || typeof message !== 'string') return undefined;
  // A code of a version that we do not know is a fault on the other side, as far as we can tell.
  const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'internal';
  return { kind: 'reply', id, ok, code: known, message };
}

/** The message in `text`, undefined when it is none. Never throws; payloads are for whoever knows the request. */
export function parseControl(text: string): ControlMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Record<string, unknown>;
  const { kind, id, name, deadline_ms, payload } = fields;
  if (kind === 'reply') return parseReply(fields);
  if (!isText(name)) return undefined;
  if (kind === 'wake_up') return { kind, name };
  if (kind === 'notice') return { kind, name, payload: payload ?? null };
  if (kind !== 'request' || !isText(id)) return undefined;
  if (typeof deadline_ms !== 'number' || !(deadline_ms > 0)) return undefined;
  return { kind, id, name, deadline_ms, payload: payload ?? null };
}

/** What is signed of a dial in the place of a body: the path is bound as with posts, and no other epoch fits. */
export function signedEpoch(epoch: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(new TextEncoder().encode(String(epoch)));
}
