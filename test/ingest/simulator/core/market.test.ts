// What must hold in the market at every moment, whatever the seed, and that nobody's looking changes it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ListedInstrument, listInstruments } from '../../../../ingest/simulator/core/instrument-list.ts';
import { MARKET_STEP_MS, Market } from '../../../../ingest/simulator/core/market.ts';
import { MARKET_TUNING, type MarketTuning } from '../../../../ingest/simulator/core/market-tuning.ts';
import { SIMULATOR_CATCH_UP_STEPS_MAX } from '../../../../shared/limits.ts';
import { AT, readTick, type Tick } from '../../../../shared/tick.ts';

const startMs = Date.parse('2026-11-23T05:00:00Z');
const listing = listInstruments({ tradingDate: '2026-11-23', instrumentsCount: 500 });

function makeMarket(seed: number, rate = 2, tuning: MarketTuning = MARKET_TUNING): Market {
  return new Market({ listing, seed, startMs, ticksPerInstrumentPerSecond: rate, tuning });
}

function slotOf(market: Market, symbol: string): number {
  const slot = market.instruments.findIndex(({ tradingsymbol }) => tradingsymbol === symbol);
  expect(slot, symbol).toBeGreaterThanOrEqual(0);
  return slot;
}

function tickAt(market: Market, slot: number): Tick {
  return readTick(market.records, market.recordOffset(slot));
}

function refreshed(market: Market, symbol: string): Tick {
  const slot = slotOf(market, symbol);
  market.refresh(slot);
  return tickAt(market, slot);
}

function mid(tick: Tick): number {
  const bid = tick.depth?.buy[0]?.price ?? Number.NaN;
  const ask = tick.depth?.sell[0]?.price ?? Number.NaN;
  return (bid + ask) / 2;
}

/** Names of the rules that a record of a share, future or option breaks. */
function brokenRules(tick: Tick, instrument: ListedInstrument): string[] {
  const tickSize = Math.round(instrument.tick_size * 100);
  const lot = instrument.lot_size;
  const { lastPrice = 0, open = 0, high = 0, low = 0, close = 0, averagePrice = 0 } = tick;
  const { buy = [], sell = [] } = tick.depth ?? {};
  const ladder = [...buy.map(({ price }) => price).reverse(), ...sell.map(({ price }) => price)];
  const levels = [...buy, ...sell];
  const sum = (side: typeof buy) => side.reduce((total, { quantity }) => total + quantity, 0);
  const rules: Record<string, boolean> = {
    'prices are on the tick grid': [lastPrice, open, high, low, close, ...ladder].every(
      (price) => price > 0 && price % tickSize === 0,
    ),
    'open, last and average lie between low and high': [open, lastPrice, averagePrice].every(
      (price) => price >= low && price <= high,
    ),
    'both sides have levels': buy.length > 0 && sell.length === 5,
    'levels ascend from the lowest bid to the highest ask': ladder.every(
      (price, i) => i === 0 || price > (ladder[i - 1] as number),
    ),
    'quantities are whole lots, orders whole and no more than lots': levels.every(
      ({ quantity, orders }) =>
        quantity > 0 && quantity % lot === 0 && orders >= 1 && orders <= quantity / lot,
    ),
    'totals hold what the levels show': tick.buyQuantity! >= sum(buy) && tick.sellQuantity! >= sum(sell),
    'the last trade is of whole lots': tick.lastQuantity! > 0 && tick.lastQuantity! % lot === 0,
    'the last trade is not in the future': tick.lastTradeTimeS! <= tick.exchangeTimestampS!,
    'open interest is at its high': tick.oi === tick.oiDayHigh && (tick.oi ?? 0) >= (tick.oiDayLow ?? 0),
  };
  return Object.keys(rules).filter((rule) => !rules[rule]);
}

/** Names of the rules that an index's record breaks. */
function brokenIndexRules({ open = 0, high = 0, low = 0, lastPrice = 0 }: Tick): string[] {
  const isInRange = low > 0 && low <= Math.min(open, lastPrice) && high >= Math.max(open, lastPrice);
  return isInRange ? [] : ['open and last lie between low and high'];
}

