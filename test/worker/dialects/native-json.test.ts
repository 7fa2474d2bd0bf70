// The native JSON dialect: the seed protocol to the letter, every kind of bad input, and ticks as the records have them.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type InstrumentToken, priceDivisorOf } from '../../../shared/instrument.ts';
import { CLIENT_MESSAGE_CHARS_MAX, CLIENT_TOKENS_PER_MESSAGE_MAX } from '../../../shared/limits.ts';
import { greekWord, STATUS_STALE } from '../../../shared/record-greeks.ts';
import {
  AT,
  type DepthLevel,
  FULL_RECORD_WORDS,
  type ModeRank,
  modeOfRank,
  RECORD_KIND,
  RECORD_WORDS_MAX,
  rankOfMode,
  readTick,
  type Tick,
} from '../../../shared/tick.ts';
import { CLIENT_LIMITS } from '../../../worker/core/client-limits.ts';
import type { ClientCommand, Principal, ServerEvent } from '../../../worker/core/protocol.ts';
import { encodeTick as encodeMessage } from '../../../worker/dialects/native-json/tick.ts';
import { nativeJson } from '../../../worker/dialects/native-json.ts';
import { KEEP_ALIVE } from '../../../worker/dialects/registry.ts';
import { arbitraryRecord } from '../../shared/arbitrary-records.ts';
import { definitionOf, recordOf } from '../../support/records.ts';

const tokens = (...list: number[]) => list as InstrumentToken[];

function parse(message: unknown): ClientCommand {
  return nativeJson.parse(typeof message === 'string' ? message : JSON.stringify(message));
}

function encode(event: ServerEvent): unknown {
  return JSON.parse(nativeJson.encode(event));
}

