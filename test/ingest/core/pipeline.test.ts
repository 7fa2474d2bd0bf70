import { expect, test } from 'vitest';
import { Batcher } from '../../../ingest/core/batcher.ts';
import { Pipeline } from '../../../ingest/core/pipeline.ts';
import { TickMeter } from '../../../ingest/core/tick-meter.ts';
import { SEGMENT } from '../../../shared/instrument.ts';
import { KITE_FRAME_BYTES_MAX, KITE_LOWER_MODE_PACKETS_MAX } from '../../../shared/limits.ts';
import { AT, RECORD_KIND, readTick, receivedAtOf, type TickMode } from '../../../shared/tick.ts';
import { bookOfTokens, inFull } from '../support/books.ts';
import { frameOf, fullPacket, ltpPacket, packetOf, readPacket, splitFrame } from '../support/kite-frames.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const NOW_MS = 1_764_000_000_000;
const NOW_S = NOW_MS / 1_000;
const SHARE = (1_594 << 8) | 1;
const INDEX = (1_001 << 8) | 9;
const UNWANTED = (7 << 8) | 1;
const UNKNOWN = (8 << 8) | 1;

/** Keeps every record that gets through. */
class RecordingBatcher extends Batcher {
  records: Uint32Array[] = [];

  override offer(slot: number, words: Uint32Array, receivedAtMs: number): void {
    this.records.push(words.slice());
    super.offer(slot, words, receivedAtMs);
  }
}

function pipelineFor(wanted: readonly number[], others: readonly number[] = []) {
  const batcher = new RecordingBatcher(1, bookOfTokens([...wanted, ...others]));
  batcher.want(inFull(wanted));
  return { batcher, pipeline: new Pipeline(batcher) };
}

function viewOf(words: Uint32Array): DataView {
  return new DataView(words.buffer, words.byteOffset, words.byteLength);
}

test('takes all five kinds of packets of one frame', () => {
  const { batcher, pipeline } = pipelineFor([SHARE, INDEX]);
  const frame = frameOf([
    ltpPacket(SHARE, 150_000),
    packetOf(44, [SHARE, 150_005, 10, 150_001, 4_000_000_000, 1, 2, 149_000, 151_000, 148_000, 149_500]),
    fullPacket(SHARE, { price: 150_010, exchangeTimeS: NOW_S }),
    packetOf(28, [INDEX, 2_600_000, 2_610_000, 2_590_000, 2_595_000, 2_594_000, 6_000]),
    packetOf(32, [INDEX, 2_600_100, 2_610_000, 2_590_000, 2_595_000, 2_594_000, 6_100, NOW_S]),
  ]);
  expect(pipeline.step(frame, NOW_MS)).toBe(5);
  const kinds = batcher.records.map((words) => words[AT.kind / 4]);
  expect(kinds).toEqual([
    RECORD_KIND.ltp,
    RECORD_KIND.quote,
    RECORD_KIND.full,
    RECORD_KIND.indexQuote,
    RECORD_KIND.indexFull,
  ]);
  expect(readTick(viewOf(batcher.records[1]!), 0)).toMatchObject({
    volume: 4_000_000_000,
    open: 149_000,
    high: 151_000,
    low: 148_000,
    close: 149_500,
  });
  expect(readTick(viewOf(batcher.records[4]!), 0)).toMatchObject({
    high: 2_610_000,
    low: 2_590_000,
    open: 2_595_000,
    close: 2_594_000,
    exchangeTimestampS: NOW_S,
  });
});

