import { expect, test } from 'vitest';
import { exchangeTimeOf, rejectionOf } from '../../../ingest/core/validate.ts';
import { EXCHANGE_TIME_AHEAD_S_MAX } from '../../../shared/limits.ts';
import { RECORD_KIND } from '../../../shared/tick.ts';
import { recordOf } from '../../support/records.ts';

const NOW_S = 1_764_000_000;
const NOW_MS = NOW_S * 1_000;
const SHARE = (1_594 << 8) | 1;
const INDEX = (1_001 << 8) | 9;

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
  expect(rejectionOf(words, NOW_MS, NOW_S)).toBe(rejection);
});

test('the time of a record that has none is 0, even if the scratch record still holds one of an earlier packet', () => {
  const words = recordOf(SHARE, RECORD_KIND.full, { exchangeTimestamp: NOW_S }).slice();
  words[1] = RECORD_KIND.quote;
  expect(exchangeTimeOf(words)).toBe(0);
});
