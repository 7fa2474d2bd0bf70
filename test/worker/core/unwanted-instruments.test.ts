// A value that nobody kept current must not be the next subscriber's first.
import { expect, test } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import { DEMAND_LINGER_MS, UNWANTED_SLACK_MS } from '../../../shared/limits.ts';
import { RECORD_KIND } from '../../../shared/tick.ts';
import { ShardBook } from '../../../worker/core/shard-book.ts';
import { definitionOf, recordOf } from '../../support/records.ts';

const TOKEN = 256 * 40_000 + 2;
const token = TOKEN as InstrumentToken;

function batch(seq: number, ticks = new Uint32Array(0)) {
  const header = { shard: 0, epoch: 1, seq, boot: 7, demandVersion: 0, roundShards: 1 };
  return { ...header, ticks, tickCount: ticks.length > 0 ? 1 : 0, definitions: [definitionOf(TOKEN)] };
}

test.each([
  [DEMAND_LINGER_MS + UNWANTED_SLACK_MS, true],
  [DEMAND_LINGER_MS + UNWANTED_SLACK_MS + 1, false],
])('wanted again after %i ms: its value is told: %s', (pauseMs, isTold) => {
  const book = new ShardBook(0, 7);
  book.register('gw', [[token, 3]]);
  book.apply(batch(1, recordOf(TOKEN, RECORD_KIND.full, { lastPrice: 5 })), 1_000, 1_000);
  book.release('gw', [token]);
  book.apply(batch(2), 1_001, 1_000 + pauseMs);
  expect(book.register('gw', [[token, 3]]).ticks.length > 0).toBe(isTold);
});

test('an instrument that another gateway goes on wanting stays current', () => {
  const book = new ShardBook(0, 7);
  for (const name of ['one', 'two']) book.register(name, [[token, 3]]);
  book.apply(batch(1, recordOf(TOKEN, RECORD_KIND.full, { lastPrice: 5 })), 1_000, 1_000);
  book.release('one', [token]);
  book.apply(batch(2), 1_001, 1_000_000);
  expect(book.register('one', [[token, 3]]).ticks.length).toBeGreaterThan(0);
});
