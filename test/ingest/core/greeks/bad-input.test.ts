// What an option's record says when its market gives no sound price: each case by its status, none by a misleading number.
import { expect, it } from 'vitest';
import type { Contract } from '../../../../ingest/core/greeks/contract-book.ts';
import { OPTION_LAST_TRADE_AGE_S_MAX } from '../../../../shared/limits.ts';
import type { RecordGreeks } from '../../../../shared/record-greeks.ts';
import type { FullFields } from '../../support/kite-frames.ts';
import { MONTHLY, ScriptedMarket, TICK_SIZE } from '../../support/scripted-market.ts';

const FORWARD = 24_500;
const future = { expiry: MONTHLY, strike: 0, type: 'FUT' } as const;
const ZERO_STRIKE: Contract = {
  token: (50_000 << 8) | 2,
  type: 'CE',
  expiry: MONTHLY,
  strike: 0,
  tickSize: TICK_SIZE,
};
const EXPIRED_MS = Date.parse(`${MONTHLY}T15:30:01+05:30`);

interface Case {
  readonly fields: FullFields;
  /** Strike and type of the option; 24,500 CE if not given. */
  readonly option?: readonly [strike: number, type: 'CE' | 'PE'];
  readonly future?: FullFields;
  readonly atMs?: number;
  readonly tradedS?: number;
  readonly expected: { readonly [Name in keyof RecordGreeks]?: unknown };
}

const OLD = OPTION_LAST_TRADE_AGE_S_MAX + 1;
const NOTHING = { status: 'no_price', ivBid: undefined, ivAsk: undefined } as const;

it.each<[string, Case]>([
  [
    'a sound book',
    {
      fields: { bid: 299, ask: 301 },
      expected: { status: 'ok', ivBid: expect.any(Number), ivAsk: expect.any(Number) },
    },
  ],
  ['nothing at all', { fields: {}, expected: NOTHING }],
  ['a zero book and an old trade', { fields: { price: 300 }, tradedS: OLD, expected: { status: 'stale' } }],
  [
    'a zero book and a fresh trade',
    { fields: { price: 300 }, tradedS: 1, expected: { status: 'ok', ivBid: undefined } },
  ],
  [
    'a crossed book and no trade',
    { fields: { bid: 301, ask: 299 }, expected: { status: 'stale', ivBid: undefined, ivAsk: undefined } },
  ],
  [
    'a crossed book and an old trade',
    { fields: { bid: 301, ask: 299, price: 300 }, tradedS: OLD, expected: { status: 'stale' } },
  ],
  [
    'a crossed book and a fresh trade',
    {
      fields: { bid: 301, ask: 299, price: 300 },
      tradedS: 0,
      expected: { status: 'ok', ivBid: undefined, ivAsk: undefined },
    },
  ],
  [
    'a lone ask',
    { fields: { ask: 300 }, expected: { status: 'one_sided', ivBid: undefined, ivAsk: expect.any(Number) } },
  ],
  [
    'a lone bid',
    { fields: { bid: 300 }, expected: { status: 'one_sided', ivAsk: undefined, ivBid: expect.any(Number) } },
  ],
  ['a book too wide and no trade', { fields: { bid: 100, ask: 300 }, expected: { status: 'stale' } }],
  [
    'a price below intrinsic',
    { option: [24_000, 'CE'], fields: { bid: 450, ask: 452 }, expected: { status: 'below_intrinsic' } },
  ],
  [
    'no time value',
    { option: [24_000, 'CE'], fields: { bid: 497.4, ask: 497.5 }, expected: { status: 'no_time_value' } },
  ],
  [
    'a price above the bound',
    { fields: { bid: 24_600, ask: 24_700 }, expected: { status: 'above_maximum' } },
  ],
  [
    'a put above its bound',
    { option: [24_000, 'PE'], fields: { bid: 24_600, ask: 24_700 }, expected: { status: 'above_maximum' } },
  ],
  [
    'no underlying yet',
    { fields: { bid: 299, ask: 301 }, future: {}, expected: { status: 'no_underlying', forward: undefined } },
  ],
  [
    'a future with a crossed book',
    {
      fields: { bid: 299, ask: 301 },
      future: { bid: 24_600, ask: 24_400 },
      expected: { status: 'no_underlying' },
    },
  ],
  [
    'a future with one side',
    { fields: { bid: 299, ask: 301 }, future: { bid: 24_600 }, expected: { status: 'no_underlying' } },
  ],
  [
    'a future whose book is wide',
    {
      fields: { bid: 299, ask: 301 },
      future: { bid: 24_000, ask: 25_000 },
      expected: { status: 'no_underlying' },
    },
  ],
  [
    'an option that expired a second ago',
    {
      fields: { bid: 299, ask: 301 },
      option: [24_000, 'CE'],
      atMs: EXPIRED_MS,
      expected: { status: 'expired', delta: 1, gamma: 0, vega: 0, iv: undefined },
    },
  ],
  [
    'one that expired out of the money',
    {
      fields: { ask: 0.05 },
      option: [24_000, 'PE'],
      atMs: EXPIRED_MS,
      expected: { status: 'expired', delta: 0 },
    },
  ],
  [
    'no exchange time',
    {
      fields: { bid: 299, ask: 301, exchangeTimeS: 0 },
      future: { bid: 24_499, ask: 24_501, exchangeTimeS: 0 },
      expected: { status: 'no_underlying' },
    },
  ],
])('%s', (_, { fields, option: [strike, type] = [24_500, 'CE'], future: other, atMs, tradedS, expected }) => {
  const market = new ScriptedMarket();
  if (atMs !== undefined) market.nowMs = atMs;
  const token = market.token({ expiry: MONTHLY, strike, type });
  market.want([token]);
  market.quote(market.token(future), other ?? { bid: FORWARD - 1, ask: FORWARD + 1 });
  const lastTradeTimeS = tradedS === undefined ? 0 : market.nowS - tradedS;
  market.quote(token, { lastTradeTimeS, ...fields });
  const greeks = market.flush().get(token)?.greeks;
  expect(greeks).toBeDefined();
  for (const [name, value] of Object.entries(expected))
    expect([name, greeks?.[name as keyof RecordGreeks]]).toEqual([name, value]);
  const hasNumbers = greeks?.status === 'ok' || greeks?.status === 'expired';
  if (!hasNumbers) expect(greeks).not.toHaveProperty('delta');
  if (greeks?.status !== 'ok') expect(greeks).not.toHaveProperty('iv');
});

it('a strike of zero', () => {
  const market = new ScriptedMarket(undefined, [ZERO_STRIKE]);
  market.want([ZERO_STRIKE.token as never]);
  market.around(market.token(future), FORWARD);
  market.around(ZERO_STRIKE.token, 300);
  expect(market.flush().get(ZERO_STRIKE.token)?.greeks?.status).toBe('bad_strike');
});
