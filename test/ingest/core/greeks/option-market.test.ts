import { describe, expect, it } from 'vitest';
import { Batcher } from '../../../../ingest/core/batcher.ts';
import type { Contract } from '../../../../ingest/core/greeks/contract-book.ts';
import { OptionMarket } from '../../../../ingest/core/greeks/option-market.ts';
import { EMPTY_INSTRUMENT_BOOK } from '../../../../ingest/core/instrument-book.ts';
import { Pipeline } from '../../../../ingest/core/pipeline.ts';
import type { InstrumentToken } from '../../../../shared/instrument.ts';
import {
  FORWARD_MS_MIN,
  GREEKS_RENEWAL_CHECK_MS,
  GREEKS_RENEWAL_MS,
  GREEKS_SUPPORT_INSTRUMENTS_MAX,
  KITE_LOWER_MODE_PACKETS_MAX,
  OPTION_QUOTE_AGE_S_MAX,
  OPTIONS_PER_VALUATION_MAX,
} from '../../../../shared/limits.ts';
import { RECORD_BYTES_MAX, readTick } from '../../../../shared/tick.ts';
import { MARKET_TIME_MS, optionListing, volatilityAt } from '../../../bench/option-market.ts';
import { bookOf } from '../../support/books.ts';
import { packetOf } from '../../support/kite-frames.ts';
import { MONTHLY, NIFTY_50, ScriptedMarket, SETTINGS, WEEKLY } from '../../support/scripted-market.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

const FORWARD = 24_500;
const call = { expiry: MONTHLY, strike: 24_500, type: 'CE' } as const;
const quotePacket = (token: number, raw: number) => packetOf(44, [token, raw]);
const future = { expiry: MONTHLY, strike: 0, type: 'FUT' } as const;