describe('what clients say', () => {
  test('the seed’s three actions', () => {
    expect(parse({ action: 'subscribe', tokens: [256265, 260105, 264969] })).toEqual({
      kind: 'subscribe',
      items: [256265, 260105, 264969].map((token) => ({ token, rank: 3, speed: 'rt' })),
      symbols: [],
      rejected: [],
    });
    expect(parse({ action: 'unsubscribe', tokens: [256265] })).toEqual({
      kind: 'unsubscribe',
      tokens: [256265],
      symbols: [],
      rejected: [],
    });
    expect(parse({ action: 'ping' })).toEqual({ kind: 'ping' });
    expect(parse('  {\n"action" :\t"ping", "extra": {"tokens": [1]} }')).toEqual({ kind: 'ping' });
  });

  test('a filter, for all items of a request or for one of them', () => {
    const command = parse({
      action: 'subscribe',
      tokens: [5],
      items: [{ token: 6, filter: { on_trade: true } }, { symbol: 'NSE:INFY' }, { token: 7, filter: 'no' }],
      filter: { min_change: 0.5, on_trade: true },
    });
    const filter = { minChange: 0.5, onTrade: true };
    expect(command).toMatchObject({
      items: [
        { token: 5, filter },
        { token: 6, filter: { onTrade: true } },
      ],
      symbols: [{ symbol: 'NSE:INFY', filter }],
      rejected: [{ item: 7, code: 'invalid_parameter', message: 'filter must be an object, got no' }],
    });
    const bad: [unknown, string][] = [
      [[], 'filter must be an object, got a list'],
      [null, 'filter must be an object, got null'],
      [{}, 'filter must have min_change or on_trade'],
      [{ min_change: 0 }, 'filter.min_change must be a number of rupees above zero, got 0'],
      [{ min_change: '1' }, 'filter.min_change must be a number of rupees above zero, got 1'],
      [{ on_trade: false }, 'filter.on_trade must be true, got false'],
      [{ min_change: 1, on_trade: 1 }, 'filter.on_trade must be true, got 1'],
    ];
    for (const [value, message] of bad) {
      expect(parse({ action: 'subscribe', tokens: [5], filter: value })).toEqual({
        kind: 'refused',
        code: 'invalid_parameter',
        message,
      });
    }
    expect(parse('{"action":"subscribe","tokens":[5],"filter":{"min_change":1e400}}')).toMatchObject({
      kind: 'refused',
      code: 'invalid_parameter',
    });
  });

  test('bars: an interval, tokens or symbols, and nothing that is not theirs', () => {
    expect(
      parse({
        action: 'subscribe',
        kind: 'bar',
        interval: '1s',
        tokens: [5, 0],
        symbols: ['NSE:INFY'],
        id: 3,
      }),
    ).toMatchObject({
      kind: 'subscribe_bars',
      interval: '1s',
      tokens: [5],
      symbols: ['NSE:INFY'],
      rejected: [{ item: 0, code: 'invalid_instrument_token' }],
      id: 3,
    });
    expect(parse({ action: 'unsubscribe', kind: 'bar', interval: '1m', tokens: [5] })).toMatchObject({
      kind: 'unsubscribe_bars',
      interval: '1m',
    });
    expect(parse({ action: 'subscribe', kind: 'tick', tokens: [5] })).toMatchObject({ kind: 'subscribe' });
    const bar = { action: 'subscribe', kind: 'bar', interval: '1s', tokens: [5] };
    for (const [change, message] of [
      [{ interval: '5m' }, 'interval must be "1s" or "1m"'],
      [{ interval: undefined }, 'interval must be "1s" or "1m"'],
      [{ kind: 'candle' }, 'kind must be tick, bar or orders'],
      [{ filter: { min_change: 1 } }, 'filter is not for bars'],
      [{ items: {} }, 'items must be a list'],
      [{ after: 'yesterday' }, 'after must be the start of a bar, as it was told, got yesterday'],
      [{ after: 1_767_587_400_000 }, 'after must be the start of a bar, as it was told, got 1767587400000'],
      [
        { after: '2026-13-05T04:30:00Z' },
        'after must be the start of a bar, as it was told, got 2026-13-05T04:30:00Z',
      ],
      [{ speed: 100 }, 'speed is not for bars'],
      [{ resume: {} }, 'resume is not for bars'],
      [{ tokens: 5 }, 'tokens must be a list of instrument tokens'],
    ] as const) {
      expect(parse({ ...bar, ...change })).toMatchObject({ kind: 'refused', message });
    }
  });

  test('bars: the last one that the client has had, of all or of each', () => {
    const start = '2026-01-05T04:30:00.000Z';
    const startMs = Date.parse(start);
    const bar = { action: 'subscribe', kind: 'bar', interval: '1m' };
    expect(parse({ ...bar, tokens: [5], symbols: ['NSE:INFY'], after: start })).toMatchObject({
      tokens: [5],
      symbols: ['NSE:INFY'],
      afterMs: new Map<unknown, number>([
        [5, startMs],
        ['NSE:INFY', startMs],
      ]),
    });
    const items = [
      { token: 5, after: '2026-01-05T04:31:00Z' },
      { symbol: 'NSE:INFY' },
      { token: 6, after: 'soon' },
      { token: 7, mode: 'ltp' },
      null,
    ];
    expect(parse({ ...bar, items })).toMatchObject({
      tokens: [5],
      symbols: ['NSE:INFY'],
      afterMs: new Map([[5, startMs + 60_000]]),
      rejected: [
        { item: 6, code: 'invalid_parameter' },
        { item: 7, code: 'invalid_parameter', message: 'mode is not for bars' },
        { item: 'null', code: 'invalid_parameter' },
      ],
    });
    expect(parse({ ...bar, items, after: start })).toMatchObject({
      afterMs: new Map<unknown, number>([
        [5, startMs + 60_000],
        ['NSE:INFY', startMs],
      ]),
    });
  });

  test('repeated tokens count once, in the order of their first mention; none at all are a command too', () => {
    expect(parse({ action: 'unsubscribe', tokens: [5, 1, 5, 1.0, 3] })).toMatchObject({ tokens: [5, 1, 3] });
    expect(parse({ action: 'subscribe', tokens: [] })).toEqual({
      kind: 'subscribe',
      items: [],
      symbols: [],
      rejected: [],
    });
  });

  test('the ends of the token range are tokens', () => {
    expect(
      parse({ action: 'unsubscribe', tokens: [1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] }),
    ).toMatchObject({
      tokens: [1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff],
      rejected: [],
    });
  });

  test('items that are no tokens are rejected one by one; the others are carried out', () => {
    const bad: [json: string, item: unknown, said: string][] = [
      ['"256265"', '256265', '256265'],
      ['1.5', 1.5, '1.5'],
      ['0', 0, '0'],
      ['-1', -1, '-1'],
      ['4294967296', 4_294_967_296, '4294967296'],
      ['1e400', 'Infinity', 'Infinity'],
      ['null', 'null', 'null'],
      ['true', 'true', 'true'],
      ['[1]', 'a list', 'a list'],
      ['{"token":1}', 'an object', 'an object'],
      [`"${'x'.repeat(300)}"`, `${'x'.repeat(100)}...`, `${'x'.repeat(100)}...`],
    ];
    for (const action of ['subscribe', 'unsubscribe']) {
      const list = ['738561', ...bad.map(([json]) => json), '408065'].join(',');
      const command = parse(`{"action":"${action}","tokens":[${list}]}`);
      if (command.kind === 'subscribe')
        expect(command.items.map(({ token }) => token)).toEqual([738561, 408065]);
      else expect(command).toMatchObject({ kind: 'unsubscribe', tokens: [738561, 408065] });
      expect('rejected' in command && command.rejected).toEqual(
        bad.map(([, item, said]) => ({
          field: 'token',
          item,
          code: 'invalid_instrument_token',
          message: `instrument token must be an integer from 1 to 4294967295, got ${said}`,
        })),
      );
    }
  });
});

