// What Kite's clients are told in words, and of what they are told nothing.
import { describe, expect, test } from 'vitest';
import type { InstrumentToken } from '../../../../shared/instrument.ts';
import { KITE_ERROR_TOKENS_MAX } from '../../../../shared/limits.ts';
import { FEED_STATES, type FeedState } from '../../../../shared/status.ts';
import { CLIENT_LIMITS } from '../../../../worker/core/client-limits.ts';
import type { FeedEvent, RejectedItem, ServerEvent } from '../../../../worker/core/protocol.ts';
import { kite } from '../../../../worker/dialects/kite.ts';

function textOf(event: ServerEvent): unknown {
  const text = kite.encode(event);
  return text === undefined ? undefined : JSON.parse(text);
}

const feedOf = (state: FeedState): FeedEvent => ({ state, reason: 'no_ticks', sessions: {}, timestampMs: 1 });
const PRINCIPAL = { userId: 'u', roles: [], permissions: [], expiresAtS: 9 };
const connected = (state?: FeedState): ServerEvent => ({
  kind: 'connected',
  connectionId: 'c',
  principal: PRINCIPAL,
  timestampMs: 1,
  epoch: 'c',
  limits: CLIENT_LIMITS,
  ...(state ? { feed: feedOf(state) } : {}),
});
const subscribed = (rejected: readonly RejectedItem[]): ServerEvent => ({
  kind: 'subscribed',
  tokens: [],
  pending: [],
  rejected,
  total: 0,
});
const rejectedItem = (item: number, code: RejectedItem['code'], message: string): RejectedItem => ({
  field: 'token',
  item,
  code,
  message,
});

test('acknowledgements and everything else that Kite does not say: nothing', () => {
  const quiet: ServerEvent[] = [
    connected(),
    subscribed([]),
    { kind: 'unsubscribed', tokens: [5 as InstrumentToken], rejected: [], total: 0 },
    { kind: 'subscriptions', items: [], bars: [], chains: [] },
    { kind: 'authenticated', expiresAtMs: 1 },
    { kind: 'pong' },
    { kind: 'lag', skipped: 5 },
  ];
  expect(quiet.map(textOf)).toEqual(quiet.map(() => undefined));
});

describe('refused instruments', () => {
  test('over the limit: Kite’s own text, once', () => {
    const over = [1, 2, 3].map((token) => rejectedItem(token, 'subscription_limit', 'at most 3000'));
    expect(textOf(subscribed(over))).toEqual({
      type: 'error',
      data: "Can't subscribe to more than 3000 instruments.",
    });
  });

  test('each reason has its sentence, behind that of the limit', () => {
    const rejected = [
      rejectedItem(5, 'unknown_instrument', 'no such instrument today'),
      rejectedItem(6, 'subscription_limit', 'at most 3000'),
      rejectedItem(0, 'invalid_instrument_token', 'no instrument has such a token'),
      rejectedItem(7, 'unknown_instrument', 'no such instrument today'),
    ];
    expect(textOf(subscribed(rejected))).toEqual({
      type: 'error',
      data:
        "Can't subscribe to more than 3000 instruments. Not subscribed, no such instrument today: 5, 7. " +
        'Not subscribed, no instrument has such a token: 0.',
    });
  });

  test('so many are named, the others are counted', () => {
    const tokens = Array.from({ length: KITE_ERROR_TOKENS_MAX + 2 }, (_, i) => i + 1);
    const told = (count: number) =>
      textOf(
        subscribed(tokens.slice(0, count).map((token) => rejectedItem(token, 'unknown_instrument', 'x'))),
      );
    expect(told(KITE_ERROR_TOKENS_MAX)).toEqual({
      type: 'error',
      data: `Not subscribed, x: ${tokens.slice(0, KITE_ERROR_TOKENS_MAX).join(', ')}.`,
    });
    expect(told(KITE_ERROR_TOKENS_MAX + 2)).toMatchObject({ data: expect.stringMatching(/ and 2 more\.$/) });
  });
});

test('an error says what was wrong', () => {
  expect(textOf({ kind: 'error', code: 'rate_limited', message: 'Too many', retryAfterMs: 5 })).toEqual({
    type: 'error',
    data: 'Too many',
  });
  const detailed = textOf({ kind: 'error', code: 'internal', message: 'a', detail: 'b' });
  expect(detailed).toEqual({ type: 'error', data: 'a: b' });
});

test('goodbyes are messages', () => {
  expect(textOf({ kind: 'goaway', reconnectInMs: 1_500, epoch: 'c' })).toEqual({
    type: 'message',
    data: 'This connection will be closed in 2 s: connect again then.',
  });
  expect(textOf({ kind: 'token_expiring', expiresAtMs: 1, inMs: 60_000 })).toEqual({
    type: 'message',
    data: 'The access token ends in 60 s, and this connection with it.',
  });
});

describe('the feed', () => {
  const ERROR = { type: 'error', data: expect.stringContaining('prices may be old') };
  const NOTICE = { type: 'message', data: expect.stringContaining('market data feed') };

  test('a client that connects hears of it when it is not well', () => {
    expect(FEED_STATES.map((state) => textOf(connected(state)))).toEqual([
      undefined,
      undefined,
      ERROR,
      ERROR,
    ]);
    expect(textOf(connected('stale'))).toEqual({
      type: 'error',
      data: 'The market data feed is stale (no_ticks): prices may be old.',
    });
  });

  test('every step into and out of trouble is told, and nothing else', () => {
    const told = (before: FeedState | undefined, state: FeedState) =>
      textOf({ kind: 'feed', feed: feedOf(state), ...(before ? { stateBefore: before } : {}) });
    const table = FEED_STATES.map((before) => FEED_STATES.map((state) => told(before, state)));
    expect(table).toEqual([
      // live
      [undefined, undefined, ERROR, ERROR],
      // quiet
      [undefined, undefined, ERROR, ERROR],
      // stale
      [NOTICE, NOTICE, undefined, ERROR],
      // down
      [NOTICE, NOTICE, ERROR, undefined],
    ]);
    // What clients of a memory that is lost have heard is not known: they are told.
    expect(FEED_STATES.map((state) => told(undefined, state))).toEqual([NOTICE, NOTICE, ERROR, ERROR]);
  });
});
