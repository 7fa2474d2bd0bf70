// The native JSON dialect: the ticker API's own protocol, one JSON object per frame, one frame per tick.
import { assertNever } from '../../shared/errors.ts';
import {
  type InstrumentDefinition,
  type InstrumentToken,
  isIndex,
  parseInstrumentToken,
  priceDivisorOf,
} from '../../shared/instrument.ts';
import { CLIENT_MESSAGE_CHARS_MAX, CLIENT_TOKENS_PER_MESSAGE_MAX } from '../../shared/limits.ts';
import {
  AT,
  DEPTH_LEVEL_BYTES,
  DEPTH_LEVELS,
  hasOpenInterest,
  type ModeRank,
  modeOfKind,
  modeOfRank,
  rankOfMode,
  receivedAtOf,
} from '../../shared/tick.ts';
import type { ClientCommand, Refusal, RejectedItem, ServerEvent } from '../core/protocol.ts';
import type { Dialect } from './dialect.ts';

/** Characters of a client's own text that an error repeats. */
const ECHO_CHARS_MAX = 100;

function refused(code: Refusal['code'], message: string, detail?: string): Refusal {
  return { kind: 'refused', code, message, ...(detail === undefined ? {} : { detail }) };
}

/** Never stringifies what is nested: 30,000 brackets fit a message, and JSON.stringify's recursion does not take them. */
function echo(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = String(value ?? null);
  return text.length > ECHO_CHARS_MAX ? `${text.slice(0, ECHO_CHARS_MAX)}...` : text;
}

interface TokenList {
  readonly tokens: readonly InstrumentToken[];
  readonly rejected: readonly RejectedItem[];
}

/** The tokens of a request without repeats; items that cannot be tokens are rejected one by one. */
function parseTokens(value: unknown): TokenList | Refusal {
  const refusal = 'tokens must be a list of instrument tokens';
  if (!Array.isArray(value)) return refused('invalid_tokens', refusal);
  if (value.length > CLIENT_TOKENS_PER_MESSAGE_MAX) {
    const counts = `${value.length} given, at most ${CLIENT_TOKENS_PER_MESSAGE_MAX} per message`;
    return refused('too_many_tokens', refusal, counts);
  }
  const tokens = new Set<InstrumentToken>();
  const rejected: RejectedItem[] = [];
  for (const item of value) {
    const token = parseInstrumentToken(item);
    if (token !== undefined) tokens.add(token);
    else {
      const message = `instrument token must be an integer from 1 to 4294967295, got ${echo(item)}`;
      rejected.push({
        item: Number.isFinite(item) ? item : echo(item),
        code: 'invalid_instrument_token',
        message,
      });
    }
  }
  return { tokens: [...tokens], rejected };
}

function parse(message: string | ArrayBuffer): ClientCommand {
  if (typeof message !== 'string') return refused('invalid_json', 'Invalid JSON message');
  if (message.length > CLIENT_MESSAGE_CHARS_MAX) {
    const counts = `${message.length} characters, at most ${CLIENT_MESSAGE_CHARS_MAX}`;
    return refused('message_too_big', 'Invalid JSON message', counts);
  }
  let value: unknown;
  try {
    value = JSON.parse(message);
  } catch {
    return refused('invalid_json', 'Invalid JSON message');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refused('invalid_message', 'Invalid JSON message');
  }
  const { action, tokens } = value as { action?: unknown; tokens?: unknown };
  switch (action) {
    case 'ping':
      return { kind: 'ping' };
    case 'subscribe': {
      const list = parseTokens(tokens);
      if ('kind' in list) return list;
      return {
        kind: 'subscribe',
        items: list.tokens.map((token) => ({ token, rank: 3 })),
        rejected: list.rejected,
      };
    }
    case 'unsubscribe': {
      const list = parseTokens(tokens);
      return 'kind' in list ? list : { kind: 'unsubscribe', ...list };
    }
    default:
      return refused('unknown_action', `Unknown action: ${echo(action)}`);
  }
}

function rejectedField(rejected: readonly RejectedItem[]): { rejected?: unknown[] } {
  if (rejected.length === 0) return {};
  return { rejected: rejected.map(({ item, code, message }) => ({ token: item, code, message })) };
}

function encode(event: ServerEvent): string {
  switch (event.kind) {
    case 'connected': {
      const { userId, email, name } = event.principal;
      return JSON.stringify({
        type: 'connected',
        connection_id: event.connectionId,
        user: { user_id: userId, email, name },
        timestamp: isoOfMs(event.timestampMs),
      });
    }
    case 'subscribed':
      return JSON.stringify({
        type: 'subscribed',
        tokens: event.tokens,
        total: event.total,
        ...(event.pending.length > 0 ? { pending: event.pending } : {}),
        ...rejectedField(event.rejected),
      });
    case 'unsubscribed':
      return JSON.stringify({
        type: 'unsubscribed',
        tokens: event.tokens,
        total: event.total,
        ...rejectedField(event.rejected),
      });
    case 'pong':
      return '{"type":"pong"}';
    case 'lag':
      return JSON.stringify({ type: 'lag', skipped: event.skipped });
    case 'error':
      return JSON.stringify({
        type: 'error',
        message: event.message,
        code: event.code,
        ...(event.detail === undefined ? {} : { detail: event.detail }),
        ...(event.tokens ? { tokens: event.tokens } : {}),
      });
    default:
      return assertNever(event);
  }
}

