// Messages of native JSON clients as commands: the first protocol's texts to the letter, everything newer beside them.
import { type InstrumentToken, parseInstrumentToken } from '../../../shared/instrument.ts';
import {
  CLIENT_COMMAND_ID_CHARS_MAX,
  CLIENT_MESSAGE_CHARS_MAX,
  CLIENT_SYMBOL_CHARS_MAX,
  CLIENT_TOKENS_PER_MESSAGE_MAX,
} from '../../../shared/limits.ts';
import { type ModeRank, rankOfMode } from '../../../shared/tick.ts';
import {
  BAR_INTERVALS,
  type ClientCommand,
  type CommandId,
  type Refusal,
  type RejectedItem,
  type ResumePosition,
  SPEEDS,
  type Speed,
  type SubscribeItem,
  type SymbolItem,
  type TickFilter,
} from '../../core/protocol.ts';
import { parseChain } from './chain-command.ts';

/** Characters of a client's own text that an error repeats. */
const ECHO_CHARS_MAX = 100;

const NOT_A_LIST = 'tokens must be a list of instrument tokens';

function refused(code: Refusal['code'], message: string, detail?: string): Refusal {
  return { kind: 'refused', code, message, ...(detail === undefined ? {} : { detail }) };
}

/** Never stringifies what is nested: 30,000 brackets fit a message, and JSON.stringify's recursion does not take them. */
export function echo(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = String(value ?? null);
  return text.length > ECHO_CHARS_MAX ? `${text.slice(0, ECHO_CHARS_MAX)}...` : text;
}

/** Numbers are given back as they came, anything else as text. */
function given(value: unknown): unknown {
  return Number.isFinite(value) ? value : echo(value);
}

/** How a subscription is served. */
interface Options {
  readonly rank: ModeRank;
  readonly speed: Speed;
  readonly filter?: TickFilter;
}

/** The filter in `value`, or a text that says what is wrong with it. */
function parseFilter(value: unknown): TickFilter | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `filter must be an object, got ${echo(value)}`;
  }
  const { min_change: minChange, on_trade: onTrade } = value as { min_change?: unknown; on_trade?: unknown };
  if (minChange !== undefined && !(Number.isFinite(minChange) && (minChange as number) > 0)) {
    return `filter.min_change must be a number of rupees above zero, got ${echo(minChange)}`;
  }
  if (onTrade !== undefined && onTrade !== true) return `filter.on_trade must be true, got ${echo(onTrade)}`;
  if (minChange === undefined && onTrade === undefined) return 'filter must have min_change or on_trade';
  return {
    ...(minChange === undefined ? {} : { minChange: minChange as number }),
    ...(onTrade === undefined ? {} : { onTrade }),
  };
}

/** The options in `value`, each that is absent taken from `defaults`; a text that says what is wrong with them. */
function parseOptions(
  value: { mode?: unknown; speed?: unknown; filter?: unknown },
  defaults: Options,
): Options | string {
  const { mode, speed } = value;
  if (mode !== undefined && mode !== 'ltp' && mode !== 'quote' && mode !== 'full') {
    return `mode must be ltp, quote or full, got ${echo(mode)}`;
  }
  const chosen = speed === undefined ? defaults.speed : SPEEDS.find((candidate) => candidate === speed);
  if (chosen === undefined) return `speed must be "rt", 100, 250 or 1000, got ${echo(speed)}`;
  const filter = value.filter === undefined ? defaults.filter : parseFilter(value.filter);
  if (typeof filter === 'string') return filter;
  const rank = mode === undefined ? defaults.rank : rankOfMode(mode);
  return { rank, speed: chosen, ...(filter ? { filter } : {}) };
}

/** Exchange and symbol. Control characters and halves of surrogate pairs are in none, and no text of the database. */
const SYMBOL = /^[A-Z]+:[^\p{Cc}\p{Cs}]+$/u;

/** What bars are asked for with. */
interface BarOptions {
  readonly afterMs?: number;
}

/** The start of a bar as a `bar` message writes it. */
const BAR_START = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/;

/** As parseOptions. Bars have an interval instead of mode, speed and filter. */
function parseBarOptions(value: Fields, defaults: BarOptions): BarOptions | string {
  const foreign = (['mode', 'speed', 'filter', 'resume'] as const).find((name) => value[name] !== undefined);
  if (foreign) return `${foreign} is not for bars`;
  const { after } = value;
  if (after === undefined) return defaults;
  const afterMs = typeof after === 'string' && BAR_START.test(after) ? Date.parse(after) : Number.NaN;
  if (Number.isNaN(afterMs)) return `after must be the start of a bar, as it was told, got ${echo(after)}`;
  return { afterMs };
}

/** What a request names, by token or by symbol, without repeats: the last mention counts. */
class Request<Own> {
  readonly tokens = new Map<InstrumentToken, Own>();
  readonly symbols = new Map<string, Own>();
  readonly rejected: RejectedItem[] = [];

