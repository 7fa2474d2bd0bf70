// Ticks that come late, from a sidecar that does not know what was there before: the shard does.
import { expect, test } from 'vitest';
import { EXCHANGE_TIME_TRUSTED_AHEAD_S_MAX } from '../../../shared/limits.ts';
import { RECORD_KIND, type RecordKind, readTick } from '../../../shared/tick.ts';
import { ShardBook } from '../../../worker/core/shard-book.ts';
import { recordOf } from '../../support/records.ts';
import { SidecarDouble, tokensOfShard } from './sidecar-double.ts';

const SHARD = 2;
const NOW_S = 1_764_000_000;
const [TOKEN = 0] = tokensOfShard(SHARD, 1);

/** A book with a gateway that wants the token, and what comes to that gateway after one tick of another sidecar each. */
function setUp() {
  const book = new ShardBook(SHARD, 77);
  const sidecar = new SidecarDouble(SHARD);
  book.register('gw', [[TOKEN as never, 3]]);
  return {
    book,
    tell(
      lastPrice: number,
      exchangeTimestamp: number,
      kind: RecordKind = RECORD_KIND.full,
    ): number | undefined {
      sidecar.epoch++;
      sidecar.seq = 0;
      sidecar.post(book, {
        ticks: [recordOf(TOKEN, kind, { lastPrice, exchangeTimestamp }, NOW_S * 1_000)],
      });
      const { ticks } = book.takePush('gw') ?? {};
      return ticks && readTick(new DataView(ticks.buffer, ticks.byteOffset), 0).lastPrice;
    },
  };
}

test('one of an earlier exchange time is refused and counted, and the held one stays', () => {
  const { book, tell } = setUp();
  expect(tell(100, NOW_S)).toBe(100);
  expect(tell(90, NOW_S - 1)).toBeUndefined();
  expect(book.stats()).toMatchObject({ outOfOrder: 1 });
  const { ticks } = book.register('later', [[TOKEN as never, 3]]);
  expect(readTick(new DataView(ticks.buffer, ticks.byteOffset), 0).lastPrice).toBe(100);
  expect(tell(110, NOW_S)).toBe(110);
  expect(tell(120, NOW_S + 1)).toBe(120);
  expect(book.stats()).toMatchObject({ outOfOrder: 1 });
});

test('one without an exchange time cannot be compared, and is taken', () => {
  const { tell } = setUp();
  expect(tell(100, NOW_S)).toBe(100);
  expect(tell(101, 0)).toBe(101);
  expect(tell(102, 0, RECORD_KIND.quote)).toBe(102);
  expect(tell(103, NOW_S - 60)).toBe(103);
});

test('a stray time in the future outranks others for a moment only', () => {
  const { tell } = setUp();
  expect(tell(100, NOW_S + 3_600)).toBe(100);
  expect(tell(101, NOW_S + EXCHANGE_TIME_TRUSTED_AHEAD_S_MAX - 1)).toBeUndefined();
  expect(tell(102, NOW_S + EXCHANGE_TIME_TRUSTED_AHEAD_S_MAX)).toBe(102);
});
