// What clients ask and what they are told, in no dialect's syntax: the gateway knows only these.
import type { ErrorCode } from '../../shared/errors.ts';
import type { InstrumentToken } from '../../shared/instrument.ts';
import type { ModeRank } from '../../shared/tick.ts';

export interface SubscribeItem {
  readonly token: InstrumentToken;
  readonly rank: ModeRank;
}

/** An item of a request that was not carried out; the others were. `item` is what the client sent. */
export interface RejectedItem {
  readonly item: unknown;
  readonly code: ErrorCode;
  readonly message: string;
}

/** A message that is no command: the client is told why, the socket stays as it was. */
export interface Refusal {
  readonly kind: 'refused';
  readonly code: ErrorCode;
  /** One of the first protocol's texts where it has one: clients compare them. */
  readonly message: string;
  /** What exactly was wrong, where the message alone does not say. */
  readonly detail?: string;
}

export type ClientCommand =
  | {
      readonly kind: 'subscribe';
      readonly items: readonly SubscribeItem[];
      readonly rejected: readonly RejectedItem[];
    }
  | {
      readonly kind: 'unsubscribe';
      readonly tokens: readonly InstrumentToken[];
      readonly rejected: readonly RejectedItem[];
    }
  | { readonly kind: 'ping' }
  | Refusal;

/** Who is on a socket: the claims that clients are shown, and what the gateway needs later. */
export interface Principal {
  readonly userId: string;
  readonly email?: string;
  readonly name?: string;
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  /** Seconds since the epoch; the token's own expiry. */
  readonly expiresAtS: number;
}

/** Everything a client is told except ticks, which have their own encoder. */
export type ServerEvent =
  | {
      readonly kind: 'connected';
      readonly connectionId: string;
      readonly principal: Principal;
      readonly timestampMs: number;
    }
  | {
      readonly kind: 'subscribed';
      readonly tokens: readonly InstrumentToken[];
      /** Accepted, and not streaming yet: the first tick says that they are. */
      readonly pending: readonly InstrumentToken[];
      readonly rejected: readonly RejectedItem[];
      readonly total: number;
    }
  | {
      readonly kind: 'unsubscribed';
      readonly tokens: readonly InstrumentToken[];
      readonly rejected: readonly RejectedItem[];
      readonly total: number;
    }
  | { readonly kind: 'pong' }
  /** The client read too slowly and has caught up: so many ticks were replaced by newer ones before they were sent. */
  | { readonly kind: 'lag'; readonly skipped: number }
  | {
      readonly kind: 'error';
      readonly code: ErrorCode;
      readonly message: string;
      readonly detail?: string;
      readonly tokens?: readonly InstrumentToken[];
    };