  addToken(value: unknown, options: Own): void {
    const token = parseInstrumentToken(value);
    if (token !== undefined) this.tokens.set(token, options);
    else {
      const message = `instrument token must be an integer from 1 to 4294967295, got ${echo(value)}`;
      this.#reject('token', value, 'invalid_instrument_token', message);
    }
  }

  addSymbol(value: unknown, options: Own): void {
    const isSymbol =
      typeof value === 'string' && value.length <= CLIENT_SYMBOL_CHARS_MAX && SYMBOL.test(value);
    if (isSymbol) this.symbols.set(value, options);
    else
      this.#reject(
        'symbol',
        value,
        'invalid_symbol',
        `symbol must look like NSE:RELIANCE, got ${echo(value)}`,
      );
  }

  /** `parseOwn` gives the item's own options, or a text that says what is wrong with them. */
  addItem(value: unknown, parseOwn: (item: Fields) => Own | string): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#reject('token', value, 'invalid_parameter', `item must be an object, got ${echo(value)}`);
      return;
    }
    const item = value as Fields;
    const options = parseOwn(item);
    const field = item.symbol === undefined ? 'token' : 'symbol';
    if (typeof options === 'string') this.#reject(field, item[field], 'invalid_parameter', options);
    else if (field === 'symbol') this.addSymbol(item.symbol, options);
    else this.addToken(item.token, options);
  }

  #reject(field: RejectedItem['field'], item: unknown, code: RejectedItem['code'], message: string): void {
    this.rejected.push({ field, item: given(item), code, message });
  }
}

interface Fields {
  readonly action?: unknown;
  readonly kind?: unknown;
  readonly interval?: unknown;
  readonly chain?: unknown;
  readonly tokens?: unknown;
  readonly symbols?: unknown;
  readonly items?: unknown;
  readonly symbol?: unknown;
  readonly after?: unknown;
  readonly mode?: unknown;
  readonly speed?: unknown;
  readonly filter?: unknown;
  readonly token?: unknown;
  readonly resume?: unknown;
  readonly id?: unknown;
}

/** What the lists of a request name: `options` are those of all, from which an item's own may differ. */
function parseRequest<Own>(
  fields: Fields,
  options: Own,
  parseOwn: (item: Fields) => Own | string,
): Request<Own> | Refusal {
  const { tokens, symbols, items } = fields;
  const hasOther = symbols !== undefined || items !== undefined;
  if (!Array.isArray(tokens) && !(tokens === undefined && hasOther))
    return refused('invalid_tokens', NOT_A_LIST);
  for (const [name, list] of Object.entries({ symbols, items })) {
    if (list === undefined || Array.isArray(list)) continue;
    return refused('invalid_parameter', `${name} must be a list`, `got ${echo(list)}`);
  }
  const lists = [tokens, symbols, items].map((list) => (Array.isArray(list) ? (list as unknown[]) : []));
  const count = lists.reduce((sum, { length }) => sum + length, 0);
  if (count > CLIENT_TOKENS_PER_MESSAGE_MAX) {
    return refused(
      'too_many_tokens',
      NOT_A_LIST,
      `${count} given, at most ${CLIENT_TOKENS_PER_MESSAGE_MAX} per message`,
    );
  }
  const request = new Request<Own>();
  for (const value of lists[0] ?? []) request.addToken(value, options);
  for (const value of lists[1] ?? []) request.addSymbol(value, options);
  for (const value of lists[2] ?? []) request.addItem(value, parseOwn);
  return request;
}

function parseResume(value: unknown): ResumePosition | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { epoch, seq } = value as { epoch?: unknown; seq?: unknown };
  if (typeof epoch !== 'string' || epoch.length > CLIENT_COMMAND_ID_CHARS_MAX) return undefined;
  return typeof seq === 'number' && Number.isSafeInteger(seq) && seq >= 0 ? { epoch, seq } : undefined;
}

function parseSubscribe(fields: Fields): ClientCommand {
  const resume = parseResume(fields.resume);
  if (fields.resume !== undefined && !resume) {
    return refused(
      'invalid_parameter',
      'resume must be {"epoch": text, "seq": integer}',
      `got ${echo(fields.resume)}`,
    );
  }
  const options = parseOptions(fields, { rank: 3, speed: 'rt' });
  if (typeof options === 'string') return refused('invalid_parameter', options);
  const request = parseRequest(fields, options, (item) => parseOptions(item, options));
  if ('kind' in request) return request;
  const items = [...request.tokens].map(([token, own]): SubscribeItem => ({ token, ...own }));
  const symbols = [...request.symbols].map(([symbol, own]): SymbolItem => ({ symbol, ...own }));
  return { kind: 'subscribe', items, symbols, rejected: request.rejected, ...(resume ? { resume } : {}) };
}