describe('what is no command', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  const notAList = 'tokens must be a list of instrument tokens';
  const cases: [name: string, message: string | ArrayBuffer, code: string, text: string, detail?: string][] =
    [
      ['nothing', '', 'invalid_json', 'Invalid JSON message'],
      ['text', 'hello', 'invalid_json', 'Invalid JSON message'],
      ['half an object', '{"action":"ping"', 'invalid_json', 'Invalid JSON message'],
      ['two objects', '{"action":"ping"}{"action":"ping"}', 'invalid_json', 'Invalid JSON message'],
      ['NaN', '{"action":"subscribe","tokens":[NaN]}', 'invalid_json', 'Invalid JSON message'],
      ['bytes', new Uint8Array([1, 2, 3]).buffer, 'invalid_json', 'Invalid JSON message'],
      [
        'JSON as bytes',
        new TextEncoder().encode('{"action":"ping"}').buffer,
        'invalid_json',
        'Invalid JSON message',
      ],
      ['a list', '[{"action":"ping"}]', 'invalid_message', 'Invalid JSON message'],
      ['a string', '"ping"', 'invalid_message', 'Invalid JSON message'],
      ['null', 'null', 'invalid_message', 'Invalid JSON message'],
      ['a number', '42', 'invalid_message', 'Invalid JSON message'],
      ['no action', '{"tokens":[1]}', 'unknown_action', 'Unknown action: null'],
      ['a null action', '{"action":null}', 'unknown_action', 'Unknown action: null'],
      ['another action', '{"action":"explode"}', 'unknown_action', 'Unknown action: explode'],
      ['another case', '{"action":"PING"}', 'unknown_action', 'Unknown action: PING'],
      ['a number as action', '{"action":7}', 'unknown_action', 'Unknown action: 7'],
      ['a list as action', '{"action":["ping"]}', 'unknown_action', 'Unknown action: a list'],
      [
        'an action of the prototype',
        '{"action":"constructor"}',
        'unknown_action',
        'Unknown action: constructor',
      ],
      ['a prototype as carrier', '{"__proto__":{"action":"ping"}}', 'unknown_action', 'Unknown action: null'],
      [
        'a long action',
        `{"action":"${'y'.repeat(500)}"}`,
        'unknown_action',
        `Unknown action: ${'y'.repeat(100)}...`,
      ],
      ['a deep action', `{"action":${nested(30_000)}}`, 'unknown_action', 'Unknown action: a list'],
      ['no tokens', '{"action":"subscribe"}', 'invalid_tokens', notAList],
      ['null tokens', '{"action":"unsubscribe","tokens":null}', 'invalid_tokens', notAList],
      ['one token', '{"action":"subscribe","tokens":256265}', 'invalid_tokens', notAList],
      ['text as tokens', '{"action":"subscribe","tokens":"256265"}', 'invalid_tokens', notAList],
      [
        'an object as tokens',
        '{"action":"subscribe","tokens":{"length":1,"0":5}}',
        'invalid_tokens',
        notAList,
      ],
      [
        '10,000 tokens',
        JSON.stringify({ action: 'subscribe', tokens: new Array(10_000).fill(1) }),
        'too_many_tokens',
        notAList,
        '10000 given, at most 3000 per message',
      ],
      [
        '1 MiB',
        JSON.stringify({ action: 'ping', padding: 'x'.repeat(1_048_576 - 30) }),
        'message_too_big',
        'Invalid JSON message',
        '1048576 characters, at most 131072',
      ],
    ];
  for (const [name, message, code, text, detail] of cases) {
    test(`${name}: ${code}`, () => {
      const refusal = { kind: 'refused', code, message: text, ...(detail === undefined ? {} : { detail }) };
      expect(nativeJson.parse(message)).toEqual(refusal);
    });
  }

  test('deep nesting inside a list of tokens is one rejected item', () => {
    const message = `{"action":"subscribe","tokens":[${nested(30_000)},1]}`;
    const command = nativeJson.parse(message);
    expect(command).toMatchObject({ items: [{ token: 1 }], rejected: [{ item: 'a list' }] });
    expect(({} as Record<string, unknown>).action).toBeUndefined();
  });

  test('the limits are reached: as much as is allowed is taken, one more is not', () => {
    const list = Array.from({ length: CLIENT_TOKENS_PER_MESSAGE_MAX }, (_, i) => 4_294_960_000 + i);
    expect(parse({ action: 'subscribe', tokens: list })).toMatchObject({ kind: 'subscribe', rejected: [] });
    expect(parse({ action: 'subscribe', tokens: [...list, 1] })).toMatchObject({ code: 'too_many_tokens' });
    const padded = '{"action":"ping"}'.padEnd(CLIENT_MESSAGE_CHARS_MAX);
    expect(nativeJson.parse(padded)).toEqual({ kind: 'ping' });
    expect(nativeJson.parse(`${padded} `)).toMatchObject({ code: 'message_too_big' });
  });

  test('any text and any JSON: a command or a refusal, never an error, and the answer is JSON', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc
        .record({
          action: fc.oneof(fc.constantFrom('subscribe', 'unsubscribe', 'ping'), fc.jsonValue()),
          tokens: fc.oneof(fc.array(fc.oneof(fc.double(), fc.integer(), fc.jsonValue())), fc.jsonValue()),
        })
        .map((message) => JSON.stringify(message)),
    );
    fc.assert(
      fc.property(anything, (message) => {
        const command = nativeJson.parse(message);
        if (command.kind === 'refused') {
          expect(encode({ ...command, kind: 'error' })).toEqual({
            type: 'error',
            code: command.code,
            message: command.message,
            ...(command.detail === undefined ? {} : { detail: command.detail }),
          });
        } else if ('rejected' in command) {
          const rejected = command.rejected;
          encode({ kind: 'unsubscribed', tokens: [], rejected, total: 0 });
        }
      }),
      { numRuns: 1_500 },
    );
  });
});

