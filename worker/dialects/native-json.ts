// The native JSON dialect: the ticker API's own protocol, one JSON object per frame, one frame per tick.
import { assertNever } from '../../shared/errors.ts';
import type {
  CommandId,
  FeedEvent,
  OrderEvent,
  RejectedItem,
  ServerEvent,
  SubscriptionLine,
  TermsLine,
  TickFilter,
} from '../core/protocol.ts';
import type { Dialect } from './dialect.ts';
import { encodeBar } from './native-json/bar.ts';
import { encodeChainEvent } from './native-json/chain.ts';
import { parseCommand } from './native-json/command.ts';
import { rowLineOf } from './native-json/row-line.ts';
import { encodeTick, isoOfMs } from './native-json/tick.ts';

function rejectedField(rejected: readonly RejectedItem[]): { rejected?: unknown[] } {
  if (rejected.length === 0) return {};
  return { rejected: rejected.map(({ field, item, code, message }) => ({ [field]: item, code, message })) };
}

function idField(id: CommandId | undefined): { id?: CommandId } {
  return id === undefined ? {} : { id };
}

function feedFields({ state, reason, lastTickAtMs, sessions, timestampMs }: FeedEvent) {
  const lastTick = lastTickAtMs === undefined ? {} : { last_tick_at: isoOfMs(lastTickAtMs) };
  return { state, reason, ...lastTick, sessions, timestamp: isoOfMs(timestampMs) };
}

function filterField(filter: TickFilter | undefined) {
  return filter ? { filter: { min_change: filter.minChange, on_trade: filter.onTrade } } : {};
}

function termsFields({ mode, speed, filter }: TermsLine) {
  return { mode, speed, ...filterField(filter) };
}

function lineFields({ token, symbol, isLive, ...terms }: SubscriptionLine) {
  return { token, symbol, ...termsFields(terms), state: isLive ? 'live' : 'pending' };
}

/** JSON of what many clients are told alike: the limits, and the feed between two of its changes. */
const keptTexts = new WeakMap<object, string>();

function keptText<T extends object>(value: T, fieldsOf: (value: T) => object): string {
  let text = keptTexts.get(value);
  if (text === undefined) {
    text = JSON.stringify(fieldsOf(value));
    keptTexts.set(value, text);
  }
  return text;
}

function encodeConnected(event: Extract<ServerEvent, { kind: 'connected' }>): string {
  const { userId, email, name, expiresAtS } = event.principal;
  const own = JSON.stringify({
    type: 'connected',
    connection_id: event.connectionId,
    user: { user_id: userId, email, name },
    timestamp: isoOfMs(event.timestampMs),
    epoch: event.epoch,
    expires_at: isoOfMs(expiresAtS * 1000),
  });
  const limits = keptText(event.limits, (all) => all);
  const feed = event.feed ? `,"feed":${keptText(event.feed, feedFields)}` : '';
  return `${own.slice(0, -1)},"limits":${limits}${feed}}`;
}

function encodeSubscribed(event: Extract<ServerEvent, { kind: 'subscribed' }>): string {
  return JSON.stringify({
    type: 'subscribed',
    tokens: event.tokens,
    total: event.total,
    ...(event.pending.length > 0 ? { pending: event.pending } : {}),
    ...(event.terms ? termsFields(event.terms) : {}),
    ...(event.items ? { items: event.items.map(lineFields) } : {}),
    ...(event.rows ? { rows: event.rows.map(rowLineOf) } : {}),
    ...rejectedField(event.rejected),
    ...(event.recovered === undefined ? {} : { recovered: event.recovered }),
    ...idField(event.id),
  });
}

/** The order is JSON text already. */
function encodeOrderUpdate({ seq, accountId, order }: OrderEvent): string {
  const own = JSON.stringify({ type: 'order_update', order_seq: seq, account_id: accountId });
  return `${own.slice(0, -1)},"data":${order}}`;
}

function encodeError(event: Extract<ServerEvent, { kind: 'error' }>): string {
  return JSON.stringify({
    type: 'error',
    message: event.message,
    code: event.code,
    ...(event.detail === undefined ? {} : { detail: event.detail }),
    ...(event.tokens ? { tokens: event.tokens } : {}),
    ...(event.retryAfterMs === undefined ? {} : { retry_after_ms: event.retryAfterMs }),
    ...idField(event.id),
  });
}

function encode(event: ServerEvent): string {
  switch (event.kind) {
    case 'connected':
      return encodeConnected(event);
    case 'authenticated':
      return JSON.stringify({
        type: 'authenticated',
        expires_at: isoOfMs(event.expiresAtMs),
        ...idField(event.id),
      });
    case 'token_expiring': {
      const expiresAt = isoOfMs(event.expiresAtMs);
      return JSON.stringify({ type: 'token_expiring', expires_at: expiresAt, in_ms: event.inMs });
    }
    case 'goaway':
      return JSON.stringify({ type: 'goaway', reconnect_in_ms: event.reconnectInMs, epoch: event.epoch });
    case 'feed':
      return JSON.stringify({ type: 'feed', ...feedFields(event.feed) });
    case 'order_update':
      return encodeOrderUpdate(event);
    case 'subscribed_orders':
      return JSON.stringify({
        type: 'subscribed',
        kind: 'orders',
        order_seq: event.seq,
        ...(event.recovered === undefined ? {} : { recovered: event.recovered }),
        ...idField(event.id),
      });
    case 'subscribed':
      return encodeSubscribed(event);
    case 'unsubscribed':
      return JSON.stringify({
        type: 'unsubscribed',
        tokens: event.tokens,
        total: event.total,
        ...rejectedField(event.rejected),
        ...idField(event.id),
      });
    case 'subscribed_bars':
    case 'unsubscribed_bars':
      return JSON.stringify({
        type: event.kind === 'subscribed_bars' ? 'subscribed' : 'unsubscribed',
        kind: 'bar',
        interval: event.interval,
        tokens: event.tokens,
        total: event.total,
        ...('items' in event ? { items: event.items } : {}),
        ...rejectedField(event.rejected),
        ...idField(event.id),
      });
    case 'subscribed_chain':
    case 'unsubscribed_chain':
    case 'chain_members':
    case 'chain':
      return encodeChainEvent(event);
    case 'subscriptions': {
      const items = event.items.map(lineFields);
      const bars = event.bars.length > 0 ? { bars: event.bars } : {};
      return JSON.stringify({
        type: 'subscriptions',
        items,
        total: items.length,
        ...bars,
        ...(event.chains.length > 0 ? { chains: event.chains } : {}),
        ...idField(event.id),
      });
    }
    case 'pong':
      return JSON.stringify({ type: 'pong', ...idField(event.id) });
    case 'lag':
      return JSON.stringify({ type: 'lag', skipped: event.skipped });
    case 'error':
      return encodeError(event);
    default:
      return assertNever(event);
  }
}

export const nativeJson = {
  parse: (message) => parseCommand(message),
  encode,
  ticks: { kind: 'messages', encodeTick },
  encodeBar,
} satisfies Dialect;
