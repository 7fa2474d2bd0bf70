import { expect, test } from 'vitest';
import { type HeldTick, rejectionOf } from '../../../ingest/core/validate.ts';
import {
  EXCHANGE_TIME_AHEAD_S_MAX,
  KITE_LOWER_MODE_PACKETS_MAX,
  VOLUME_COMPARED_MS_MAX,
} from '../../../shared/limits.ts';
import { exchangeTimeOf, RECORD_KIND, type RecordKind } from '../../../shared/tick.ts';
import { recordOf } from '../../support/records.ts';

const NOW_S = 1_764_000_000;
const NOW_MS = NOW_S * 1_000;
const SHARE = (1_594 << 8) | 1;
const INDEX = (1_001 << 8) | 9;

/** A held record in the middle of other words, as in the table of all. */
function holding(record: Uint32Array | undefined, parts: Partial<HeldTick> = {}): HeldTick {
  const at = 7;
  const words = new Uint32Array(100).fill(0xffff_ffff);
  words.fill(0, at, at + 60);
  if (record) words.set(record, at);
  return {
    words,
    at,
    newestExchangeTimeS: 0,
    wantedRank: 3,
    lowerModeRefused: 0,
    ...parts,
  };
}

test.each([
  ['an ltp record with a price', recordOf(SHARE, RECORD_KIND.ltp, { lastPrice: 1 }), undefined],
  ['an ltp record without one', recordOf(SHARE, RECORD_KIND.ltp), 'no_price'],
  ['a never-traded option with a book', recordOf(SHARE, RECORD_KIND.full), undefined],
  ['a quote before the first trade', recordOf(SHARE, RECORD_KIND.quote, { close: 5 }), undefined],
  ['high below low', recordOf(SHARE, RECORD_KIND.quote, { high: 9, low: 10 }), 'ohlc_inconsistent'],
  ['high equal to low', recordOf(SHARE, RECORD_KIND.quote, { high: 10, low: 10 }), undefined],
  ['low without high', recordOf(SHARE, RECORD_KIND.quote, { low: 10 }), undefined],
  [
    'an index with high below low',
    recordOf(INDEX, RECORD_KIND.indexQuote, { high: 1, low: 2 }),
    'ohlc_inconsistent',
  ],
  ['no exchange time', recordOf(SHARE, RECORD_KIND.full, { exchangeTimestamp: 0 }), undefined],
  ['the same second', recordOf(SHARE, RECORD_KIND.full, { exchangeTimestamp: NOW_S }), undefined],
  ['a second earlier', recordOf(SHARE, RECORD_KIND.full, { exchangeTimestamp: NOW_S - 1 }), 'out_of_order'],
  [
    'an index a second earlier',
    recordOf(INDEX, RECORD_KIND.indexFull, { exchangeTimestamp: NOW_S - 1 }),
    'out_of_order',
  ],
  [
    'the furthest time ahead',
    recordOf(SHARE, RECORD_KIND.full, { exchangeTimestamp: NOW_S + EXCHANGE_TIME_AHEAD_S_MAX }),
    undefined,
  ],
  [
    'a second further',
    recordOf(SHARE, RECORD_KIND.full, { exchangeTimestamp: NOW_S + EXCHANGE_TIME_AHEAD_S_MAX + 1 }),
    'exchange_time_ahead',
  ],
])('%s', (_, words, rejection) => {
  expect(rejectionOf(words, NOW_MS, holding(undefined, { newestExchangeTimeS: NOW_S }))).toBe(rejection);
});

test('the time of a record that has none is 0, even if the scratch record still holds one of an earlier packet', () => {
  const words = recordOf(SHARE, RECORD_KIND.full, { exchangeTimestamp: NOW_S }).slice();
  words[1] = RECORD_KIND.quote;
  expect(exchangeTimeOf(words)).toBe(0);
});

