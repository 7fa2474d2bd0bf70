// What clients ask and what they are told, in no dialect's syntax: the gateway knows only these.
import type { ErrorCode } from '../../shared/errors.ts';
import type { InstrumentToken } from '../../shared/instrument.ts';
import type { FeedState } from '../../shared/status.ts';
import type { ModeRank, TickMode } from '../../shared/tick.ts';
import type { BarInterval } from './bar.ts';
import type { ChainFigures } from './chain.ts';
import type { ChainMember, ChainName } from './chain-contracts.ts';
import type { CLIENT_LIMITS } from './client-limits.ts';
import type { FeedEvent } from './feed.ts';
import type { OrderEvent } from './order-event.ts';
import type { RowAnnouncement } from './row-format.ts';

export { BAR_INTERVALS, type Bar, type BarInterval } from './bar.ts';
export type { ChainFigures } from './chain.ts';
export type { ChainMember, ChainName } from './chain-contracts.ts';
export type { FeedEvent } from './feed.ts';
export type { OrderEvent } from './order-event.ts';

/** How often one subscription is served: at once, or at most every so many milliseconds with the newest value. */
export const SPEEDS = ['rt', 100, 250, 1000] as const;
export type Speed = (typeof SPEEDS)[number];

/** Which ticks of a subscription are sent; both conditions hold where both are given, and one is. */
export interface TickFilter {
  /** Rupees that the last price has to differ by from the last one that was sent; above zero. */
  readonly minChange?: number;
  /** Only after a trade: the volume or the time of the last trade is another one, or the price where neither is known. */
  readonly onTrade?: true;
}

export interface SubscribeItem {
  readonly token: InstrumentToken;
  readonly rank: ModeRank;
  readonly speed: Speed;
  readonly filter?: TickFilter;
  /** One that the client has already stays as it is; only its value is sent again. */
  readonly keepsTerms?: true;
}

/** An instrument by `EXCHANGE:SYMBOL`, to be looked up before it can be subscribed to. */
export interface SymbolItem {
  readonly symbol: string;
  readonly rank: ModeRank;
  readonly speed: Speed;
  readonly filter?: TickFilter;
}

/** Bars of one instrument in one interval. */
export interface BarItem {
  readonly token: InstrumentToken;
  readonly interval: BarInterval;
}

/** Bars that a client asks for. `afterMs` is the start of the last closed one that it has had: what came since follows. */
export interface BarRequest extends BarItem {
  readonly afterMs?: number;
}

/** Bars that a client has subscribed to, as it is told. `symbol` is absent while the definition is not here yet. */
export interface BarLine extends BarItem {
  readonly symbol?: string;
}

/** A chain as a client is told of it. */
export interface ChainLine extends ChainName {
  /** On each side of the one at the money. */
  readonly strikes: number;
  readonly mode: TickMode;
  readonly speed: Speed;
}

/** An item of a request that was not carried out; the others were. `item` is what the client sent. */
export interface RejectedItem {
  readonly field: 'token' | 'symbol';
  readonly item: unknown;
  readonly code: ErrorCode;
  readonly message: string;
}

/** Where a client was when it lost its connection: that connection's epoch, and the highest `seq` that it has had. */
export interface ResumePosition {
  readonly epoch: string;
  readonly seq: number;
}

/** What a client wants to find in the answer again. */
export type CommandId = string | number;

/** A message that is no command: the client is told why, the socket stays as it was. */
export interface Refusal {
  readonly kind: 'refused';
  readonly code: ErrorCode;
  /** One of the first protocol's texts where it has one: clients compare them. */
  readonly message: string;
  /** What exactly was wrong, where the message alone does not say. */
  readonly detail?: string;
  readonly id?: CommandId;
}

export type ClientCommand =
  | {
      readonly kind: 'subscribe';
      readonly items: readonly SubscribeItem[];
      readonly symbols: readonly SymbolItem[];
      readonly rejected: readonly RejectedItem[];
      readonly resume?: ResumePosition;
      readonly id?: CommandId;
    }
  | {
      readonly kind: 'unsubscribe';
      readonly tokens: readonly InstrumentToken[];
      readonly symbols: readonly string[];
      readonly rejected: readonly RejectedItem[];
      readonly id?: CommandId;
    }
  | {
      readonly kind: 'subscribe_bars' | 'unsubscribe_bars';
      readonly interval: BarInterval;
      readonly tokens: readonly InstrumentToken[];
      readonly symbols: readonly string[];
      /** By token or symbol, see BarRequest; empty where the client has had none. */
      readonly afterMs: ReadonlyMap<InstrumentToken | string, number>;
      readonly rejected: readonly RejectedItem[];
      readonly id?: CommandId;
    }
  | {
      readonly kind: 'subscribe_chain';
      readonly chain: ChainName;
      /** On each side of the one at the money. */
      readonly strikes: number;
      readonly rank: ModeRank;
      readonly speed: Speed;
      readonly id?: CommandId;
    }
  | { readonly kind: 'unsubscribe_chain'; readonly chain: ChainName; readonly id?: CommandId }
  /** `after` is the number of the last order event that the client has had: what came since follows. */
  | { readonly kind: 'subscribe_orders'; readonly after?: number; readonly id?: CommandId }
  | { readonly kind: 'list'; readonly id?: CommandId }
  /** The client cannot go on with what it has: what comes next must need nothing before it. */
  | { readonly kind: 'restart'; readonly id?: CommandId }
  | { readonly kind: 'authenticate'; readonly token: string; readonly id?: CommandId }
  | { readonly kind: 'ping'; readonly id?: CommandId }
  /** A message that the dialect does not answer. */
  | { readonly kind: 'ignored'; readonly id?: CommandId }
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