test("a socket's meter counts what was accepted by segment, and when; a refused tick is no sign of life", () => {
  const { pipeline } = pipelineFor([SHARE, INDEX]);
  const meter = new TickMeter();
  pipeline.step(Uint8Array.of(0), NOW_MS, meter);
  pipeline.step(frameOf([ltpPacket(SHARE, 0), ltpPacket(UNWANTED, 1)]), NOW_MS, meter);
  expect(meter.lastTickAtMs).toBeUndefined();
  pipeline.step(frameOf([ltpPacket(SHARE, 1), ltpPacket(INDEX, 2), ltpPacket(SHARE, 3)]), NOW_MS + 5, meter);
  pipeline.step(frameOf([ltpPacket(SHARE, 1)]), NOW_MS + 9);
  expect(meter.ticksOf(SEGMENT.NSE)).toBe(2);
  expect(meter.ticksOf(SEGMENT.INDICES)).toBe(1);
  expect(meter.ticksOf(SEGMENT.NFO)).toBe(0);
  expect(meter.lastTickAtMs).toBe(NOW_MS + 5);
});

test('a heartbeat is neither a fault nor a tick', () => {
  const { pipeline } = pipelineFor([SHARE]);
  expect(pipeline.step(Uint8Array.of(0), NOW_MS)).toBe(0);
  expect(pipeline.counters).toMatchObject({ frames: 1, heartbeats: 1, ticksReceived: 0 });
  expect(Object.values(pipeline.counters.frameFaults).every((count) => count === 0)).toBe(true);
});

test('reads a frame in the middle of a larger buffer', () => {
  const { batcher, pipeline } = pipelineFor([SHARE]);
  const frame = frameOf([ltpPacket(SHARE, 4_242)]);
  const pool = new Uint8Array(64).fill(255);
  pool.set(frame, 13);
  expect(pipeline.step(pool.subarray(13, 13 + frame.length), NOW_MS)).toBe(1);
  expect(batcher.records[0]?.[AT.lastPrice / 4]).toBe(4_242);
});

test('counts each kind of damage by its name and takes nothing of a frame that lies about its lengths', () => {
  const { pipeline } = pipelineFor([SHARE]);
  const good = frameOf([ltpPacket(SHARE, 1), ltpPacket(SHARE, 2)]);
  const { frameFaults } = pipeline.counters;
  expect(pipeline.step(good.subarray(0, good.length - 1), NOW_MS)).toBe(0);
  expect(frameFaults.frame_truncated).toBe(1);
  expect(pipeline.step(Uint8Array.from([...good, 0]), NOW_MS)).toBe(0);
  expect(frameFaults.frame_overlong).toBe(1);
  const countLies = good.slice();
  countLies[1] = 1;
  expect(pipeline.step(countLies, NOW_MS)).toBe(0);
  expect(frameFaults.frame_overlong).toBe(2);
  expect(pipeline.step(new Uint8Array(KITE_FRAME_BYTES_MAX + 1), NOW_MS)).toBe(0);
  expect(frameFaults.frame_too_big).toBe(1);
  // Damage inside one packet costs that packet alone.
  const packets = [packetOf(9, [SHARE]), packetOf(44, [INDEX]), ltpPacket(0, 5), ltpPacket(SHARE, 6)];
  expect(pipeline.step(frameOf(packets), NOW_MS)).toBe(1);
  expect(frameFaults).toMatchObject({
    packet_length_unknown: 1,
    packet_length_not_for_segment: 1,
    packet_token_zero: 1,
  });
});

test('tells instruments that do not exist from those that are not subscribed any more', () => {
  const { batcher, pipeline } = pipelineFor([SHARE], [UNWANTED]);
  pipeline.step(frameOf([ltpPacket(UNKNOWN, 1), ltpPacket(UNWANTED, 1), ltpPacket(SHARE, 1)]), NOW_MS);
  expect(pipeline.counters.ticksRejected).toMatchObject({ unknown_instrument: 1, not_subscribed: 1 });
  expect(batcher.records).toHaveLength(1);
});