describe('what clients are told', () => {
  const principal: Principal = {
    userId: 'user_123',
    email: 'user@example.com',
    name: 'John "Jo" Doe',
    roles: ['admin'],
    permissions: ['orders:write'],
    expiresAtS: 1_764_000_000,
  };

  const connected = {
    kind: 'connected',
    connectionId: 'c-1',
    principal,
    timestampMs: 1_762_236_600_007,
    epoch: 'e-1',
    limits: CLIENT_LIMITS,
  } as const;

  test('connected: identity without roles or permissions; beside it the epoch, the expiry and the limits', () => {
    expect(encode(connected)).toEqual({
      type: 'connected',
      connection_id: 'c-1',
      user: { user_id: 'user_123', email: 'user@example.com', name: 'John "Jo" Doe' },
      timestamp: '2025-11-04T06:10:00.007Z',
      epoch: 'e-1',
      expires_at: '2025-11-24T16:00:00.000Z',
      limits: CLIENT_LIMITS,
    });
    const bare: Principal = { userId: 'u', roles: [], permissions: [], expiresAtS: 1 };
    expect(encode({ ...connected, principal: bare })).toMatchObject({ user: { user_id: 'u' } });
  });

  test('bars: prices in rupees, times in ISO 8601, what is not there is absent', () => {
    const [token = 5 as InstrumentToken] = tokens(408_065);
    const name = { token, tradingsymbol: 'INFY', exchange: 'NSE', interval: '1m' } as const;
    const prices = { open: 150_005, high: 150_100, low: 149_990, close: 150_050 };
    const bar = {
      ...name,
      startMs: 1_767_587_400_000,
      ...prices,
      ticks: 12,
      isClosed: true,
      isPartial: false,
    };
    const data = {
      instrument_token: 408_065,
      tradingsymbol: 'INFY',
      exchange: 'NSE',
      interval: '1m',
      start: '2026-01-05T04:30:00.000Z',
      open: 1500.05,
      high: 1501,
      low: 1499.9,
      close: 1500.5,
      ticks: 12,
      closed: true,
    };
    expect(JSON.parse(nativeJson.encodeBar(bar))).toEqual({ type: 'bar', data });
    const more = { ...bar, volume: 0, oi: 7, isClosed: false, isPartial: true };
    expect(JSON.parse(nativeJson.encodeBar(more))).toEqual({
      type: 'bar',
      data: { ...data, volume: 0, oi: 7, closed: false, partial: true },
    });
    const chained = { ...bar, previousStartMs: bar.startMs - 120_000 };
    expect(JSON.parse(nativeJson.encodeBar(chained))).toEqual({
      type: 'bar',
      data: { ...data, previous_start: '2026-01-05T04:28:00.000Z' },
    });
  });

  test('answers about bars', () => {
    const [token = 5 as InstrumentToken] = tokens(5);
    const given = { interval: '1s', tokens: [token], rejected: [], total: 4 } as const;
    const told = { kind: 'bar', interval: '1s', tokens: [5], total: 4 };
    expect(encode({ kind: 'subscribed_bars', ...given, id: 1 })).toEqual({
      type: 'subscribed',
      ...told,
      id: 1,
    });
    expect(encode({ kind: 'unsubscribed_bars', ...given })).toEqual({ type: 'unsubscribed', ...told });
    const items = [{ token, symbol: 'NSE:X', interval: '1s' }] as const;
    expect(encode({ kind: 'subscribed_bars', ...given, items })).toMatchObject({ items });
    const bars = [{ token, symbol: 'NSE:X', interval: '1m' }] as const;
    expect(encode({ kind: 'subscriptions', items: [], bars, chains: [] })).toEqual({
      type: 'subscriptions',
      items: [],
      total: 0,
      bars: [{ token: 5, symbol: 'NSE:X', interval: '1m' }],
    });
  });

  test('chains: an answer with all members, who comes and goes, and figures without those that there are not', () => {
    const chain = { underlying: 'X', exchange: 'NFO', expiry: '2026-12-01' };
    const line = { ...chain, strikes: 1, mode: 'full', speed: 'rt' } as const;
    const [token = 5 as InstrumentToken, left = 7 as InstrumentToken] = tokens(5, 7);
    const members = [{ token, tradingsymbol: 'X100CE', strike: 100, type: 'CE' }] as const;
    const told = [{ instrument_token: 5, tradingsymbol: 'X100CE', strike: 100, type: 'CE' }];
    const answer = {
      type: 'subscribed',
      kind: 'chain',
      chain: { ...chain, strikes: 1 },
      strikes: [100],
      members: told,
    };
    expect(encode({ kind: 'subscribed_chain', line, members, pending: [token], total: 1, id: 3 })).toEqual({
      ...answer,
      pending: [5],
      total: 1,
      mode: 'full',
      speed: 'rt',
      id: 3,
    });
    expect(encode({ kind: 'unsubscribed_chain', chain, total: 0 })).toEqual({
      type: 'unsubscribed',
      kind: 'chain',
      chain,
      total: 0,
    });
    expect(encode({ kind: 'chain_members', chain, joined: members, left: [left] })).toEqual({
      type: 'chain_members',
      chain,
      joined: told,
      left: [7],
    });
    const figures = { strikesCounted: 0, pcrOi: 1.5, skew: -0.25, daysToExpiry: 0 };
    expect(encode({ kind: 'chain', chain, figures })).toEqual({
      type: 'chain',
      chain,
      data: { strikes_counted: 0, pcr_oi: 1.5, skew: -0.25, days_to_expiry: 0 },
    });
    const listed = encode({ kind: 'subscriptions', items: [], bars: [], chains: [line] });
    expect(listed).toMatchObject({ total: 0, chains: [line] });
  });

  test('a filter in the answer to list', () => {
    const [token = 5 as InstrumentToken] = tokens(5);
    const line = { token, mode: 'ltp', speed: 'rt', isLive: true } as const;
    const items = [
      { ...line, filter: { minChange: 0.05 } },
      { ...line, filter: { onTrade: true as const } },
      line,
    ];
    const told = encode({ kind: 'subscriptions', items, bars: [], chains: [] }) as {
      items: { filter?: unknown }[];
    };
    expect(told.items.map(({ filter }) => filter)).toEqual([
      { min_change: 0.05 },
      { on_trade: true },
      undefined,
    ]);
  });

  test('every limit of the protocol is published', () => {
    expect(Object.keys(CLIENT_LIMITS).sort()).toEqual([
      'authenticate_ms',
      'bars',
      'chain_strikes',
      'chains',
      'connections_per_address',
      'connections_per_user',
      'filters',
      'message_chars',
      'messages_abusive_per_second',
      'messages_per_second',
      'messages_unanswered',
      'subscriptions',
      'tokens_per_message',
    ]);
  });

  test('the feed, in `connected` and as a message of its own', () => {
    const feed = {
      state: 'quiet',
      reason: 'session_closed',
      sessions: { NSE: 'closed' },
      timestampMs: 1_762_236_600_000,
    } as const;
    const fields = {
      state: 'quiet',
      reason: 'session_closed',
      sessions: { NSE: 'closed' },
      timestamp: '2025-11-04T06:10:00.000Z',
    };
    expect(encode({ ...connected, feed })).toMatchObject({ type: 'connected', feed: fields });
    expect(encode({ kind: 'feed', feed })).toEqual({ type: 'feed', ...fields });
    expect(encode({ kind: 'feed', feed: { ...feed, lastTickAtMs: 1_762_236_599_000 } })).toEqual({
      type: 'feed',
      ...fields,
      last_tick_at: '2025-11-04T06:09:59.000Z',
    });
  });

  test('a token’s life: accepted, and about to end', () => {
    const expiresAtMs = 1_764_000_000_000;
    const expires = { expires_at: '2025-11-24T16:00:00.000Z' };
    expect(encode({ kind: 'authenticated', expiresAtMs, id: 7 })).toEqual({
      type: 'authenticated',
      ...expires,
      id: 7,
    });
    expect(encode({ kind: 'token_expiring', expiresAtMs, inMs: 60_000 })).toEqual({
      type: 'token_expiring',
      ...expires,
      in_ms: 60_000,
    });
  });

  test('subscribed and unsubscribed: the seed’s fields alone when all went well', () => {
    const list = tokens(256265, 260105, 264969);
    const rejected = [] as const;
    expect(encode({ kind: 'subscribed', tokens: list, pending: [], rejected, total: 3 })).toEqual({
      type: 'subscribed',
      tokens: [256265, 260105, 264969],
      total: 3,
    });
    expect(encode({ kind: 'unsubscribed', tokens: tokens(256265), rejected, total: 2 })).toEqual({
      type: 'unsubscribed',
      tokens: [256265],
      total: 2,
    });
  });

  test('and beside them what has no value yet, and what was not carried out', () => {
    const rejected = [
      { field: 'token', item: 1.5, code: 'invalid_instrument_token', message: 'no "token"' },
    ] as const;
    const fields = { rejected: [{ token: 1.5, code: 'invalid_instrument_token', message: 'no "token"' }] };
    expect(
      encode({ kind: 'subscribed', tokens: tokens(1, 2), pending: tokens(2), rejected, total: 9 }),
    ).toEqual({
      type: 'subscribed',
      tokens: [1, 2],
      total: 9,
      pending: [2],
      ...fields,
    });
    expect(encode({ kind: 'unsubscribed', tokens: [], rejected, total: 0 })).toEqual({
      type: 'unsubscribed',
      tokens: [],
      total: 0,
      ...fields,
    });
  });

  test('and how they are served: of all alike, or of each', () => {
    const given = { tokens: tokens(5), pending: [], rejected: [], total: 1 } as const;
    const terms = { mode: 'quote', speed: 250, filter: { minChange: 0.5 } } as const;
    const told = { mode: 'quote', speed: 250, filter: { min_change: 0.5 } };
    const seed = { type: 'subscribed', tokens: [5], total: 1 };
    expect(encode({ kind: 'subscribed', ...given, terms })).toEqual({ ...seed, ...told });
    const [token = 5 as InstrumentToken] = tokens(5);
    const items = [{ token, ...terms, isLive: false }];
    expect(encode({ kind: 'subscribed', ...given, items })).toEqual({
      ...seed,
      items: [{ token: 5, ...told, state: 'pending' }],
    });
  });

  test('pong, error and lag', () => {
    expect(encode({ kind: 'pong' })).toEqual({ type: 'pong' });
    const error = { kind: 'error', code: 'unknown_action', message: 'Unknown action: "x"\n' } as const;
    const said = { type: 'error', code: 'unknown_action', message: 'Unknown action: "x"\n' };
    expect(encode(error)).toEqual(said);
    expect(encode({ ...error, tokens: tokens(5) })).toEqual({ ...said, tokens: [5] });
    expect(encode({ kind: 'lag', skipped: 12 })).toEqual({ type: 'lag', skipped: 12 });
  });

  test('the ping that is answered without waking the object is the one that a waking object would answer so', () => {
    const { request, response } = KEEP_ALIVE;
    expect(request).toBe(JSON.stringify({ action: 'ping' }));
    expect(nativeJson.parse(request)).toEqual({ kind: 'ping' });
    expect(response).toBe(nativeJson.encode({ kind: 'pong' }));
  });
});