/** Names of what fell although it may only grow. */
function shrunk(before: Tick, after: Tick): string[] {
  const fields = ['volume', 'oi', 'high', 'exchangeTimestampS'] as const;
  const fallen: string[] = fields.filter((field) => (after[field] ?? 0) < (before[field] ?? 0));
  return (after.low ?? 0) > (before.low ?? 0) ? [...fallen, 'low (which may only fall)'] : fallen;
}

/** Names of what a tick has after another that it cannot: the last trade stays behind when the book moves on. */
function impossible(before: Tick | undefined, after: Tick): string[] {
  const { lastPrice = 0, depth } = after;
  const isTrade = before?.volume !== after.volume;
  const isAtBook = lastPrice === depth?.buy[0]?.price || lastPrice === depth?.sell[0]?.price;
  if (isTrade) return isAtBook ? [] : ['a trade that is neither at the bid nor at the ask'];
  const fields = ['lastPrice', 'lastQuantity', 'averagePrice', 'lastTradeTimeS', 'oi'] as const;
  return fields
    .filter((field) => before?.[field] !== after[field])
    .map((field) => `${field} without a trade`);
}

test('a session of any seed: ordered books, consistent prices, volume and open interest that only grow', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (seed) => {
      const market = makeMarket(seed);
      const before = new Map<number, Tick>();
      const broken: unknown[] = [];
      for (let step = 1; step <= 600; step++) {
        market.advance(startMs + step * MARKET_STEP_MS, (slot) => {
          market.refresh(slot);
          const tick = tickAt(market, slot);
          const instrument = market.instruments[slot] as ListedInstrument;
          const rules = instrument.kind === 'index' ? brokenIndexRules(tick) : brokenRules(tick, instrument);
          if (instrument.kind !== 'index') rules.push(...impossible(before.get(slot), tick));
          const fallen = shrunk(before.get(slot) ?? tick, tick);
          before.set(slot, tick);
          if (rules.length + fallen.length > 0) broken.push({ instrument, tick, rules, fallen });
          if (tick.exchangeTimestampS !== Math.floor(market.nowMs / 1_000)) broken.push('exchange timestamp');
        });
      }
      expect(broken).toEqual([]);
      expect(before.size).toBe(market.instruments.length);
    }),
    { numRuns: 5 },
  );
}, 30_000);

test('every instrument gets its turn at the given rate, at most once in a step', () => {
  const market = makeMarket(7, 3);
  const turns = new Uint32Array(market.instruments.length);
  for (let step = 1; step <= 200; step++) {
    const seen = new Set<number>();
    market.advance(startMs + step * MARKET_STEP_MS, (slot) => {
      expect(seen.has(slot)).toBe(false);
      seen.add(slot);
      turns[slot] = (turns[slot] as number) + 1;
    });
  }
  for (const count of turns) expect(Math.abs(count - 30)).toBeLessThanOrEqual(1);
});

test('the same seed gives the same market, another seed another one', () => {
  const run = (seed: number) => {
    const market = makeMarket(seed);
    for (let step = 1; step <= 100; step++)
      market.advance(startMs + step * MARKET_STEP_MS, (slot) => market.refresh(slot));
    return Buffer.from(market.records.buffer as ArrayBuffer).toString('base64');
  };
  expect(run(5)).toBe(run(5));
  expect(run(5)).not.toBe(run(6));
});

test('prices do not depend on who is looking, nor on how late the timer was', () => {
  const watched = makeMarket(11);
  const alone = makeMarket(11);
  for (let step = 1; step <= 400; step++)
    watched.advance(startMs + step * MARKET_STEP_MS, (slot) => watched.refresh(slot));
  for (let step = 20; step <= 400; step += 20)
    alone.advance(startMs + step * MARKET_STEP_MS, () => undefined);
  for (const symbol of [
    'NIFTY 50',
    'RELIANCE',
    'NIFTY26NOVFUT',
    'NIFTY26D0126050CE',
    'BANKNIFTY26DEC58900PE',
  ]) {
    const one = refreshed(watched, symbol);
    const other = refreshed(alone, symbol);
    expect(other.depth, symbol).toEqual(one.depth);
    expect(other.open).toBe(one.open);
    expect(other.close).toBe(one.close);
    if (one.depth === undefined) expect(other).toEqual(one);
  }
});