test('refuses a cached packet that is older than what is there, and takes one of the same second', () => {
  const { batcher, pipeline } = pipelineFor([SHARE]);
  const at = (exchangeTimeS: number) => frameOf([fullPacket(SHARE, { exchangeTimeS })]);
  expect(pipeline.step(at(NOW_S), NOW_MS)).toBe(1);
  expect(pipeline.step(at(NOW_S), NOW_MS)).toBe(1);
  expect(pipeline.step(at(NOW_S - 1), NOW_MS)).toBe(0);
  // The mode went down and up again in between: what was newest is still remembered.
  batcher.want([{ token: SHARE, mode: 'quote' }]);
  expect(pipeline.step(frameOf([packetOf(44, [SHARE, 100])]), NOW_MS)).toBe(1);
  batcher.want(inFull([SHARE]));
  expect(pipeline.step(at(NOW_S - 1), NOW_MS)).toBe(0);
  expect(pipeline.counters.ticksRejected.out_of_order).toBe(2);
});

test('after a move between sockets no older value replaces a newer one, whatever packet it comes in', () => {
  const { batcher, pipeline } = pipelineFor([SHARE, INDEX]);
  const share = (price: number, volume: number, exchangeTimeS: number) =>
    packetOf(184, [SHARE, price, 0, 0, volume, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, exchangeTimeS]);
  const quote = (price: number, volume: number) => packetOf(44, [SHARE, price, 0, 0, volume]);
  const index = (length: number, price: number, exchangeTimeS: number) =>
    packetOf(length, [INDEX, price, 0, 0, 0, 0, 0, exchangeTimeS]);
  pipeline.step(frameOf([share(110, 1_000, NOW_S), index(32, 2_600, NOW_S)]), NOW_MS);
  batcher.records = [];
  // What the new socket has cached: first in quote mode, then in full mode, two trades and two seconds old.
  const cached = [
    quote(108, 998),
    share(108, 998, NOW_S - 2),
    share(109, 999, NOW_S),
    index(28, 2_590, 0),
    index(32, 2_590, NOW_S - 2),
  ];
  expect(pipeline.step(frameOf(cached), NOW_MS + 1_500)).toBe(0);
  expect(pipeline.counters.ticksRejected).toMatchObject({ out_of_order: 4, lower_mode: 1 });
  // The very value that is there, in quote mode: no news, and without the depth.
  expect(pipeline.step(frameOf([quote(110, 1_000)]), NOW_MS + 1_500)).toBe(0);
  expect(pipeline.counters.ticksRejected.lower_mode).toBe(2);
  const news = [share(111, 1_001, NOW_S), index(32, 2_601, NOW_S + 1)];
  expect(pipeline.step(frameOf(news), NOW_MS + 1_600)).toBe(2);
  expect(batcher.records.map((words) => words[AT.lastPrice / 4])).toEqual([111, 2_601]);
});

test('quotes count as the feed when the wanted mode was never set, until it is', () => {
  const { batcher, pipeline } = pipelineFor([INDEX]);
  const index = (length: number, price: number) => packetOf(length, [INDEX, price, 0, 0, 0, 0, 0, NOW_S]);
  pipeline.step(frameOf([index(32, 1)]), NOW_MS);
  for (let price = 2; price <= KITE_LOWER_MODE_PACKETS_MAX + 3; price++) {
    pipeline.step(frameOf([index(28, price)]), NOW_MS);
  }
  const prices = () => batcher.records.map((words) => words[AT.lastPrice / 4]);
  expect(prices()).toEqual([1, KITE_LOWER_MODE_PACKETS_MAX + 2, KITE_LOWER_MODE_PACKETS_MAX + 3]);
  pipeline.step(frameOf([index(32, 50), index(28, 51), index(32, 52)]), NOW_MS);
  expect(prices().slice(-2)).toEqual([50, 52]);
  expect(pipeline.counters.ticksRejected.lower_mode).toBe(KITE_LOWER_MODE_PACKETS_MAX + 1);
});

test('a mode that was lowered on purpose is taken at once', () => {
  const { batcher, pipeline } = pipelineFor([SHARE]);
  pipeline.step(frameOf([fullPacket(SHARE, { price: 1, exchangeTimeS: NOW_S })]), NOW_MS);
  batcher.want([{ token: SHARE, mode: 'ltp' }]);
  expect(pipeline.step(frameOf([ltpPacket(SHARE, 2)]), NOW_MS)).toBe(1);
});