describe('an option with a future', () => {
  it('has Greeks at the future in the batch of its tick', () => {
    const market = new ScriptedMarket();
    const token = market.token(call);
    market.want([token]);
    expect([...market.support].sort()).toEqual([NIFTY_50, market.token(future)].sort());
    market.index(24_400);
    market.around(market.token(future), FORWARD);
    market.quoteFair(call, FORWARD, 12);
    const tick = market.flush().get(token);
    expect(tick?.greeks).toMatchObject({
      status: 'ok',
      forwardSource: 'future',
      forward: FORWARD * 100,
      underlying: 24_400_00,
      iv: expect.closeTo(12, 2),
      delta: expect.closeTo(0.5, 1),
    });
    expect(tick?.greeks?.ivBid).toBeLessThan(tick?.greeks?.iv ?? 0);
    expect(tick?.greeks?.ivAsk).toBeGreaterThan(tick?.greeks?.iv ?? 0);
  });

  it('is renewed at most once a second while only the underlying moves', () => {
    const market = new ScriptedMarket();
    const token = market.token(call);
    market.want([token]);
    market.around(market.token(future), FORWARD);
    market.quoteFair(call, FORWARD, 12);
    const first = market.flush().get(token);
    const renewals: number[] = [];
    const from = market.nowMs;
    for (let i = 0; i < 100; i++) {
      market.pass(50);
      market.around(market.token(future), FORWARD + i);
      const tick = market.flush().get(token);
      if (!tick) continue;
      renewals.push(market.nowMs - from);
      expect(tick.receivedAtMs).toBe(first?.receivedAtMs);
    }
    const gaps = renewals.map((at, i) => at - (renewals[i - 1] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(GREEKS_RENEWAL_MS);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(GREEKS_RENEWAL_MS + GREEKS_RENEWAL_CHECK_MS);
    expect(market.batcher.counters.ticksRenewed).toBe(renewals.length);
  });
});

describe('an option without a future', () => {
  it('takes its forward from the options around the money, which are streamed for it', () => {
    const market = new ScriptedMarket();
    const far = { expiry: WEEKLY, strike: 25_500, type: 'CE' } as const;
    market.want([market.token(far)]);
    market.index(24_440);
    market.quoteFair(far, 24_460, 13);
    expect(market.flush().get(market.token(far))?.greeks).toMatchObject({ forwardSource: 'spot' });
    expect(market.plans).toBe(1);
    for (const strike of [24_350, 24_400, 24_450, 24_500, 24_550]) {
      for (const type of ['CE', 'PE'] as const) {
        expect(market.support).toContain(market.token({ expiry: WEEKLY, strike, type }));
        market.quoteFair({ expiry: WEEKLY, strike, type }, 24_460, 12);
      }
    }
    market.pass(100);
    market.quoteFair(far, 24_460, 13);
    expect(market.flush().get(market.token(far))?.greeks).toMatchObject({
      forwardSource: 'synthetic',
      forward: expect.closeTo(2_446_000, -1),
      iv: expect.closeTo(13, 1),
    });
  });
});

describe('the source of the forward', () => {
  const weekly = (strike: number, type: 'CE' | 'PE') => ({ expiry: WEEKLY, strike, type }) as const;
  const money = [24_350, 24_400, 24_450, 24_500, 24_550];

  it('is the best that is there at the moment, and what is too old is not there', () => {
    const market = new ScriptedMarket();
    const far = weekly(25_500, 'CE');
    const token = market.token(far);
    market.want([token]);
    const step = () => {
      market.pass(FORWARD_MS_MIN);
      market.around(token, 10);
      return market.flush().get(token)?.greeks?.forwardSource;
    };
    expect(step()).toBeUndefined();
    market.index(24_440);
    expect(step()).toBe('spot');
    market.around(market.token(future), 24_550);
    expect(step()).toBe('carry');
    for (const strike of money) {
      for (const type of ['CE', 'PE'] as const) market.quoteFair(weekly(strike, type), 24_460, 12);
    }
    expect(step()).toBe('synthetic');
    market.pass(1_000 * (OPTION_QUOTE_AGE_S_MAX + 1));
    expect(step()).toBeUndefined();
    market.index(24_440);
    expect(step()).toBe('spot');
  });

  it('of the monthly is its future, then the options while that has no sound book', () => {
    const market = new ScriptedMarket();
    const legs = money.flatMap((strike) =>
      (['CE', 'PE'] as const).map((type) => ({ expiry: MONTHLY, strike, type }) as const),
    );
    market.want(legs.map((leg) => market.token(leg)));
    const step = () => {
      market.pass(FORWARD_MS_MIN);
      for (const leg of legs) market.quoteFair(leg, 24_460, 12);
      return market.flush().get(market.token(legs[0]!))?.greeks?.forwardSource;
    };
    market.around(market.token(future), 24_460);
    expect(step()).toBe('future');
    market.quote(market.token(future), { bid: 24_400 });
    expect(step()).toBe('synthetic');
    market.around(market.token(future), 24_460);
    expect(step()).toBe('future');
  });
});

describe('the window of strikes', () => {
  it('follows the money, and does not flap between two strikes', () => {
    const market = new ScriptedMarket();
    market.want([market.token({ expiry: WEEKLY, strike: 25_500, type: 'CE' })]);
    const move = (spot: number) => {
      market.pass(1_000);
      market.index(spot);
      market.flush();
      return market.plans;
    };
    expect(move(24_400)).toBe(1);
    for (let i = 0; i < 20; i++) expect(move(i % 2 === 0 ? 24_424 : 24_380)).toBe(1);
    expect(move(24_600)).toBe(2);
    expect(market.support).toContain(market.token({ expiry: WEEKLY, strike: 24_700, type: 'PE' }));
    expect(market.support).not.toContain(market.token({ expiry: WEEKLY, strike: 24_400, type: 'PE' }));
  });
});

describe('in the money', () => {
  const put = { expiry: MONTHLY, strike: 25_000, type: 'PE' } as const;
  const other = { ...put, type: 'CE' } as const;

  it.each([
    ['below intrinsic', { bid: 480, ask: 484 }],
    ['one-sided', { bid: 500 }],
    ['empty', {}],
  ])('a put whose book is %s has the Greeks of the call', (_, book) => {
    const market = new ScriptedMarket();
    market.want([market.token(put), market.token(other)]);
    market.around(market.token(future), FORWARD);
    market.quoteFair(other, FORWARD, 13);
    market.quote(market.token(put), book);
    const ticks = market.flush();
    const [ofPut, ofCall] = [put, other].map((name) => ticks.get(market.token(name))?.greeks);
    expect(ofPut).toMatchObject({ status: 'by_parity', gamma: expect.closeTo(ofCall?.gamma ?? 0, 8) });
    expect(ofPut).not.toHaveProperty('iv');
    expect((ofCall?.delta ?? 0) - (ofPut?.delta ?? 0)).toBeCloseTo(0.995, 2);
  });

  it('the other leg does not count when it is not streamed, or too old', () => {
    const market = new ScriptedMarket();
    market.want([market.token(put)]);
    market.around(market.token(future), FORWARD);
    market.quote(market.token(put), { bid: 480, ask: 484 });
    expect(market.flush().get(market.token(put))?.greeks?.status).toBe('below_intrinsic');
    market.want([market.token(put), market.token(other)]);
    market.quoteFair(other, FORWARD, 13);
    market.flush();
    market.pass(1_000 * (OPTION_QUOTE_AGE_S_MAX + 1));
    market.around(market.token(future), FORWARD);
    market.quote(market.token(put), { bid: 480, ask: 484 });
    expect(market.flush().get(market.token(put))?.greeks?.status).toBe('below_intrinsic');
  });
});

describe('what is streamed for forwards', () => {
  it('is bounded, spots and futures first', () => {
    const options: number[] = [];
    const contracts: Contract[] = [];
    const count = GREEKS_SUPPORT_INSTRUMENTS_MAX + 10;
    for (let i = 0; i < count; i++) {
      const at = { expiry: MONTHLY, tickSize: 0.05 };
      contracts.push({ ...at, token: (2 * i + 1) * 256 + 2, type: 'CE', strike: 100 });
      contracts.push({ ...at, token: (2 * i + 2) * 256 + 2, type: 'FUT', strike: 0 });
      options.push((2 * i + 1) * 256 + 2);
    }
    const market = new OptionMarket({
      settings: SETTINGS,
      buffer: new Batcher(1, EMPTY_INSTRUMENT_BOOK),
      onSupportChange: () => undefined,
    });
    market.replaceContracts({
      contractsBeside: (token) => {
        const at = 2 * ((token / 256 - 1) >> 1);
        return { exchange: 'NFO', name: `NAME${at}`, contracts: contracts.slice(at, at + 2) };
      },
      tokenOf: () => undefined,
    });
    const inFull = (token: number) => ({ token: token as InstrumentToken, mode: 'full' }) as const;
    expect(market.plan(options.map(inFull)).size).toBe(GREEKS_SUPPORT_INSTRUMENTS_MAX);
    expect(market.plan(options.slice(0, 5).map(inFull)).size).toBe(5);
  });

  it('is nothing for options that are not wanted in full mode', () => {
    const market = new ScriptedMarket();
    market.want([market.token(call)], 'quote');
    expect(market.support.size).toBe(0);
  });
});

describe('a record', () => {
  it('keeps its Greeks when a shard has lost its memory, and loses them with a tick of a lower mode', () => {
    const market = new ScriptedMarket();
    const token = market.token(call);
    market.want([token]);
    market.around(market.token(future), FORWARD);
    market.quoteFair(call, FORWARD, 12);
    const first = market.flush().get(token);
    market.restartShards();
    expect(first?.greeks?.status).toBe('ok');
    expect(market.exchange().get(token)?.greeks).toEqual(first?.greeks);
    for (let i = 0; i <= KITE_LOWER_MODE_PACKETS_MAX; i++) market.send(quotePacket(token, 25_000));
    const lower = market.flush().get(token);
    expect(lower).toMatchObject({ mode: 'quote' });
    expect(lower).not.toHaveProperty('greeks');
    market.pass(GREEKS_RENEWAL_MS);
    market.around(market.token(future), FORWARD + 10);
    expect(market.flush().get(token)).toBeUndefined();
  });

  it('has its Greeks anew when the list says that the contract is another one', () => {
    const market = new ScriptedMarket();
    const token = market.token(call);
    market.want([token]);
    market.around(market.token(future), FORWARD);
    market.quoteFair(call, FORWARD, 12);
    const before = market.flush().get(token)?.greeks;
    const moved = market.contracts.map((c) => (c.token === token ? { ...c, strike: 24_525 } : c));
    market.options.replaceContracts({
      ...market.book,
      contractsBeside: () => ({ exchange: 'NFO', name: 'NIFTY', contracts: moved }),
    });
    market.want([token]);
    market.pass(GREEKS_RENEWAL_MS);
    const after = market.flush().get(token)?.greeks;
    expect(after?.iv).toBeGreaterThan((before?.iv ?? 0) + 0.3);
  });
});

it('a time far ahead of the clock is no time to expiry', () => {
  const market = new ScriptedMarket();
  const token = market.token(call);
  market.want([token]);
  market.around(market.token(future), FORWARD);
  const price = market.fair(call, FORWARD, 12);
  market.quote(token, { bid: price - 0.05, ask: price + 0.05, exchangeTimeS: market.nowS + 20 * 3_600 });
  expect(market.flush().get(token)?.greeks).toMatchObject({ status: 'ok', iv: expect.closeTo(12, 2) });
});

describe('on the next day', () => {
  const NIGHT_MS = 23 * 3_600_000;

  it("yesterday's books are none: neither for what an option is worth nor for the forward", () => {
    const market = new ScriptedMarket();
    const token = market.token(call);
    const other = { expiry: MONTHLY, strike: 24_600, type: 'PE' } as const;
    market.want([token, market.token(other)]);
    market.index(24_400);
    market.around(market.token(future), FORWARD);
    market.quoteFair(call, FORWARD, 12);
    market.quoteFair(other, FORWARD, 12);
    expect(market.flush().get(token)?.greeks?.status).toBe('ok');
    // The index has its price before the contracts trade.
    market.pass(NIGHT_MS);
    market.index(24_900);
    expect(market.flush().get(token)?.greeks).toMatchObject({ status: 'stale', forwardSource: 'spot' });
    market.pass(GREEKS_RENEWAL_MS);
    market.around(market.token(future), FORWARD + 500);
    market.quoteFair(other, FORWARD + 500, 12);
    const ticks = market.flush();
    expect(ticks.get(token)?.greeks).toMatchObject({ status: 'stale', forwardSource: 'future' });
    expect(ticks.get(token)?.greeks).not.toHaveProperty('ivBid');
    expect(ticks.get(market.token(other))?.greeks).toMatchObject({ status: 'ok', iv: expect.closeTo(12, 1) });
  });
});

it('whatever ticks, no number is none, nothing is renewed too often, and every valuation is counted', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = new SeededRandom(seed);
    const market = new ScriptedMarket(seed % 3 === 0 ? { ...SETTINGS, model: 'spot' } : SETTINGS);
    const names = [WEEKLY, MONTHLY].flatMap((expiry) =>
      [24_000, 24_450, 24_500, 24_550, 25_500].flatMap((strike) =>
        (['CE', 'PE'] as const).map((type) => ({ expiry, strike, type })),
      ),
    );
    market.want(names.map((name) => market.token(name)));
    if (seed % 5 === 0) market.nowMs = Date.parse(`${WEEKLY}T15:29:58+05:30`);
    const price = () => random.pick([0, 0.05, 1, 30, 250, 480, 520, 24_400, 24_480, 24_600, 40_000_000]);
    const renewedAtMs = new Map<number, number>();
    for (let step = 0; step < 400; step++) {
      market.pass(random.below(300));
      if (random.chance(4)) market.index(price());
      if (random.chance(4))
        market.quote(market.token(future), { bid: price(), ask: price(), price: price() });
      const name = random.pick(names);
      const token = market.token(name);
      const [bid, ask] = [price(), price()];
      const lastTradeTimeS = random.chance(2) ? market.nowS : 0;
      const exchangeTimeS = random.pick([market.nowS, market.nowS, 0]);
      if (random.chance(2)) market.quote(token, { bid, ask, price: price(), lastTradeTimeS, exchangeTimeS });
      for (const tick of random.chance(2) ? market.flush().values() : []) {
        if (!tick.greeks) continue;
        for (const [field, value] of Object.entries(tick.greeks)) {
          if (typeof value === 'number') expect(Number.isFinite(value), `${seed} ${field}`).toBe(true);
        }
        if (!['ok', 'by_parity', 'expired'].includes(tick.greeks.status))
          expect(tick.greeks).not.toHaveProperty('delta');
        const isRenewal = tick.receivedAtMs !== market.nowMs && renewedAtMs.has(tick.token);
        if (isRenewal && tick.receivedAtMs < (renewedAtMs.get(tick.token) ?? 0))
          expect(market.nowMs - (renewedAtMs.get(tick.token) ?? 0)).toBeGreaterThanOrEqual(GREEKS_RENEWAL_MS);
        renewedAtMs.set(tick.token, market.nowMs);
      }
    }
    const { ticksOffered, ticksRenewed, ticksPosted, ticksConflated, ticksDropped } = market.batcher.counters;
    market.flush();
    expect(ticksOffered + ticksRenewed).toBeGreaterThanOrEqual(ticksPosted + ticksConflated + ticksDropped);
    const { optionsValued, optionsRenewed, byStatus } = market.options.counters;
    expect(byStatus.reduce((sum, count) => sum + count, 0)).toBe(optionsValued + optionsRenewed);
  }
});

