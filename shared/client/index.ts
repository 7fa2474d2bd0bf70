// The SDK's public names: everything that an application may import from `ticker-edge/client`.
export { AppError, type ErrorCode } from '../errors.ts';
export type { TickMode } from '../tick.ts';
export type { Clock, Timer } from './clock.ts';
export type { TokenTransport } from './connection.ts';
export {
  ClientEndedError,
  type ClientError,
  type ClientEvents,
  type ClientState,
  type FinalState,
} from './events.ts';
export type {
  ConnectedMessage,
  ExpiringMessage,
  FeedMessage,
  FeedState,
  GoawayMessage,
  LagMessage,
  RejectedItem,
  RenewedMessage,
  ServerLimits,
} from './message.ts';
export type { SocketCloseEvent, SocketConstructor, SocketLike } from './socket.ts';
export type { AcceptedItem, Acknowledgement, Subscription, TickIterator } from './subscription.ts';
export type { Instrument, Speed, SubscriptionOptions, TickFilter } from './subscription-options.ts';
export type { DepthLevel, Tick } from './tick.ts';
export { type Freshness, TickerClient, type TickerClientOptions } from './ticker-client.ts';
export type { TokenOption } from './token-source.ts';
