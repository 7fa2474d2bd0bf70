import { describe, expect, it } from 'vitest';
import { GREEKS_RENEWAL_CHECK_MS, GREEKS_RENEWAL_MS } from '../../../../shared/limits.ts';
import { MONTHLY, NIFTY_50, ScriptedMarket, WEEKLY } from '../../support/scripted-market.ts';

const FORWARD = 24_500;
const call = { expiry: MONTHLY, strike: 24_500, type: 'CE' } as const;
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