/** How a subscription is served, as a client is told. */
export interface TermsLine {
  readonly mode: TickMode;
  readonly speed: Speed;
  readonly filter?: TickFilter;
}

/** One subscription as a client is told of it. `isLive` once there is a value. */
export interface SubscriptionLine extends TermsLine {
  readonly token: InstrumentToken;
  /** `EXCHANGE:SYMBOL`; absent while the definition is not here yet. */
  readonly symbol?: string;
  readonly isLive: boolean;
}

/** Everything a client is told except ticks, which have their own encoder. */
export type ServerEvent =
  | {
      readonly kind: 'connected';
      readonly connectionId: string;
      readonly principal: Principal;
      readonly timestampMs: number;
      /** Names this connection's stream in a resume position. */
      readonly epoch: string;
      readonly limits: typeof CLIENT_LIMITS;
      readonly feed?: FeedEvent;
    }
  | { readonly kind: 'authenticated'; readonly expiresAtMs: number; readonly id?: CommandId }
  | { readonly kind: 'token_expiring'; readonly expiresAtMs: number; readonly inMs: number }
  /** The socket will be closed on purpose in so many milliseconds: reconnect then, with the position you have. */
  | { readonly kind: 'goaway'; readonly reconnectInMs: number; readonly epoch: string }
  /** `stateBefore` is what clients have heard last; absent when nobody knows that. */
  | { readonly kind: 'feed'; readonly feed: FeedEvent; readonly stateBefore?: FeedState }
  /** Only those who may know of orders are told. */
  | ({ readonly kind: 'order_update' } & OrderEvent)
  | {
      readonly kind: 'subscribed_orders';
      /** The next order event that the client is told of has the number behind it. */
      readonly seq: number;
      /** Answer to a position: true, all that was missed follows; false, it cannot be had, and orders have to be read. */
      readonly recovered?: boolean;
      readonly id?: CommandId;
    }
  | {
      readonly kind: 'subscribed';
      readonly tokens: readonly InstrumentToken[];
      /** Accepted, and not streaming yet: the first tick says that they are. */
      readonly pending: readonly InstrumentToken[];
      readonly rejected: readonly RejectedItem[];
      readonly total: number;
      /** Of all accepted items, where they are the same for all. */
      readonly terms?: TermsLine;
      /** Every accepted item on its own; where the request named some by symbol, or their terms differ. */
      readonly items?: readonly SubscriptionLine[];
      /** Ids of rows that the client does not know yet; where ticks are rows that have ids. */
      readonly rows?: readonly RowAnnouncement[];
      /** Answer to a resume position: true, all missed ticks follow; false, current values do. */
      readonly recovered?: boolean;
      readonly id?: CommandId;
    }
  | {
      readonly kind: 'unsubscribed';
      readonly tokens: readonly InstrumentToken[];
      readonly rejected: readonly RejectedItem[];
      readonly total: number;
      readonly id?: CommandId;
    }
  | {
      readonly kind: 'subscribed_bars' | 'unsubscribed_bars';
      readonly interval: BarInterval;
      readonly tokens: readonly InstrumentToken[];
      readonly rejected: readonly RejectedItem[];
      /** Bars of all intervals that the client has now. */
      readonly total: number;
      /** Every accepted item on its own; where the request named some by symbol. */
      readonly items?: readonly BarLine[];
      readonly id?: CommandId;
    }
  | {
      readonly kind: 'subscribed_chain';
      readonly line: ChainLine;
      readonly members: readonly ChainMember[];
      /** Members without a value: the first tick says that there is one. */
      readonly pending: readonly InstrumentToken[];
      /** Chains that the client has now. */
      readonly total: number;
      readonly rows?: readonly RowAnnouncement[];
      readonly id?: CommandId;
    }
  | {
      readonly kind: 'unsubscribed_chain';
      readonly chain: ChainName;
      readonly total: number;
      readonly id?: CommandId;
    }
  /** The window has moved; comes before the first tick of who has joined. */
  | {
      readonly kind: 'chain_members';
      readonly chain: ChainName;
      readonly joined: readonly ChainMember[];
      readonly left: readonly InstrumentToken[];
      readonly rows?: readonly RowAnnouncement[];
    }
  | { readonly kind: 'chain'; readonly chain: ChainName; readonly figures: ChainFigures }
  | {
      readonly kind: 'subscriptions';
      readonly items: readonly SubscriptionLine[];
      readonly bars: readonly BarLine[];
      readonly chains: readonly ChainLine[];
      readonly id?: CommandId;
    }
  | { readonly kind: 'pong'; readonly id?: CommandId }
  /** The client read too slowly and has caught up: so many ticks were replaced by newer ones before they were sent. */
  | { readonly kind: 'lag'; readonly skipped: number }
  | {
      readonly kind: 'error';
      readonly code: ErrorCode;
      readonly message: string;
      readonly detail?: string;
      readonly tokens?: readonly InstrumentToken[];
      readonly retryAfterMs?: number;
      readonly id?: CommandId;
    };
