// What the server says, as far as the client and its application use it.
import type { BarInterval } from '../bar-interval.ts';
import type { TickMode } from '../tick.ts';
import type { Bar } from './bar.ts';
import type { ChainFiguresEvent, ChainMember, ChainMembersEvent, ChainName } from './chain.ts';
import type { Speed, TickFilter } from './subscription-options.ts';
import type { Tick } from './tick.ts';

/** Bounds that the server publishes; those it does not name stay as the client assumes them. */
export interface ServerLimits {
  readonly subscriptions?: number;
  readonly filters?: number;
  readonly bars?: number;
  readonly tokens_per_message?: number;
  readonly message_chars?: number;
  readonly messages_per_second?: number;
}

export type FeedState = 'live' | 'quiet' | 'stale' | 'down';

export interface FeedMessage {
  readonly type: 'feed';
  readonly state: FeedState;
  /** ISO 8601. */
  readonly last_tick_at?: string;
  /** Market session by exchange, as in `{"NSE":"open"}`. */
  readonly sessions: Readonly<Record<string, string>>;
  readonly timestamp?: string;
}

export interface ConnectedMessage {
  readonly type: 'connected';
  readonly connection_id: string;
  readonly user: { readonly user_id: string; readonly email?: string; readonly name?: string };
  /** The gateway's memory: sequence numbers mean something within one only. */
  readonly epoch?: string;
  readonly expires_at?: string;
  readonly limits: ServerLimits;
  readonly feed?: FeedMessage;
}

/** An instrument that the server did not take, as it was named in the request. */
export interface RejectedItem {
  readonly instrument: number | string;
  readonly code: string;
  readonly message: string;
  /** Of bars; absent for ticks. */
  readonly interval?: BarInterval;
}

/** What an id of binary rows means from here on. */
export interface AnnouncedRow {
  /** Below WIRE_ROW_IDS_MAX. */
  readonly id: number;
  readonly token: number;
  /** A tick as a raw price. */
  readonly tick: number;
  readonly lot: number;
  readonly exchange: string;
  readonly tradingsymbol: string;
}

export interface SubscribedMessage {
  readonly type: 'subscribed';
  readonly id?: number;
  /** Of bars; absent for ticks. */
  readonly interval?: BarInterval;
  readonly tokens: readonly number[];
  /** Accepted, and without a value so far. */
  readonly pending: readonly number[];
  readonly rejected: readonly RejectedItem[];
  /** Which token a symbol of the request has. */
  readonly names: readonly { readonly symbol: string; readonly token: number }[];
  /** Whether every tick that was missed follows; absent when the request did not resume. */
  readonly recovered?: boolean;
  readonly total: number;
  readonly rows: readonly AnnouncedRow[];
}

export interface SubscribedChainMessage {
  readonly type: 'subscribed_chain';
  readonly id?: number;
  readonly members: readonly ChainMember[];
  readonly rows: readonly AnnouncedRow[];
}

export interface ChainMembersMessage extends ChainMembersEvent {
  readonly type: 'chain_members';
  readonly rows: readonly AnnouncedRow[];
}

export interface ChainFiguresMessage extends ChainFiguresEvent {
  readonly type: 'chain';
}

/** What became of an order at Kite. */
export interface OrderUpdateMessage {
  readonly type: 'order_update';
  /** Of all order events, without gaps. */
  readonly order_seq: number;
  readonly account_id: string;
  /** Kite's own payload. */
  readonly data: Readonly<Record<string, unknown>>;
}

export interface SubscribedOrdersMessage {
  readonly type: 'subscribed_orders';
  readonly id?: number;
  /** The next event has the number behind it. */
  readonly order_seq: number;
  /** Whether every event that was missed follows; absent when the request had no position. */
  readonly recovered?: boolean;
}

/** What the server streams to this connection, by its own account. */
export interface SubscriptionsMessage {
  readonly type: 'subscriptions';
  readonly id?: number;
  readonly items: readonly SubscribedTicks[];
  readonly bars: readonly SubscribedBars[];
  readonly chains: readonly SubscribedChain[];
}

export interface SubscribedTicks {
  readonly token: number;
  /** `EXCHANGE:SYMBOL`; absent until the server has the instrument's definition. */
  readonly symbol?: string;
  readonly mode: TickMode;
  readonly speed: Speed;
  readonly filter?: TickFilter;
  /** `pending`: no value has come from the exchange so far. */
  readonly state: 'live' | 'pending';
}

export interface SubscribedBars {
  readonly token: number;
  readonly symbol?: string;
  readonly interval: BarInterval;
}

export interface SubscribedChain extends ChainName {
  /** On each side of the one at the money. */
  readonly strikes: number;
  readonly mode: TickMode;
  readonly speed: Speed;
}

export interface ErrorMessage {
  readonly type: 'error';
  readonly message: string;
  readonly code?: string;
  readonly id?: number;
  readonly tokens?: readonly number[];
  readonly retry_after_ms?: number;
}

export interface LagMessage {
  readonly type: 'lag';
  /** Ticks replaced by newer ones before this client could take them. */
  readonly skipped: number;
}

export interface ExpiringMessage {
  readonly type: 'token_expiring';
  readonly expires_at: string;
  readonly in_ms: number;
}

export interface RenewedMessage {
  readonly type: 'authenticated';
  readonly expires_at?: string;
}

export interface GoawayMessage {
  readonly type: 'goaway';
  readonly reconnect_in_ms: number;
}

/** What comes within a session. */
export type SessionMessage =
  | { readonly type: 'tick'; readonly data: Tick }
  | { readonly type: 'bar'; readonly data: Bar }
  | SubscribedMessage
  | SubscribedChainMessage
  | ChainMembersMessage
  | ChainFiguresMessage
  | SubscribedOrdersMessage
  | OrderUpdateMessage
  | SubscriptionsMessage
  | { readonly type: 'rows'; readonly rows: readonly AnnouncedRow[] }
  | { readonly type: 'unsubscribed' }
  | { readonly type: 'pong'; readonly id?: number }
  | RenewedMessage
  | ErrorMessage
  | LagMessage
  | FeedMessage
  | ExpiringMessage
  | GoawayMessage
  /** Of a newer server: nothing that this client needs. */
  | { readonly type: 'unknown' };

export type ServerMessage =
  | ConnectedMessage
  | SessionMessage
  | { readonly type: 'invalid'; readonly reason: string };
