// What a client tells its application: its state, its errors, and the messages that concern the user.
import type { Bar, BarGap } from './bar.ts';
import type { ChainFiguresEvent, ChainMembersEvent } from './chain.ts';
import type {
  ConnectedMessage,
  ExpiringMessage,
  FeedMessage,
  GoawayMessage,
  LagMessage,
  OrderUpdateMessage,
  RejectedItem,
  RenewedMessage,
} from './message.ts';
import type { Tick } from './tick.ts';

/** Ends that only `connect()` undoes; after `closed` not even that. */
export type FinalState =
  | { readonly kind: 'unauthorized'; readonly code: number; readonly reason: string }
  | { readonly kind: 'stopped'; readonly code: number; readonly reason: string }
  | { readonly kind: 'closed' };

export type ClientState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected'; readonly session: ConnectedMessage }
  /** Open, but nothing has come for longer than `staleAfterMs`: values count as stale until something does. */
  | { readonly kind: 'silent'; readonly session: ConnectedMessage }
  /** Between two attempts. `code` is absent where no close frame came into it. */
  | {
      readonly kind: 'waiting';
      readonly reason: string;
      readonly code?: number;
      readonly retryInMs: number;
    }
  | FinalState;

export type ClientError =
  /** The server refused something that no instrument stands for. */
  | {
      readonly kind: 'server';
      readonly code: string;
      readonly message: string;
      readonly retryAfterMs?: number;
    }
  /** A message that could not be read, or an answer that did not come. */
  | { readonly kind: 'protocol'; readonly message: string }
  /** The token callback failed. */
  | { readonly kind: 'token'; readonly message: string; readonly cause: unknown }
  /** A listener threw; the others were called all the same. */
  | { readonly kind: 'listener'; readonly message: string; readonly cause: unknown };

export interface ClientEvents {
  readonly tick: Tick;
  readonly bar: Bar;
  /** Closed bars are missing; comes before the first bar behind the gap. */
  readonly gap: BarGap;
  /** A chain's figures have changed. */
  readonly chain: ChainFiguresEvent;
  /** A chain's window has moved, or was first told; comes before the first tick of who has joined. */
  readonly chainMembers: ChainMembersEvent;
  /** What became of an order, after `subscribeOrders`: each event once and in order, also across reconnects. */
  readonly order: OrderUpdateMessage;
  /** Order events were missed that the server cannot send any more: read what orders are like now. */
  readonly ordersMissed: { readonly order_seq: number };
  readonly feed: FeedMessage;
  readonly lag: LagMessage;
  /** After a reconnect: these are live again, whether or not they had missed ticks. */
  readonly recovered: { readonly tokens: readonly number[] };
  readonly rejected: RejectedItem;
  readonly state: ClientState;
  readonly error: ClientError;
  readonly goaway: GoawayMessage;
  readonly expiring: ExpiringMessage;
  /** The token has been renewed on the open socket. */
  readonly renewed: RenewedMessage;
}

/** What promises are rejected with when the client has ended for good or cannot go on by itself. */
export class ClientEndedError extends Error {
  readonly state: FinalState;

  constructor(state: FinalState) {
    super(
      state.kind === 'closed' ? 'the client is closed' : `${state.kind}: ${state.reason} (${state.code})`,
    );
    this.name = 'ClientEndedError';
    this.state = state;
  }
}
