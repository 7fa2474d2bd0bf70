// Ticks that come late, from a sidecar that does not know what was there before: the shard does.
import { expect, test } from 'vitest';
import { SEGMENT } from '../../../shared/instrument.ts';
import { EXCHANGE_TIME_TRUSTED_AHEAD_S_MAX } from '../../../shared/limits.ts';
import { GREEKS_AT, greekWord } from '../../../shared/record-greeks.ts';
import { shardOf } from '../../../shared/shard.ts';
import { FULL_RECORD_WORDS, RECORD_KIND, type RecordKind, readTick } from '../../../shared/tick.ts';
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

test('Greeks alone, with a tick of long ago: taken, however often', () => {
  const OPTION = Array.from({ length: 64 }, (_, i) => ((40_000 + i) << 8) | SEGMENT.NFO).find(
    (token) => shardOf(token) === SHARD,
  ) as number;
  const book = new ShardBook(SHARD, 77);
  const sidecar = new SidecarDouble(SHARD);
  book.register('gw', [[OPTION as never, 3]]);
  const fields = { lastPrice: 100, exchangeTimestamp: NOW_S };
  const deltas = [0.5, 0.51, 0.49].map((delta) => {
    const record = recordOf(OPTION, RECORD_KIND.optionFull, fields, NOW_S * 1_000).slice();
    record[FULL_RECORD_WORDS + GREEKS_AT.delta / 4] = greekWord(delta);
    sidecar.signedAtMs += 60_000;
    sidecar.post(book, { ticks: [record] });
    const { ticks } = book.takePush('gw') ?? {};
    const { greeks, seq } = ticks ? readTick(new DataView(ticks.buffer, ticks.byteOffset), 0) : {};
    return [greeks?.delta, seq];
  });
  expect(deltas).toEqual([
    [0.5, 1],
    [0.510002, 2],
    [0.490002, 3],
  ]);
  expect(book.stats()).toMatchObject({ outOfOrder: 0 });
});