/** The message's data as the contract has it, from the record as an object; absent fields are left out. */
function expectedData(
  tick: Tick,
  rank: ModeRank,
  tradingsymbol: string,
  exchange: string,
  seq: number,
): unknown {
  const effective = Math.min(rank, rankOfMode(tick.mode));
  const divisor = priceDivisorOf(tick.token);
  const rupees = (raw: number | undefined) => (raw === undefined ? undefined : raw / divisor);
  const iso = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
  const seconds = (s: number | undefined) => iso(s === undefined ? undefined : s * 1000);
  const { lastPrice: last, close } = tick;
  const hasChange = last !== undefined && close !== undefined;
  const ohlc = {
    open: rupees(tick.open),
    high: rupees(tick.high),
    low: rupees(tick.low),
    close: rupees(close),
  };
  const side = (levels: readonly DepthLevel[]) =>
    levels.map(({ price, quantity, orders }) => ({ price: price / divisor, quantity, orders }));
  const quote = {
    last_quantity: tick.lastQuantity,
    average_price: rupees(tick.averagePrice),
    volume: tick.volume,
    buy_quantity: tick.buyQuantity,
    sell_quantity: tick.sellQuantity,
    ohlc: Object.values(ohlc).some((price) => price !== undefined) ? ohlc : undefined,
    change: hasChange ? (last - close) / divisor : undefined,
    change_percent: hasChange ? Math.round(((last - close) / close) * 1_000_000) / 10_000 : undefined,
  };
  const full = {
    last_trade_time: seconds(tick.lastTradeTimeS),
    exchange_timestamp: seconds(tick.exchangeTimestampS),
    oi: tick.oi,
    oi_day_high: tick.oiDayHigh,
    oi_day_low: tick.oiDayLow,
    depth: tick.depth && { buy: side(tick.depth.buy), sell: side(tick.depth.sell) },
    greeks: tick.greeks && {
      status: tick.greeks.status,
      iv: tick.greeks.iv,
      delta: tick.greeks.delta,
      gamma: tick.greeks.gamma,
      theta: tick.greeks.theta,
      vega: tick.greeks.vega,
      rho: tick.greeks.rho,
      underlying: rupees(tick.greeks.underlying),
      forward: rupees(tick.greeks.forward),
      forward_source: tick.greeks.forwardSource,
      iv_bid: tick.greeks.ivBid,
      iv_ask: tick.greeks.ivAsk,
    },
  };
  const data = {
    instrument_token: tick.token,
    tradingsymbol,
    exchange,
    mode: modeOfRank(effective),
    last_price: rupees(last),
    ...(effective >= 2 ? quote : {}),
    ...(effective === 3 ? full : {}),
    received_at: iso(tick.receivedAtMs),
    seq,
  };
  return JSON.parse(JSON.stringify(data));
}