const { ltp, quote, full, indexQuote, indexFull } = RECORD_KIND;
const traded = (kind: RecordKind, volume: number, exchangeTimestamp = 0) =>
  recordOf(SHARE, kind, { lastPrice: 1, volume, exchangeTimestamp });

test.each([
  ['less volume in the same second', traded(full, 100, NOW_S), traded(full, 99, NOW_S), 0, 'out_of_order'],
  ['as much in the same second', traded(full, 100, NOW_S), traded(full, 100, NOW_S), 0, undefined],
  ['less in a later second: annulled', traded(full, 100, NOW_S), traded(full, 99, NOW_S + 1), 0, undefined],
  [
    'less after minutes without a tick',
    traded(full, 100, NOW_S),
    traded(full, 99, NOW_S),
    300_000,
    'out_of_order',
  ],
  ['a quote with less', traded(quote, 100), traded(quote, 99), 0, 'out_of_order'],
  [
    'a quote with less, just in time',
    traded(quote, 100),
    traded(quote, 99),
    VOLUME_COMPARED_MS_MAX,
    'out_of_order',
  ],
  ['a quote with less, later', traded(quote, 100), traded(quote, 99), VOLUME_COMPARED_MS_MAX + 1, undefined],
  ['a quote with less after the clock was set back', traded(quote, 100), traded(quote, 99), -1, undefined],
  ['a quote with as much', traded(quote, 100), traded(quote, 100), 0, undefined],
  ['a volume of more than 31 bits', traded(quote, 4_000_000_000), traded(quote, 1), 0, 'out_of_order'],
  ['a quote with less than a full record', traded(full, 100, NOW_S), traded(quote, 99), 0, 'out_of_order'],
  ['a full record with less than a quote', traded(quote, 100), traded(full, 99), 0, 'out_of_order'],
  ['an ltp record after a quote', traded(quote, 100), traded(ltp, 0), 0, undefined],
  ['a quote after an ltp record', traded(ltp, 0), traded(quote, 1), 0, undefined],
] as const)('volume: %s', (_, before, words, ageMs, rejection) => {
  const newestExchangeTimeS = exchangeTimeOf(before);
  const held = holding(before, { newestExchangeTimeS, wantedRank: 1 });
  expect(rejectionOf(words, NOW_MS + ageMs, held)).toBe(rejection);
});

const index = (kind: RecordKind) => recordOf(INDEX, kind, { lastPrice: 1 });

test.each([
  ['a quote where there is a depth', traded(full, 100), traded(quote, 100), 3, 'lower_mode'],
  ['a price where there is a quote', traded(quote, 100), traded(ltp, 0), 2, 'lower_mode'],
  ['an index quote, which has nothing to compare', index(indexFull), index(indexQuote), 3, 'lower_mode'],
  ['a quote with a newer trade', traded(full, 100), traded(quote, 101), 3, undefined],
  ['a quote that is wanted', traded(full, 100), traded(quote, 100), 2, undefined],
  ['a price that is wanted', traded(full, 100), traded(ltp, 0), 1, undefined],
  ['a quote where there is one', traded(quote, 100), traded(quote, 100), 3, undefined],
  ['a quote where there is nothing', undefined, traded(quote, 100), 3, undefined],
  ['a full record', traded(full, 100), traded(full, 100), 3, undefined],
] as const)('mode: %s', (_, before, words, wantedRank, rejection) => {
  expect(rejectionOf(words, NOW_MS, holding(before, { wantedRank }))).toBe(rejection);
});

test('a mode that was never set does not silence the instrument', () => {
  const refused = Array.from({ length: KITE_LOWER_MODE_PACKETS_MAX + 1 }, (_, lowerModeRefused) =>
    rejectionOf(traded(quote, 100), NOW_MS, holding(traded(full, 100), { lowerModeRefused })),
  );
  expect(refused).toEqual([...Array(KITE_LOWER_MODE_PACKETS_MAX).fill('lower_mode'), undefined]);
});
