// The SDK's public names: everything that an application may import from `ticker-edge/client`.
export { AppError, type ErrorCode } from '../errors.ts';
export type { ForwardSource, GreeksStatus } from '../record-greeks.ts';
export { AT, RECORD_KIND, type TickMode } from '../tick.ts';
export { FrameReader, type RowListener } from '../wire/frame-reader.ts';
export { type Scale, scaleOf } from '../wire/scale.ts';
export type { Bar, BarGap, BarInterval } from './bar.ts';
export type {
  ChainFigures,
  ChainFiguresEvent,
  ChainMember,
  ChainMembersEvent,
  ChainName,
  ChainOptions,
} from './chain.ts';
export type { ChainAcknowledgement, ChainSubscription } from './chain-subscription.ts';
export type { TickerClientOptions } from './client-options.ts';
export type { Clock, Timer } from './clock.ts';
export type { TickFormat, TokenTransport } from './connection.ts';
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
  OrderUpdateMessage,
  RejectedItem,
  RenewedMessage,
  ServerLimits,
  SubscribedBars,
  SubscribedChain,
  SubscribedTicks,
  SubscriptionsMessage,
} from './message.ts';
export type { SocketCloseEvent, SocketConstructor, SocketLike } from './socket.ts';
export type {
  AcceptedBars,
  AcceptedItem,
  Acknowledgement,
  BarIterator,
  BarSubscription,
  Subscription,
  TickIterator,
} from './subscription.ts';
export type { Instrument, Speed, SubscriptionOptions, TickFilter } from './subscription-options.ts';
export type { DepthLevel, Greeks, Tick } from './tick.ts';
export { type Freshness, TickerClient } from './ticker-client.ts';
export type { TokenOption } from './token-source.ts';