interface TickMessage {
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** Number of a flush: far from that of the record's batch, which clients do not see. */
const SEQ = 1_764_000_000_123;

/** Encodes the record from the middle of memory full of ones, so that a read past its end shows. */
function encodeTick(
  record: Uint32Array,
  rank: ModeRank,
  symbol: string,
  exchange = 'NSE',
  seq = SEQ,
): TickMessage {
  const words = new Uint32Array(3 * RECORD_WORDS_MAX).fill(0xffff_ffff);
  words.set(record, RECORD_WORDS_MAX);
  const definition = { ...definitionOf(record[0] as number, symbol), exchange };
  return JSON.parse(
    encodeMessage(new DataView(words.buffer), RECORD_WORDS_MAX * 4, rank, definition, seq),
  ) as TickMessage;
}

describe('ticks', () => {
  const anySymbol = fc.string({ unit: 'binary', maxLength: 20 });

  test('every kind in every mode is what the record says, whatever its values', () => {
    fc.assert(
      fc.property(
        arbitraryRecord(),
        fc.constantFrom<ModeRank>(1, 2, 3),
        anySymbol,
        fc.nat(Number.MAX_SAFE_INTEGER),
        (record, rank, symbol, seq) => {
          record[AT.seq / 4] = 7;
          const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
          const { type, data } = encodeTick(record, rank, symbol, 'NSE', seq);
          const expected = expectedData(readTick(view, 0), rank, symbol, 'NSE', seq) as Record<
            string,
            unknown
          >;
          expect(type).toBe('tick');
          // Two roundings of one quotient may differ in the last of four decimals.
          const { change_percent: percent, ...rest } = data;
          const { change_percent: expectedPercent, ...expectedRest } = expected;
          expect(rest).toEqual(expectedRest);
          expect(typeof percent).toBe(typeof expectedPercent);
          if (typeof percent === 'number') {
            expect(Math.abs(percent - (expectedPercent as number))).toBeLessThan(1.000_001e-4);
          }
        },
      ),
      { numRuns: 1_500 },
    );
  });

  test('a full tick of a share, field by field', () => {
    const record = recordOf(738_561, RECORD_KIND.full, {
      lastPrice: 245_675,
      lastQuantity: 10,
      averagePrice: 245_012,
      volume: 1_234_567,
      buyQuantity: 50_000,
      sellQuantity: 45_000,
      open: 244_000,
      high: 246_000,
      low: 243_900,
      close: 244_425,
      lastTradeTime: 1_762_236_605,
      exchangeTimestamp: 1_762_236_606,
      oi: 5,
      seq: 42,
    });
    expect(encodeTick(record, 3, 'RELIANCE')).toEqual({
      type: 'tick',
      data: {
        instrument_token: 738_561,
        tradingsymbol: 'RELIANCE',
        exchange: 'NSE',
        mode: 'full',
        last_price: 2456.75,
        last_quantity: 10,
        average_price: 2450.12,
        volume: 1_234_567,
        buy_quantity: 50_000,
        sell_quantity: 45_000,
        ohlc: { open: 2440, high: 2460, low: 2439, close: 2444.25 },
        change: 12.5,
        change_percent: 0.5114,
        last_trade_time: '2025-11-04T06:10:05.000Z',
        exchange_timestamp: '2025-11-04T06:10:06.000Z',
        depth: {
          buy: [1, 2, 3, 4, 5].map((i) => ({ price: (245_675 - 5 * i) / 100, quantity: 75 * i, orders: i })),
          sell: [1, 2, 3, 4, 5].map((i) => ({
            price: (245_675 + 5 * i) / 100,
            quantity: 75 * (i + 5),
            orders: i + 5,
          })),
        },
        received_at: '2025-11-24T16:00:00.000Z',
        seq: SEQ,
      },
    });
  });

  const OPTION = 10_271_490;

  function greeksOf(words: readonly number[], rank: ModeRank = 3): unknown {
    const record = recordOf(OPTION, RECORD_KIND.optionFull, { lastPrice: 23_195 });
    record.set(words, FULL_RECORD_WORDS);
    return encodeTick(record, rank, 'NIFTY26NOV26050CE', 'NFO').data.greeks;
  }

  test('an option’s Greeks, field by field, in full mode only', () => {
    const floats = [13.4987, 13.4843, 13.5132, 0.534348, 0.000750355, -12.709, 15.5458, -0.0522437];
    const words = [1 << 8, 2_605_111, 2_609_124, ...floats.map(greekWord)];
    expect(greeksOf(words)).toEqual({
      status: 'ok',
      iv: 13.4987,
      delta: 0.534348,
      gamma: 0.000750355,
      theta: -12.709,
      vega: 15.5458,
      rho: -0.0522437,
      underlying: 26_051.11,
      forward: 26_091.24,
      forward_source: 'future',
      iv_bid: 13.4843,
      iv_ask: 13.5132,
    });
    expect([greeksOf(words, 2), greeksOf(words, 1)]).toEqual([undefined, undefined]);
  });

  test.each<[string, readonly number[], object]>([
    ['nothing but why', [STATUS_STALE], { status: 'stale' }],
    [
      'what there was before a price was none',
      [STATUS_STALE | (4 << 8), 2_605_111, 2_609_124],
      { status: 'stale', underlying: 26_051.11, forward: 26_091.24, forward_source: 'spot' },
    ],
    [
      'an expired option: zero is a value of a Greek, not of a volatility',
      [2 | (1 << 8), 0, 0, 0, 0, 0, greekWord(-1)],
      { status: 'expired', delta: -1, gamma: 0, theta: 0, vega: 0, rho: 0, forward_source: 'future' },
    ],
    [
      'numbers that JSON writes with an exponent',
      [0, 0, 0, greekWord(1e-7), 0, 0, 0, greekWord(1e-12), greekWord(-1e25)],
      { status: 'ok', iv: 1e-7, delta: 0, gamma: 1e-12, theta: -1e25, vega: 0, rho: 0 },
    ],
  ])('Greeks: %s', (_, words, expected) => {
    const greeks = greeksOf(words) as Record<string, unknown>;
    expect(Object.keys(greeks).toSorted()).toEqual(Object.keys(expected).toSorted());
    for (const [name, value] of Object.entries(expected)) {
      if (typeof value === 'number' && value !== 0)
        expect((greeks[name] as number) / value).toBeCloseTo(1, 4);
      else expect(greeks[name]).toBe(value);
    }
  });

  test('absent is absent: a contract that has never traded has a book and no price, no time and no change', () => {
    const record = recordOf(12_683_010, RECORD_KIND.full, { close: 500 }).slice();
    record.fill(0, AT.depth / 4);
    record.set([75, 1_005, 2], AT.depth / 4 + 3);
    const { data } = encodeTick(record, 3, 'NIFTY25DECFUT', 'NFO');
    for (const name of ['last_price', 'average_price', 'change', 'change_percent', 'last_trade_time']) {
      expect(data, name).not.toHaveProperty(name);
    }
    expect(data).not.toHaveProperty('exchange_timestamp');
    expect(data.ohlc).toEqual({ close: 5 });
    expect(data.depth).toEqual({ buy: [{ price: 10.05, quantity: 75, orders: 2 }], sell: [] });
    expect([data.volume, data.oi, data.exchange]).toEqual([0, 0, 'NFO']);
  });

  test('an index has no quantities, no depth and no open interest, and its full mode has the exchange’s time', () => {
    const fields = { lastPrice: 2_600_000, open: 1, high: 4, low: 2, close: 2_500_000 };
    const record = recordOf(256_265, RECORD_KIND.indexFull, { ...fields, exchangeTimestamp: 1_762_236_606 });
    expect(Object.keys(encodeTick(record, 3, 'NIFTY 50').data)).toEqual([
      'instrument_token',
      'tradingsymbol',
      'exchange',
      'mode',
      'last_price',
      'ohlc',
      'change',
      'change_percent',
      'exchange_timestamp',
      'received_at',
      'seq',
    ]);
  });

  test('a mode is cut down to what the client asked for and to what the record holds', () => {
    const full = recordOf(408_065, RECORD_KIND.full, { lastPrice: 100, close: 50, volume: 7 });
    const ltp = encodeTick(full, 1, 'INFY').data;
    expect(Object.keys(ltp)).toEqual([
      'instrument_token',
      'tradingsymbol',
      'exchange',
      'mode',
      'last_price',
      'received_at',
      'seq',
    ]);
    expect(ltp.mode).toBe('ltp');
    const quote = encodeTick(full, 2, 'INFY').data;
    expect([quote.mode, quote.volume, 'depth' in quote]).toEqual(['quote', 7, false]);
    expect(encodeTick(recordOf(408_065, RECORD_KIND.ltp, { lastPrice: 100 }), 3, 'INFY').data).toEqual(ltp);
  });

  test('divisors: seven decimals for NSE currency, four for BSE’s, in small numbers too', () => {
    const priceOf = (token: number, lastPrice: number) =>
      encodeTick(recordOf(token, RECORD_KIND.ltp, { lastPrice }), 1, 'X').data.last_price;
    expect(priceOf(10 * 256 + 3, 832_512_500)).toBe(83.251_25);
    expect(priceOf(10 * 256 + 3, 1)).toBe(1e-7);
    expect(priceOf(10 * 256 + 6, 832_512)).toBe(83.2512);
    expect(priceOf(10 * 256 + 2, 5)).toBe(0.05);
    expect(priceOf(10 * 256 + 2, 0xffff_ffff)).toBe(42_949_672.95);
  });

  test('change: its sign, no change at all, and four decimals of per cent', () => {
    const changeOf = (lastPrice: number, close: number) => {
      const { data } = encodeTick(recordOf(408_065, RECORD_KIND.quote, { lastPrice, close }), 2, 'INFY');
      return [data.change, data.change_percent];
    };
    expect(changeOf(9_000, 10_000)).toEqual([-10, -10]);
    expect(changeOf(10_000, 10_000)).toEqual([0, 0]);
    expect(changeOf(10_001, 30_000)).toEqual([-199.99, -66.6633]);
    expect(changeOf(0xffff_ffff, 1)).toEqual([42_949_672.94, 429_496_729_400]);
    expect(changeOf(1, 0xffff_ffff)).toEqual([-42_949_672.94, -100]);
    expect(changeOf(0, 5)).toEqual([undefined, undefined]);
    expect(changeOf(5, 0)).toEqual([undefined, undefined]);
  });

  test('times of ticks in any order: nothing of the last second’s text is left', () => {
    const receivedAt = (ms: number) =>
      encodeTick(recordOf(408_065, RECORD_KIND.ltp, { lastPrice: 1 }, ms), 1, 'X').data.received_at;
    const times = [1_764_000_000_999, 1_764_000_001_000, 1_764_000_000_001, 0, 999, 1_764_000_000_050];
    for (const ms of times) expect(receivedAt(ms)).toBe(new Date(ms).toISOString());
  });

  test('symbols with quotes, backslashes, line ends and any alphabet stay one JSON text', () => {
    for (const symbol of ['M&M', 'A"B', 'A\\B', 'A\nB', 'रिलायंस', '😀', '\u2028', '\ud800', '"},"x":{"']) {
      const { data } = encodeTick(recordOf(408_065, RECORD_KIND.ltp, { lastPrice: 1 }), 1, symbol, symbol);
      expect([data.tradingsymbol, data.exchange]).toEqual([symbol, symbol]);
      expect(data.last_price).toBe(0.01);
    }
  });
});

describe('a symbol that the database could not take', () => {
  for (const symbol of ['NSE:\u0000', 'NSE:\ud800', 'NSE:IN\u007fFY', 'NSE:']) {
    test(`${JSON.stringify(symbol)} is refused by itself`, () => {
      expect(parse({ action: 'subscribe', symbols: ['NSE:NIFTY 50', symbol, 'NSE:M&M'] })).toMatchObject({
        symbols: [{ symbol: 'NSE:NIFTY 50' }, { symbol: 'NSE:M&M' }],
        rejected: [{ field: 'symbol', code: 'invalid_symbol' }],
      });
    });
  }
});