test('one stray time in the future does not silence an instrument', () => {
  const { pipeline } = pipelineFor([SHARE]);
  const at = (exchangeTimeS: number) => frameOf([fullPacket(SHARE, { exchangeTimeS })]);
  expect(pipeline.step(at(NOW_S + 3_600), NOW_MS)).toBe(1);
  expect(pipeline.step(at(NOW_S + 6), NOW_MS + 6_000)).toBe(1);
});

const FAULT_KINDS = ['none', 'truncate', 'extend', 'flip', 'count', 'length', 'noise'] as const;

/** `volume` is what has been traded by now; most packets know of it, or of one trade less. */
function randomPacket(random: SeededRandom, tokens: readonly number[], volume: number): Uint8Array {
  const token = random.pick(tokens);
  const sizes = token % 256 === 9 ? [8, 28, 32] : [8, 44, 184];
  const length = random.chance(12) ? random.below(200) : random.pick(sizes);
  const words = [token, ...Array.from({ length: 45 }, () => random.uint32() >>> random.below(32))];
  // Times around now, so that each rule about them is met.
  if (length === 184) words[15] = random.chance(4) ? 0 : NOW_S + random.below(40) - 20;
  if (length >= 44) words[4] = random.chance(8) ? random.below(volume) : volume - random.below(2);
  if (length === 32) words[7] = NOW_S + random.below(200_000) - 50_000;
  return packetOf(length, words);
}

function damage(frame: Uint8Array, kind: (typeof FAULT_KINDS)[number], random: SeededRandom): Uint8Array {
  const bytes = frame.slice();
  switch (kind) {
    case 'none':
      return bytes;
    case 'truncate':
      return bytes.subarray(0, random.below(bytes.length + 1));
    case 'extend':
      return Uint8Array.from([
        ...bytes,
        ...Array.from({ length: 1 + random.below(20) }, () => random.below(256)),
      ]);
    case 'flip':
      for (let flips = 1 + random.below(4); flips > 0; flips--) {
        const at = random.below(bytes.length);
        bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
      }
      return bytes;
    case 'count':
      bytes[random.below(2)] = random.below(256);
      return bytes;
    case 'length':
      if (bytes.length > 4) bytes[2 + random.below(2)] = random.below(256);
      return bytes;
    case 'noise':
      return Uint8Array.from({ length: random.below(400) }, () => random.below(256));
  }
}

/** What has been taken of an instrument. */
interface Taken {
  newestS: number;
  /** 0 for nothing, 1 ltp, 2 quote, 3 full. */
  rank: number;
  volume: number | undefined;
  lowerModes: number;
}

const rankOf = (fields: Map<string, number>) =>
  fields.has('exchangeTimestamp') ? 3 : fields.has('high') ? 2 : 1;

/** What the rules of validation say, restated over the fields of an independent decode. */
function isAcceptable(fields: Map<string, number>, taken: Taken, wantedRank: number): boolean {
  const of = (name: string) => fields.get(name) ?? 0;
  if (!fields.has('high') && of('lastPrice') === 0) return false;
  if (fields.has('high') && of('high') !== 0 && of('high') < of('low')) return false;
  const timeS = of('exchangeTimestamp');
  if (timeS !== 0 && (timeS > NOW_S + 24 * 3_600 || timeS < taken.newestS)) return false;
  const volume = fields.get('volume');
  if (volume !== undefined && taken.volume !== undefined) {
    if (volume < taken.volume && (timeS === 0 || timeS === taken.newestS)) return false;
    if (volume > taken.volume) return true;
  }
  if (rankOf(fields) >= Math.min(taken.rank, wantedRank) || taken.lowerModes === 3) return true;
  taken.lowerModes++;
  return false;
}

