// A chain's forward and figures, from the records that a gateway has of its members.
import { expect, test } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import { TickStore } from '../../../shared/tick-store.ts';
import { Chain } from '../../../worker/core/chain.ts';
import { contractsOf } from '../../../worker/core/chain-contracts.ts';
import { type GreeksFields, optionRecordOf } from '../../support/option-records.ts';
import { recordOf } from '../../support/records.ts';

const NAME = { underlying: 'X', exchange: 'NFO', expiry: '2026-12-01' };
const STRIKES = [100, 150, 200];
/** 2026-12-01 at 15:30 IST. */
const EXPIRY_S = Date.UTC(2026, 11, 1, 10) / 1_000;
const tokenOf = (strike: number, type: 'CE' | 'PE') =>
  (strike * 512 + (type === 'CE' ? 2 : 258)) as InstrumentToken;

function open(center?: number) {
  const legs = STRIKES.flatMap((strike) =>
    (['CE', 'PE'] as const).map((type) => ({
      token: tokenOf(strike, type),
      tradingsymbol: `${strike}${type}`,
      strike,
      type,
    })),
  );
  const chain = new Chain(NAME, contractsOf(legs), center);
  const store = new TickStore(16);
  const put = (record: Uint32Array, isNews = true) => {
    const slot = store.slotFor(record[0] as number);
    store.put(slot, record, 0);
    chain.note(store, slot, isNews);
  };
  const quote = (strike: number, greeks: GreeksFields, receivedAtMs: number, isNews = true) =>
    put(
      optionRecordOf(tokenOf(strike, 'CE'), { exchangeTimestamp: EXPIRY_S - 86_400 }, greeks, receivedAtMs),
      isNews,
    );
  return { chain, store, put, quote };
}

test('of what was there before, the newest record has the forward; news has it whenever its record was received', () => {
  const { chain, quote } = open();
  quote(100, { forward: 12_000 }, 2_000, false);
  quote(150, { forward: 99_900 }, 1_000, false);
  expect(chain.forward).toBe(120);
  quote(150, { forward: 15_000 }, 500);
  quote(200, { forward: 99_900 }, 3_000, false);
  expect(chain.forward).toBe(150);
});

test('a forward that is gone is no figure: without one the window stays where it is', () => {
  const { chain, quote } = open();
  quote(100, { forward: 19_000, underlying: 18_900 }, 1_000);
  chain.follow();
  quote(200, {}, 2_000);
  chain.follow();
  expect([chain.forward, chain.center]).toEqual([undefined, 200]);
  quote(150, { forward: 15_000 }, 3_000);
  expect(chain.forward).toBe(150);
});

test('the window is anchored in the middle until there is a forward, and follows none while a move waits', () => {
  const { chain, quote } = open();
  chain.follow();
  expect([chain.center, chain.isAnchored]).toEqual([150, true]);
  quote(100, { forward: 12_600 }, 1);
  chain.isMoving = true;
  chain.follow();
  expect(chain.isAnchored).toBe(true);
  chain.isMoving = false;
  chain.follow();
  // Past the middle by 1 only: the first forward is followed all the same.
  quote(100, { forward: 12_400 }, 1);
  chain.follow();
  expect([chain.center, chain.isAnchored]).toEqual([150, false]);
  quote(100, { forward: 11_900 }, 1);
  chain.follow();
  expect([chain.center, open(100).chain.isAnchored]).toEqual([100, false]);
});

test('figures have what the records have: no volatility without one, no open interest below full mode', () => {
  const { chain, store, put } = open();
  const window = chain.window(1);
  if (!window) throw new Error('no window');
  expect(chain.figures(window, store)).toEqual({ strikesFrom: 100, strikesTo: 200, strikesCounted: 0 });
  const time = { exchangeTimestamp: EXPIRY_S - 43_200 };
  const greeks = { forward: 17_500, underlying: 17_400, source: 'future' as const };
  put(optionRecordOf(tokenOf(150, 'PE'), { oi: 30, volume: 4, ...time }, { ...greeks, iv: 12, delta: -0.4 }));
  put(optionRecordOf(tokenOf(200, 'CE'), { oi: 10, volume: 8, ...time }, { ...greeks, iv: 10, delta: 0.3 }));
  put(optionRecordOf(tokenOf(200, 'PE'), { oi: 20, volume: 4 }, { ...greeks, status: 13 }));
  put(recordOf(tokenOf(150, 'CE'), 2, { volume: 100 }));
  expect(chain.figures(window, store)).toEqual({
    forward: 175,
    forwardSource: 'future',
    underlying: 174,
    strikesFrom: 100,
    strikesTo: 200,
    strikesCounted: 1,
    atmStrike: 150,
    atmIv: 11,
    pcrOi: 2,
    pcrVolume: 0.5,
    maxPain: 200,
    daysToExpiry: 0.5,
  });
});