function parseUnsubscribe(fields: Fields): ClientCommand {
  const options: Options = { rank: 3, speed: 'rt' };
  const request = parseRequest(fields, options, (item) => parseOptions(item, options));
  if ('kind' in request) return request;
  const { tokens, symbols, rejected } = request;
  return { kind: 'unsubscribe', tokens: [...tokens.keys()], symbols: [...symbols.keys()], rejected };
}

function parseBars(fields: Fields, kind: 'subscribe_bars' | 'unsubscribe_bars'): ClientCommand {
  const interval = BAR_INTERVALS.find((candidate) => candidate === fields.interval);
  if (!interval) {
    return refused('invalid_parameter', 'interval must be "1s" or "1m"', `got ${echo(fields.interval)}`);
  }
  const options = parseBarOptions(fields, {});
  if (typeof options === 'string') return refused('invalid_parameter', options);
  const request = parseRequest(fields, options, (item) => parseBarOptions(item, options));
  if ('kind' in request) return request;
  const { tokens, symbols, rejected } = request;
  const afterMs = new Map<InstrumentToken | string, number>();
  for (const [named, own] of [...tokens, ...symbols]) {
    if (own.afterMs !== undefined) afterMs.set(named, own.afterMs);
  }
  return { kind, interval, tokens: [...tokens.keys()], symbols: [...symbols.keys()], afterMs, rejected };
}

/** What a request for ticks may have and one for a chain may not. */
const NOT_FOR_CHAINS = ['kind', 'tokens', 'symbols', 'items', 'filter', 'resume'] as const;

function parseChainRequest(fields: Fields, isSubscribe: boolean): ClientCommand {
  const { chain: value } = fields;
  const foreign = NOT_FOR_CHAINS.find((name) => fields[name] !== undefined);
  if (foreign) return refused('invalid_parameter', `${foreign} is not for chains`);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refused('invalid_parameter', `chain must be an object, got ${echo(value)}`);
  }
  const wish = parseChain(value, echo);
  if (typeof wish === 'string') return refused('invalid_parameter', wish);
  const { chain, strikes } = wish;
  if (!isSubscribe) return { kind: 'unsubscribe_chain', chain };
  const options = parseOptions(fields, { rank: 3, speed: 'rt' });
  if (typeof options === 'string') return refused('invalid_parameter', options);
  const { rank, speed } = options;
  return { kind: 'subscribe_chain', chain, strikes, rank, speed };
}

function parseSubscribeOrders({ after }: Fields): ClientCommand {
  if (after === undefined) return { kind: 'subscribe_orders' };
  if (typeof after === 'number' && Number.isSafeInteger(after) && after >= 0) {
    return { kind: 'subscribe_orders', after };
  }
  return refused('invalid_parameter', 'after must be an order_seq, as it was told', `got ${echo(after)}`);
}

/** JSON has no infinity, but `1e400` parses as one: it could not be given back. */
function isCommandId(id: unknown): id is CommandId {
  return Number.isFinite(id) || (typeof id === 'string' && id.length <= CLIENT_COMMAND_ID_CHARS_MAX);
}

function parseFields(fields: Fields, isBinary: boolean): ClientCommand {
  const { kind = 'tick' } = fields;
  switch (fields.action) {
    case 'ping':
      return { kind: 'ping' };
    case 'list':
      return { kind: 'list' };
    case 'authenticate':
      if (typeof fields.token === 'string') return { kind: 'authenticate', token: fields.token };
      return refused('invalid_parameter', 'token must be a text');
    case 'subscribe':
    case 'unsubscribe': {
      const isSubscribe = fields.action === 'subscribe';
      if (fields.chain !== undefined) return parseChainRequest(fields, isSubscribe);
      if (kind === 'bar') return parseBars(fields, isSubscribe ? 'subscribe_bars' : 'unsubscribe_bars');
      if (kind === 'orders' && isSubscribe) return parseSubscribeOrders(fields);
      if (kind !== 'tick')
        return refused('invalid_parameter', 'kind must be tick, bar or orders', `got ${echo(kind)}`);
      return isSubscribe ? parseSubscribe(fields) : parseUnsubscribe(fields);
    }
    default:
      if (fields.action === 'restart' && isBinary) return { kind: 'restart' };
      return refused('unknown_action', `Unknown action: ${echo(fields.action)}`);
  }
}

/**
 * The command in one message; `isBinary` where ticks are binary frames. Never throws: what cannot be read is a refusal with
 * the first protocol's text.
 */
export function parseCommand(message: string | ArrayBuffer, isBinary = false): ClientCommand {
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
  const fields = value as Fields;
  if (fields.id === undefined) return parseFields(fields, isBinary);
  if (isCommandId(fields.id)) return { ...parseFields(fields, isBinary), id: fields.id };
  const rule = `id must be a number or a text of at most ${CLIENT_COMMAND_ID_CHARS_MAX} characters`;
  return refused('invalid_parameter', rule, `got ${echo(fields.id)}`);
}