function fieldsOf(words: Uint32Array): (name: string) => number | undefined {
  const view = viewOf(words);
  return (name) => {
    const depth = /^depth(\d+)\.(quantity|price|orders)$/.exec(name);
    if (depth === null) return view.getUint32(AT[name as keyof typeof AT], true);
    const part = { quantity: 0, price: 4, orders: 8 }[depth[2] as 'quantity' | 'price' | 'orders'];
    return view.getUint32(AT.depth + Number(depth[1]) * 12 + part, true);
  };
}

test('100,000 damaged frames: nothing thrown, everything counted, every accepted record as Kite wrote it', {
  timeout: 60_000,
}, () => {
  const seed = 20_260_401;
  const random = new SeededRandom(seed);
  const wanted = Array.from({ length: 30 }, (_, i) => ((1_000 + i) << 8) | random.pick([1, 2, 3, 6, 9, 12]));
  const tokens = [...wanted, UNWANTED, UNKNOWN, 0];
  const { batcher, pipeline } = pipelineFor(wanted, [UNWANTED]);
  const modes: TickMode[] = ['ltp', 'quote', 'full'];
  batcher.want(wanted.map((token) => ({ token, mode: modes[token % 3] as TickMode })));
  const wantedRankOf = (token: number) => (token % 3) + 1;
  const takenOf = new Map<number, Taken>();
  let goodFrames = 0;
  let packetFaults = 0;
  let received = 0;
  for (let i = 0; i < 100_000; i++) {
    const packets = Array.from({ length: random.below(6) }, () => randomPacket(random, tokens, 1_000 + i));
    const frame = damage(frameOf(packets), random.pick(FAULT_KINDS), random);
    batcher.records = [];
    const accepted = pipeline.step(frame, NOW_MS);
    const expected: Map<string, number>[] = [];
    const split = frame.length < 2 ? [] : splitFrame(frame);
    if (split) goodFrames++;
    for (const packet of split ?? []) {
      const fields = readPacket(packet);
      if (fields === undefined) {
        packetFaults++;
        continue;
      }
      received++;
      const token = fields.get('token') ?? 0;
      const taken = takenOf.get(token) ?? { newestS: 0, rank: 0, volume: undefined, lowerModes: 0 };
      takenOf.set(token, taken);
      if (!wanted.includes(token) || !isAcceptable(fields, taken, wantedRankOf(token))) continue;
      const timeS = fields.get('exchangeTimestamp') ?? 0;
      if (timeS !== 0) taken.newestS = Math.min(timeS, NOW_S + 5);
      Object.assign(taken, { rank: rankOf(fields), volume: fields.get('volume'), lowerModes: 0 });
      expected.push(fields);
    }
    if (accepted !== expected.length || batcher.records.length !== accepted) {
      expect({ seed, i, accepted, kept: batcher.records.length }).toEqual({
        seed,
        i,
        accepted: expected.length,
      });
    }
    expected.forEach((fields, index) => {
      const words = batcher.records[index] as Uint32Array;
      const actual = fieldsOf(words);
      for (const [name, value] of fields) if (actual(name) !== value) expect({ seed, i, name }).toBe(value);
      if (receivedAtOf(viewOf(words), 0) !== NOW_MS) expect({ seed, i }).toBe('stamped');
    });
  }
  const { counters } = pipeline;
  const { frame_truncated, frame_overlong, frame_too_big, ...packetLevel } = counters.frameFaults;
  const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);
  expect(counters.frames).toBe(100_000);
  expect(frame_truncated + frame_overlong + frame_too_big + goodFrames).toBe(100_000);
  expect(sum(packetLevel)).toBe(packetFaults);
  expect(counters.ticksReceived).toBe(received);
  expect(counters.ticksAccepted + sum(counters.ticksRejected)).toBe(received);
  // The generator reaches every reason, or this test shows less than it says.
  for (const count of Object.values({ ...counters.ticksRejected, ...packetLevel }))
    expect(count).toBeGreaterThan(0);
  expect(frame_truncated).toBeGreaterThan(1_000);
  expect(frame_overlong).toBeGreaterThan(1_000);
  expect(counters.ticksAccepted).toBeGreaterThan(20_000);
});
