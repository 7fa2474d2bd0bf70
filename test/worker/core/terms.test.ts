// The terms of a subscription in a few bits: what is packed is what comes out, and they fit where they are packed again.
import { expect, test } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import { SPEEDS, type SubscribeItem } from '../../../worker/core/protocol.ts';
import {
  isFilteredTerms,
  rankOfTerms,
  sharedTermsOf,
  speedOfTerms,
  streamedRankOf,
  TERMS_BITS,
  termsOf,
  tierOfTerms,
} from '../../../worker/core/terms.ts';

test('every mode and speed come back as they were, in terms above zero that fit their bits', () => {
  for (const rank of [1, 2, 3] as const) {
    for (const [tier, speed] of SPEEDS.entries()) {
      for (const filtered of [false, true]) {
        const terms = termsOf(rank, speed, filtered);
        expect([rankOfTerms(terms), speedOfTerms(terms), tierOfTerms(terms)]).toEqual([rank, speed, tier]);
        expect(isFilteredTerms(terms)).toBe(filtered);
        expect(terms).toBeGreaterThan(0);
        expect(terms).toBeLessThan(2 ** TERMS_BITS);
      }
    }
  }
});

test('a mode at the first speed is packed as its rank alone', () => {
  for (const rank of [1, 2, 3] as const) expect(termsOf(rank, 'rt')).toBe(rank);
});

test('a filter needs the volume, whatever the client is sent', () => {
  const ranks = ([1, 2, 3] as const).map((rank) => [
    streamedRankOf(termsOf(rank, 100, true)),
    streamedRankOf(termsOf(rank, 100)),
  ]);
  expect(ranks).toEqual([
    [2, 1],
    [2, 2],
    [3, 3],
  ]);
});

test('terms that several items share, to the filter; none where one differs or there is none', () => {
  const item: SubscribeItem = {
    token: 5 as InstrumentToken,
    rank: 2,
    speed: 250,
    filter: { minChange: 0.5 },
  };
  const { filter: _, ...unfiltered } = item;
  expect(sharedTermsOf([])).toBeUndefined();
  expect(sharedTermsOf([unfiltered])).toEqual({ mode: 'quote', speed: 250 });
  expect(sharedTermsOf([item, { ...item, token: 6 as InstrumentToken }])).toEqual({
    mode: 'quote',
    speed: 250,
    filter: { minChange: 0.5 },
  });
  const others: SubscribeItem[] = [
    unfiltered,
    { ...item, rank: 3 },
    { ...item, speed: 'rt' },
    { ...item, filter: { minChange: 1 } },
    { ...item, filter: { minChange: 0.5, onTrade: true } },
  ];
  for (const other of others) expect(sharedTermsOf([item, other])).toBeUndefined();
});