it('an expiry of more options than are valued in one go has the volatility of each', () => {
  const listing = optionListing(1, OPTIONS_PER_VALUATION_MAX);
  const batcher = new Batcher(MARKET_TIME_MS, bookOf(listing.definitions));
  const market = new OptionMarket({ settings: SETTINGS, buffer: batcher, onSupportChange: () => undefined });
  market.replaceContracts(listing.book);
  const inFull = (token: InstrumentToken) => ({ token, mode: 'full' }) as const;
  const wished = listing.options.map(inFull);
  const streamed = [...wished, ...[...market.plan(wished)].map(inFull)];
  batcher.want(streamed);
  market.attach(streamed, 0);
  const pipeline = new Pipeline(batcher, market);
  for (const frame of [...listing.inputFrames, ...listing.frames]) pipeline.step(frame, MARKET_TIME_MS);
  market.value(0);
  const view = new DataView(batcher.words.buffer);
  for (const token of listing.options) {
    const tick = readTick(view, batcher.wantedSlotOf(token) * RECORD_BYTES_MAX);
    const definition = listing.definitions.find((one) => one.instrument_token === token);
    const volatility = volatilityAt(definition?.strike ?? 0);
    if (tick.greeks?.status === 'by_parity') continue;
    expect(tick.greeks?.status).toBe('ok');
    // Prices are rounded to a paisa, which is much of what a far option is worth.
    if ((tick.greeks?.vega ?? 0) > 1) expect(tick.greeks?.iv).toBeCloseTo(volatility, 1);
  }
  expect(market.counters.optionsValued).toBe(2 * OPTIONS_PER_VALUATION_MAX);
});