// Ticks of one flush share their seconds: the last formatted one is kept.
let formattedSecond = -1;
let formattedText = '';

function isoOfMs(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== formattedSecond) {
    formattedText = new Date(second * 1000).toISOString().slice(0, 20);
    formattedSecond = second;
  }
  return `${formattedText}${String(ms - second * 1000).padStart(3, '0')}Z`;
}

/** `,"name":value` for a price that is there; nothing for one that is not (raw zero). */
function priceField(name: string, raw: number, divisor: number): string {
  return raw === 0 ? '' : `,"${name}":${raw / divisor}`;
}

function timeField(name: string, seconds: number): string {
  return seconds === 0 ? '' : `,"${name}":"${isoOfMs(seconds * 1000)}"`;
}

function ohlcFields(view: DataView, at: number, divisor: number): string {
  const fields =
    priceField('open', view.getUint32(at + AT.open, true), divisor) +
    priceField('high', view.getUint32(at + AT.high, true), divisor) +
    priceField('low', view.getUint32(at + AT.low, true), divisor) +
    priceField('close', view.getUint32(at + AT.close, true), divisor);
  return fields === '' ? '' : `,"ohlc":{${fields.slice(1)}}`;
}

/** Change since the previous close, in rupees and in per cent; neither exists without both prices. */
function changeFields(view: DataView, at: number, divisor: number): string {
  const last = view.getUint32(at + AT.lastPrice, true);
  const close = view.getUint32(at + AT.close, true);
  if (last === 0 || close === 0) return '';
  const percent = Math.round(((last - close) * 1_000_000) / close) / 10_000;
  return `,"change":${(last - close) / divisor},"change_percent":${percent}`;
}

function quantityFields(view: DataView, at: number, divisor: number): string {
  return (
    `,"last_quantity":${view.getUint32(at + AT.lastQuantity, true)}` +
    priceField('average_price', view.getUint32(at + AT.averagePrice, true), divisor) +
    `,"volume":${view.getUint32(at + AT.volume, true)}` +
    `,"buy_quantity":${view.getUint32(at + AT.buyQuantity, true)}` +
    `,"sell_quantity":${view.getUint32(at + AT.sellQuantity, true)}`
  );
}

/** One side of the book, best first. A level without a price is an empty one and is left out. */
function depthSide(view: DataView, at: number, divisor: number): string {
  let levels = '';
  for (let level = 0; level < DEPTH_LEVELS; level++) {
    const levelAt = at + level * DEPTH_LEVEL_BYTES;
    const price = view.getUint32(levelAt + 4, true);
    if (price === 0) continue;
    const quantity = view.getUint32(levelAt, true);
    const orders = view.getUint32(levelAt + 8, true);
    levels += `${levels === '' ? '' : ','}{"price":${price / divisor},"quantity":${quantity},"orders":${orders}}`;
  }
  return `[${levels}]`;
}

function fullFields(view: DataView, at: number, token: number, divisor: number): string {
  const exchangeTime = timeField('exchange_timestamp', view.getUint32(at + AT.exchangeTimestamp, true));
  if (isIndex(token)) return exchangeTime;
  const oi = hasOpenInterest(token)
    ? `,"oi":${view.getUint32(at + AT.oi, true)}` +
      `,"oi_day_high":${view.getUint32(at + AT.oiDayHigh, true)}` +
      `,"oi_day_low":${view.getUint32(at + AT.oiDayLow, true)}`
    : '';
  const buy = depthSide(view, at + AT.depth, divisor);
  const sell = depthSide(view, at + AT.depth + DEPTH_LEVELS * DEPTH_LEVEL_BYTES, divisor);
  return (
    timeField('last_trade_time', view.getUint32(at + AT.lastTradeTime, true)) +
    exchangeTime +
    `${oi},"depth":{"buy":${buy},"sell":${sell}}`
  );
}

function encodeTick(view: DataView, at: number, rank: ModeRank, definition: InstrumentDefinition): string {
  const token = view.getUint32(at + AT.token, true);
  const divisor = priceDivisorOf(token);
  const held = rankOfMode(modeOfKind(view.getUint32(at + AT.kind, true)));
  const effective = Math.min(rank, held);
  const symbol = JSON.stringify(definition.tradingsymbol);
  const exchange = JSON.stringify(definition.exchange);
  let fields =
    `{"type":"tick","data":{"instrument_token":${token},"tradingsymbol":${symbol},"exchange":${exchange}` +
    `,"mode":"${modeOfRank(effective)}"${priceField('last_price', view.getUint32(at + AT.lastPrice, true), divisor)}`;
  if (effective >= 2) {
    if (!isIndex(token)) fields += quantityFields(view, at, divisor);
    fields += ohlcFields(view, at, divisor) + changeFields(view, at, divisor);
  }
  if (effective === 3) fields += fullFields(view, at, token, divisor);
  const receivedAt = isoOfMs(receivedAtOf(view, at));
  return `${fields},"received_at":"${receivedAt}","seq":${view.getUint32(at + AT.seq, true)}}}`;
}

export const nativeJson: Dialect = {
  parse,
  encode,
  encodeTick,
  keepAlive: { request: '{"action":"ping"}', response: '{"type":"pong"}' },
};