test('what an instrument missed while nobody looked is made up for when somebody does', () => {
  const market = makeMarket(3);
  const slot = slotOf(market, 'NIFTY26NOVFUT');
  market.refresh(slot);
  const before = tickAt(market, slot);
  for (let step = 1; step <= 4_000; step++) market.advance(startMs + step * MARKET_STEP_MS, () => undefined);
  market.refresh(slot);
  const after = tickAt(market, slot);
  // 400 ticks, half of them with trades of six lots of 65 on average.
  expect((after.volume ?? 0) - (before.volume ?? 0)).toBeGreaterThan(30_000);
  expect(impossible(before, after)).toEqual([]);
  expect(brokenRules(after, market.instruments[slot] as ListedInstrument)).toEqual([]);
  expect(shrunk(before, after)).toEqual([]);
});

/** Every book is quoted in every turn. */
const lively: MarketTuning = {
  ...MARKET_TUNING,
  bookProbability: 1,
  liquidity: {
    ...MARKET_TUNING.liquidity,
    future: { ...MARKET_TUNING.liquidity.future, requoteProbability: 1 },
    call: { ...MARKET_TUNING.liquidity.call, requoteProbability: 1 },
    put: { ...MARKET_TUNING.liquidity.put, requoteProbability: 1 },
  },
};

test('options that are quoted at one moment keep put-call parity within their spreads, and calls fall as strikes rise', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), fc.integer({ min: 1, max: 100 }), (seed, steps) => {
      const market = makeMarket(seed, 1_000 / MARKET_STEP_MS, lively);
      for (let step = 1; step <= steps; step++)
        market.advance(startMs + step * MARKET_STEP_MS, () => undefined);
      const forward = refreshed(market, 'NIFTY26DECFUT');
      const years = (Date.parse('2026-12-29T10:00:00Z') - market.nowMs) / (365 * 86_400_000);
      const discount = Math.exp(-MARKET_TUNING.pricing.rate * years);
      let previous = Number.POSITIVE_INFINITY;
      for (let strike = 25_650; strike <= 26_400; strike += 50) {
        const call = refreshed(market, `NIFTY26DEC${strike}CE`);
        const put = refreshed(market, `NIFTY26DEC${strike}PE`);
        const [callBid = 0, callAsk = 0] = [call.depth?.buy[0]?.price, call.depth?.sell[0]?.price];
        const [putBid = 0, putAsk = 0] = [put.depth?.buy[0]?.price, put.depth?.sell[0]?.price];
        const [bid = 0, ask = 0] = [forward.depth?.buy[0]?.price, forward.depth?.sell[0]?.price];
        expect(callAsk - putBid).toBeGreaterThanOrEqual(discount * (bid - strike * 100) - 0.01);
        expect(callBid - putAsk).toBeLessThanOrEqual(discount * (ask - strike * 100) + 0.01);
        expect(callBid).toBeLessThan(previous);
        previous = callAsk;
      }
    }),
    { numRuns: 20 },
  );
});

test('books that stand still stay near what they are priced off', () => {
  const market = makeMarket(8, 1.5);
  const years = (Date.parse('2026-12-29T10:00:00Z') - startMs) / (365 * 86_400_000);
  const { rate } = MARKET_TUNING.pricing;
  const distances: number[] = [];
  for (let step = 1; step <= 4_000; step++) {
    market.advance(startMs + step * MARKET_STEP_MS, () => undefined);
    if (step % 40 !== 0) continue;
    const spot = refreshed(market, 'NIFTY 50').lastPrice ?? 0;
    for (let strike = 25_800; strike <= 26_200; strike += 100) {
      const call = mid(refreshed(market, `NIFTY26DEC${strike}CE`));
      const put = mid(refreshed(market, `NIFTY26DEC${strike}PE`));
      const implied = strike * 100 * Math.exp(-rate * years) + call - put;
      distances.push(Math.abs(implied / spot - 1));
    }
  }
  distances.sort((a, b) => a - b);
  // The index moves by half a basis point in a second; a book stands for a second on average, and rarely for five.
  expect(distances[Math.floor(distances.length / 2)]).toBeLessThan(0.0001);
  expect(distances.at(-1)).toBeLessThan(0.0005);
});

