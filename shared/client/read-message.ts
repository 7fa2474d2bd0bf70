// What the server says, read from text: each known type checked field by field, everything else named and left alone.
import { parseInstrumentToken } from '../instrument.ts';
import { WIRE_ROW_IDS_MAX } from '../limits.ts';
import { isBar, isBarInterval } from './bar.ts';
import { readChainName, readFigures, readMembers } from './chain.ts';
import type {
  AnnouncedRow,
  FeedMessage,
  FeedState,
  RejectedItem,
  ServerLimits,
  ServerMessage,
  SubscribedBars,
  SubscribedChain,
  SubscribedTicks,
} from './message.ts';
import { isMode, isSpeed, type TickFilter } from './subscription-options.ts';
import { isObject, isTick, type JsonObject } from './tick.ts';

const FEED_STATES: readonly unknown[] = ['live', 'quiet', 'stale', 'down'] satisfies FeedState[];

function isFeedState(value: unknown): value is FeedState {
  return FEED_STATES.includes(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** `{name: value}` when the value is a string, else nothing: optional fields are absent, never undefined. */
function text<Name extends string>(from: JsonObject, name: Name): { [key in Name]?: string } {
  const value = from[name];
  return typeof value === 'string' ? ({ [name]: value } as { [key in Name]?: string }) : {};
}

function number<Name extends string>(from: JsonObject, name: Name): { [key in Name]?: number } {
  const value = from[name];
  return isNumber(value) ? ({ [name]: value } as { [key in Name]?: number }) : {};
}

function numbers(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.filter(isNumber) : [];
}

function objects(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function invalid(reason: string): ServerMessage {
  return { type: 'invalid', reason };
}

/** Bounds of use to a client are whole and above zero. */
function readLimits(value: unknown): ServerLimits {
  if (!isObject(value)) return {};
  const names = [
    'subscriptions',
    'filters',
    'bars',
    'tokens_per_message',
    'message_chars',
    'messages_per_second',
  ] as const;
  const given = names.filter((name) => isNumber(value[name]) && (value[name] as number) >= 1);
  return Object.fromEntries(given.map((name) => [name, Math.floor(value[name] as number)]));
}

function readFeed(message: JsonObject): FeedMessage | undefined {
  const { state, sessions } = message;
  if (!isFeedState(state)) return undefined;
  const given = isObject(sessions) ? Object.entries(sessions) : [];
  const named = given.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return {
    type: 'feed',
    state,
    sessions: Object.fromEntries(named),
    ...text(message, 'last_tick_at'),
    ...text(message, 'timestamp'),
  };
}

function readConnected(message: JsonObject): ServerMessage {
  const { connection_id: connectionId, user, limits, feed } = message;
  if (typeof connectionId !== 'string' || !isObject(user) || typeof user.user_id !== 'string') {
    return invalid('connected without connection_id or user');
  }
  const readFeedState = isObject(feed) ? readFeed(feed) : undefined;
  return {
    type: 'connected',
    connection_id: connectionId,
    user: { user_id: user.user_id, ...text(user, 'email'), ...text(user, 'name') },
    limits: readLimits(limits),
    ...text(message, 'epoch'),
    ...text(message, 'expires_at'),
    ...(readFeedState ? { feed: readFeedState } : {}),
  };
}

function readRejected(item: JsonObject): RejectedItem[] {
  const instrument = item.token ?? item.symbol;
  if (typeof instrument !== 'number' && typeof instrument !== 'string') return [];
  const { code, message } = item;
  return [
    {
      instrument,
      code: typeof code === 'string' ? code : 'rejected',
      message: typeof message === 'string' ? message : '',
    },
  ];
}

/** One that cannot be is left out: the first frame that needs it says so. */
function readRows(value: unknown): AnnouncedRow[] {
  const tuples = Array.isArray(value) ? value.filter((item) => Array.isArray(item)) : [];
  return tuples.flatMap(([id, named, tick, lot, exchange, tradingsymbol]: unknown[]) => {
    const isId = isNumber(id) && Number.isInteger(id) && id >= 0 && id < WIRE_ROW_IDS_MAX;
    const token = parseInstrumentToken(named);
    if (!isId || token === undefined || !isNumber(tick) || !isNumber(lot)) return [];
    if (typeof exchange !== 'string' || typeof tradingsymbol !== 'string') return [];
    return [{ id, token, tick, lot, exchange, tradingsymbol }];
  });
}

function readSubscribed(message: JsonObject): ServerMessage {
  const { recovered, total, interval } = message;
  return {
    type: 'subscribed',
    tokens: numbers(message.tokens),
    pending: numbers(message.pending),
    rejected: objects(message.rejected).flatMap(readRejected),
    names: objects(message.items).flatMap(({ symbol, token }) =>
      typeof symbol === 'string' && isNumber(token) ? [{ symbol, token }] : [],
    ),
    total: isNumber(total) ? total : 0,
    rows: readRows(message.rows),
    ...number(message, 'id'),
    ...(isBarInterval(interval) ? { interval } : {}),
    ...(typeof recovered === 'boolean' ? { recovered } : {}),
  };
}

function readSubscribedChain(message: JsonObject): ServerMessage {
  return {
    type: 'subscribed_chain',
    members: readMembers(message.members),
    rows: readRows(message.rows),
    ...number(message, 'id'),
  };
}

function readChainMembers(message: JsonObject): ServerMessage {
  const chain = readChainName(message.chain);
  if (!chain) return invalid('chain_members without chain');
  const left = numbers(message.left);
  return {
    type: 'chain_members',
    chain,
    joined: readMembers(message.joined),
    left,
    rows: readRows(message.rows),
  };
}

function readChain({ chain: value, data }: JsonObject): ServerMessage {
  const chain = readChainName(value);
  return chain && isObject(data)
    ? { type: 'chain', chain, data: readFigures(data) }
    : invalid('chain without chain or data');
}

function readSubscribedOrders(message: JsonObject): ServerMessage {
  const { order_seq: seq, recovered } = message;
  if (!isNumber(seq)) return invalid('subscribed to orders without order_seq');
  const extras = { ...number(message, 'id'), ...(typeof recovered === 'boolean' ? { recovered } : {}) };
  return { type: 'subscribed_orders', order_seq: seq, ...extras };
}

/** One of a server that does not number them is of no use: nobody could tell whether one is missing. */
function readOrderUpdate({ order_seq: seq, account_id: accountId, data }: JsonObject): ServerMessage {
  if (seq === undefined) return { type: 'unknown' };
  if (!isNumber(seq) || typeof accountId !== 'string' || !isObject(data)) {
    return invalid('order_update with missing fields');
  }
  return { type: 'order_update', order_seq: seq, account_id: accountId, data };
}

function readFilter(value: unknown): { filter?: TickFilter } {
  if (!isObject(value)) return {};
  return {
    filter: { ...number(value, 'min_change'), ...(value.on_trade === true ? { on_trade: true } : {}) },
  };
}

function readSubscribedTicks(item: JsonObject): SubscribedTicks[] {
  const { token, mode, speed, state, filter } = item;
  if (!isNumber(token) || !isMode(mode) || !isSpeed(speed)) return [];
  const terms = { mode, speed, ...readFilter(filter) };
  return [{ token, ...text(item, 'symbol'), ...terms, state: state === 'live' ? 'live' : 'pending' }];
}

function readSubscribedBars(item: JsonObject): SubscribedBars[] {
  const { token, interval } = item;
  if (!isNumber(token) || !isBarInterval(interval)) return [];
  return [{ token, ...text(item, 'symbol'), interval }];
}

function readSubscribedChains(item: JsonObject): SubscribedChain[] {
  const { strikes, mode, speed } = item;
  const name = readChainName(item);
  return name && isNumber(strikes) && isMode(mode) && isSpeed(speed)
    ? [{ ...name, strikes, mode, speed }]
    : [];
}

function readSubscriptions(message: JsonObject): ServerMessage {
  return {
    type: 'subscriptions',
    items: objects(message.items).flatMap(readSubscribedTicks),
    bars: objects(message.bars).flatMap(readSubscribedBars),
    chains: objects(message.chains).flatMap(readSubscribedChains),
    ...number(message, 'id'),
  };
}

function readError(message: JsonObject): ServerMessage {
  const words = message.message;
  return {
    type: 'error',
    message: typeof words === 'string' ? words : '',
    ...text(message, 'code'),
    ...number(message, 'id'),
    ...(Array.isArray(message.tokens) ? { tokens: numbers(message.tokens) } : {}),
    ...number(message, 'retry_after_ms'),
  };
}

function readObject(message: JsonObject): ServerMessage {
  switch (message.type) {
    case 'tick':
      return isTick(message.data)
        ? { type: 'tick', data: message.data }
        : invalid('tick with missing fields');
    case 'bar':
      return isBar(message.data) ? { type: 'bar', data: message.data } : invalid('bar with missing fields');
    case 'connected':
      return readConnected(message);
    case 'subscribed':
      if (message.kind === 'chain') return readSubscribedChain(message);
      return message.kind === 'orders' ? readSubscribedOrders(message) : readSubscribed(message);
    case 'order_update':
      return readOrderUpdate(message);
    case 'chain_members':
      return readChainMembers(message);
    case 'chain':
      return readChain(message);
    case 'subscriptions':
      return readSubscriptions(message);
    case 'rows':
      return { type: 'rows', rows: readRows(message.rows) };
    case 'unsubscribed':
      return { type: 'unsubscribed' };
    case 'pong':
      return { type: 'pong', ...number(message, 'id') };
    case 'authenticated':
      return { type: 'authenticated', ...text(message, 'expires_at') };
    case 'error':
      return readError(message);
    case 'lag':
      return isNumber(message.skipped)
        ? { type: 'lag', skipped: message.skipped }
        : invalid('lag without skipped');
    case 'feed':
      return readFeed(message) ?? invalid('feed with an unknown state');
    case 'token_expiring': {
      const { expires_at: expiresAt, in_ms: inMs } = message;
      return typeof expiresAt === 'string' && isNumber(inMs)
        ? { type: 'token_expiring', expires_at: expiresAt, in_ms: inMs }
        : invalid('token_expiring without expires_at or in_ms');
    }
    case 'goaway':
      return isNumber(message.reconnect_in_ms)
        ? { type: 'goaway', reconnect_in_ms: message.reconnect_in_ms }
        : invalid('goaway without reconnect_in_ms');
    default:
      return typeof message.type === 'string' ? { type: 'unknown' } : invalid('message without type');
  }
}

/** Never throws: what cannot be read is `invalid`, with the reason and nothing of the text. */
export function readMessage(frame: string): ServerMessage {
  let value: unknown;
  try {
    value = JSON.parse(frame);
  } catch {
    return invalid('frame is not JSON');
  }
  return isObject(value) ? readObject(value) : invalid('frame is not a JSON object');
}