test('asking again within a turn changes nothing', () => {
  const market = makeMarket(5);
  const slot = slotOf(market, 'NIFTY26D0126050CE');
  for (let step = 1; step <= 200; step++) {
    market.advance(startMs + step * MARKET_STEP_MS, () => undefined);
    market.refresh(slot);
    const once = tickAt(market, slot);
    market.refresh(slot);
    expect(tickAt(market, slot)).toEqual(once);
  }
});

test('shares move with the index by their beta, the volatility index against it', () => {
  const wild = {
    ...MARKET_TUNING,
    walk: { ...MARKET_TUNING.walk, factorVolatility: 3 },
  };
  const market = makeMarket(9, 2, wild);
  const change = (symbol: string) => {
    const tick = refreshed(market, symbol);
    return Math.log((tick.lastPrice ?? 0) / (tick.close ?? 1));
  };
  for (let step = 1; step <= 2_000; step++) market.advance(startMs + step * MARKET_STEP_MS, () => undefined);
  const index = change('NIFTY 50');
  expect(Math.abs(index)).toBeGreaterThan(0.005);
  for (const symbol of ['RELIANCE', 'ICICIBANK', 'SENSEX', 'NIFTY BANK'])
    expect(Math.sign(change(symbol))).toBe(Math.sign(index));
  expect(Math.sign(change('INDIA VIX'))).toBe(-Math.sign(index));
});

test('the walk comes back: a day of it stays near the close', () => {
  const indices = listInstruments({ tradingDate: '2026-11-23', instrumentsCount: 5 });
  const market = new Market({ listing: indices, seed: 2, startMs, ticksPerInstrumentPerSecond: 1 });
  let furthest = 0;
  // 24 simulated hours; the reversion time is four.
  for (let step = 1; step <= 24 * 3_600 * 20; step++) {
    market.advance(startMs + step * MARKET_STEP_MS, () => undefined);
    if (step % 20_000 !== 0) continue;
    const tick = refreshed(market, 'NIFTY 50');
    furthest = Math.max(furthest, Math.abs(Math.log((tick.lastPrice ?? 0) / (tick.close ?? 1))));
  }
  expect(furthest).toBeGreaterThan(0.0005);
  expect(furthest).toBeLessThan(0.04);
}, 60_000);

test('a book that moves takes its levels along: a level’s quantity belongs to its price', () => {
  const market = makeMarket(4);
  const slot = slotOf(market, 'RELIANCE');
  market.refresh(slot);
  let kept = 0;
  let known = 0;
  let before = tickAt(market, slot);
  for (let step = 1; step <= 2_000; step++) {
    market.advance(startMs + step * MARKET_STEP_MS, (due) => {
      if (due !== slot) return;
      market.refresh(slot);
      const tick = tickAt(market, slot);
      const [bids, bidsBefore] = [tick, before].map(
        ({ depth }) => depth?.buy.map(({ price }) => price) ?? [],
      );
      if (bids?.[0] === bidsBefore?.[0]) expect(bids).toEqual(bidsBefore);
      for (const level of tick.depth?.buy ?? []) {
        const past = before.depth?.buy.find(({ price }) => price === level.price);
        if (past === undefined) continue;
        known += 1;
        if (past.quantity === level.quantity) kept += 1;
      }
      before = tick;
    });
  }
  expect(known).toBeGreaterThan(300);
  // A level lasts two ticks, and its book changes in three of five.
  expect(kept / known).toBeGreaterThan(0.5);
  expect(kept / known).toBeLessThan(0.7);
});

test('a spot that is told to jump takes its futures along at once, and nobody else', () => {
  const market = makeMarket(5);
  market.advance(startMs + 1_000, () => undefined);
  const future = market.instruments.find(
    ({ name, instrument_type: type }) => name === 'NIFTY' && type === 'FUT',
  );
  const symbols = ['NIFTY 50', future?.tradingsymbol ?? '', 'RELIANCE'];
  const pricesNow = () =>
    symbols.map((symbol) => {
      const tick = refreshed(market, symbol);
      return symbol === 'NIFTY 50' ? (tick.lastPrice ?? 0) : mid(tick);
    });
  const before = pricesNow();
  const price = market.moveSpot(slotOf(market, 'NIFTY 50'), 0.03);
  market.advance(startMs + 1_000 + MARKET_STEP_MS, () => undefined);
  const ratios = pricesNow().map((now, i) => now / (before[i] ?? 0));
  expect(price / (before[0] ?? 0)).toBeCloseTo(1.03, 3);
  expect(ratios[0]).toBeCloseTo(1.03, 3);
  expect(ratios[1]).toBeCloseTo(1.03, 3);
  expect(ratios[2]).toBeCloseTo(1, 3);
});

test('a clock that jumps ahead or back costs one step, and the market goes on', () => {
  const market = makeMarket(1);
  const visits = (nowMs: number) => {
    let count = 0;
    market.advance(nowMs, () => {
      count += 1;
    });
    return count;
  };
  const perStep = (500 * 2 * MARKET_STEP_MS) / 1_000;
  expect(visits(startMs + MARKET_STEP_MS)).toBe(perStep);
  expect(visits(startMs + MARKET_STEP_MS)).toBe(0);
  expect(visits(startMs + (SIMULATOR_CATCH_UP_STEPS_MAX + 1) * MARKET_STEP_MS)).toBeLessThanOrEqual(500);
  expect(visits(startMs + 86_400_000)).toBe(perStep);
  expect(market.nowMs).toBe(startMs + 86_400_000);
  expect(visits(startMs)).toBe(perStep);
  expect(visits(startMs + MARKET_STEP_MS)).toBe(perStep);
});

test('when the clock goes back, so do the times of trades', () => {
  const market = makeMarket(1);
  const slot = slotOf(market, 'SBIN');
  market.refresh(slot);
  const { volume } = tickAt(market, slot);
  for (let step = 1; step <= 100; step++)
    market.advance(startMs - 3_600_000 + step * MARKET_STEP_MS, (due) => market.refresh(due));
  const tick = tickAt(market, slot);
  expect(tick.volume).toBeGreaterThan(volume ?? 0);
  expect(tick.lastTradeTimeS).toBeLessThanOrEqual(tick.exchangeTimestampS ?? 0);
});

test('volume stops at the largest uint32 instead of wrapping', () => {
  const market = makeMarket(1);
  const slot = slotOf(market, 'SBIN');
  market.refresh(slot);
  market.records.setUint32(market.recordOffset(slot) + AT.volume, 0xffff_fffe, true);
  for (let step = 1; step <= 100; step++)
    market.advance(startMs + step * MARKET_STEP_MS, (due) => market.refresh(due));
  expect(tickAt(market, slot).volume).toBe(0xffff_ffff);
});

test('options outlive their expiry at their intrinsic value', () => {
  const market = makeMarket(1);
  market.advance(Date.parse('2026-11-25T05:00:00Z'), () => undefined);
  const spot = refreshed(market, 'NIFTY 50').lastPrice ?? 0;
  const call = refreshed(market, 'NIFTY26NOV25650CE');
  expect(Math.abs(mid(call) - (spot - 2_565_000))).toBeLessThan(500);
  expect(call.depth?.buy.length).toBe(5);
});

test('a rate that cannot be is refused', () => {
  for (const rate of [0, -1, Number.NaN]) expect(() => makeMarket(1, rate)).toThrow(/PerSecond/);
});
