import { expect, test } from 'vitest';
import { Batcher, type TakenBatch } from '../../../ingest/core/batcher.ts';
import { EMPTY_INSTRUMENT_BOOK } from '../../../ingest/core/instrument-book.ts';
import { type Batch, type BatchReply, decodeBatch, encodeTokenList } from '../../../shared/frame.ts';
import type { InstrumentDefinition, InstrumentToken } from '../../../shared/instrument.ts';
import { BATCH_BYTES_MAX, BATCH_DEFINITIONS_MAX, BATCH_TICKS_MAX } from '../../../shared/limits.ts';
import { GREEK_ZERO_BITS, GREEKS_WORDS } from '../../../shared/record-greeks.ts';
import { SHARD_COUNT, shardOf } from '../../../shared/shard.ts';
import {
  AT,
  FULL_RECORD_WORDS,
  isFullKind,
  RECORD_KIND,
  RECORD_WORDS_MAX,
  recordWords,
} from '../../../shared/tick.ts';
import { definitionOf, recordOf } from '../../support/records.ts';
import { bookOf, bookOfTokens, inFull, tokensOfShard } from '../support/books.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const EPOCH = 1_764_000_000_000;
const SHARD = 3;
const BOOT = 77;
const LIMITS = { ticksMax: 1_000, roundShards: 1 };

function offer(batcher: Batcher, token: number, lastPrice: number, kind: 1 | 2 | 3 = RECORD_KIND.ltp): void {
  const slot = batcher.wantedSlotOf(token);
  expect(slot).toBeGreaterThanOrEqual(0);
  batcher.offer(slot, recordOf(token, kind, { lastPrice }), EPOCH);
}

function replyTo(taken: TakenBatch, boot = BOOT): BatchReply {
  return { epoch: taken.epoch, seq: taken.seq, boot };
}

/** A batcher whose shard has answered once, so that it sends ticks. */
function linkedBatcher(tokens: readonly number[]): Batcher {
  const batcher = new Batcher(EPOCH, bookOfTokens(tokens));
  batcher.want(inFull(tokens));
  batcher.acknowledge(SHARD, replyTo(batcher.take(SHARD, LIMITS)));
  return batcher;
}

function takeAndAcknowledge(batcher: Batcher, limits = LIMITS): Batch {
  const taken = batcher.take(SHARD, limits);
  batcher.acknowledge(SHARD, replyTo(taken));
  return decodeBatch(taken.bytes);
}

function pricesOf(batch: Batch): Map<number, number> {
  const prices = new Map<number, number>();
  for (let at = 0; at < batch.ticks.length; at += recordWords(batch.ticks[at + 1] as number)) {
    prices.set(batch.ticks[at] as number, batch.ticks[at + AT.lastPrice / 4] as number);
  }
  return prices;
}

test('until the shard has answered, only empty batches leave', () => {
  const [token] = tokensOfShard(SHARD, 1);
  const batcher = new Batcher(EPOCH, bookOfTokens([token!]));
  batcher.want(inFull([token!]));
  offer(batcher, token!, 100);
  const first = batcher.take(SHARD, LIMITS);
  const hello = decodeBatch(first.bytes);
  expect(hello).toMatchObject({ shard: SHARD, epoch: EPOCH, seq: 1, boot: 0, tickCount: 0, definitions: [] });
  expect(hello.knownTokens).toBeUndefined();
  batcher.acknowledge(SHARD, replyTo(first));
  const second = takeAndAcknowledge(batcher);
  expect(second).toMatchObject({ seq: 2, boot: BOOT, tickCount: 1, knownTokens: [token] });
  expect(second.definitions).toEqual([definitionOf(token!)]);
  expect(second.ticks[AT.seq / 4]).toBe(2);
  const third = takeAndAcknowledge(batcher);
  expect(third).toMatchObject({ seq: 3, tickCount: 0, definitions: [] });
  expect(third.knownTokens).toBeUndefined();
});

test('the newest of many ticks leaves, once', () => {
  const [token] = tokensOfShard(SHARD, 1);
  const batcher = linkedBatcher([token!]);
  for (let price = 1; price <= 5; price++) offer(batcher, token!, price);
  expect(batcher.dirtyCount(SHARD)).toBe(1);
  expect(pricesOf(takeAndAcknowledge(batcher))).toEqual(new Map([[token, 5]]));
  expect(batcher.counters).toMatchObject({ ticksOffered: 5, ticksConflated: 4, ticksPosted: 1 });
  expect(takeAndAcknowledge(batcher).tickCount).toBe(0);
});

test('a record of a lower kind leaves no field of the higher one behind', () => {
  const [token] = tokensOfShard(SHARD, 1);
  const batcher = linkedBatcher([token!]);
  offer(batcher, token!, 500, RECORD_KIND.full);
  offer(batcher, token!, 501, RECORD_KIND.quote);
  const { ticks } = takeAndAcknowledge(batcher);
  expect(ticks.length).toBe(recordWords(RECORD_KIND.quote));
  expect(ticks[AT.kind / 4]).toBe(RECORD_KIND.quote);
});

test('a given-up batch comes back with newer values, its definitions and its token list', () => {
  const [a, b] = tokensOfShard(SHARD, 2) as [InstrumentToken, InstrumentToken];
  const batcher = linkedBatcher([a, b]);
  offer(batcher, a, 10);
  offer(batcher, b, 20);
  const lost = decodeBatch(batcher.take(SHARD, LIMITS).bytes);
  expect(lost.knownTokens).toEqual([a, b]);
  offer(batcher, a, 11);
  batcher.giveUp(SHARD);
  const next = takeAndAcknowledge(batcher);
  expect(next.seq).toBe(lost.seq + 1);
  expect(pricesOf(next)).toEqual(
    new Map([
      [a, 11],
      [b, 20],
    ]),
  );
  expect(next.definitions.map(({ instrument_token }) => instrument_token).sort()).toEqual([a, b].sort());
  expect(next.knownTokens).toEqual([a, b]);
  expect(batcher.counters).toMatchObject({ ticksOffered: 3, ticksConflated: 1, ticksPosted: 2 });
});

test('a shard with a new memory gets everything again, and its demand is heard anew', () => {
  const tokens = tokensOfShard(SHARD, 3);
  const batcher = linkedBatcher(tokens);
  for (const token of tokens) offer(batcher, token, token % 1_000);
  takeAndAcknowledge(batcher);
  const taken = batcher.take(SHARD, LIMITS);
  batcher.acknowledge(SHARD, { ...replyTo(taken, BOOT + 1), demand: { version: 9, items: [] } });
  const again = decodeBatch(batcher.take(SHARD, LIMITS).bytes);
  expect(again).toMatchObject({ boot: BOOT + 1, demandVersion: 9, tickCount: 3 });
  expect(again.definitions).toHaveLength(3);
  expect(again.knownTokens).toEqual(tokens);
  expect(batcher.counters.ticksResent).toBe(3);
  // A memory that has not told its demand yet is asked for it: the version of another memory means nothing to it.
  batcher.acknowledge(SHARD, { epoch: EPOCH, seq: again.seq, boot: BOOT + 2 });
  expect(decodeBatch(batcher.take(SHARD, LIMITS).bytes)).toMatchObject({ boot: BOOT + 2, demandVersion: 0 });
});

test('an instrument that nobody wants any more is forgotten, and not sent again from memory', () => {
  const [a, b] = tokensOfShard(SHARD, 2) as [InstrumentToken, InstrumentToken];
  const batcher = linkedBatcher([a, b]);
  offer(batcher, a, 10);
  offer(batcher, b, 20);
  takeAndAcknowledge(batcher);
  offer(batcher, a, 11);
  batcher.want(inFull([b]));
  expect(batcher.wantedSlotOf(a)).toBe(-1);
  expect(batcher.counters.ticksDropped).toBe(1);
  batcher.want(inFull([a, b]));
  const taken = batcher.take(SHARD, LIMITS);
  batcher.acknowledge(SHARD, replyTo(taken, BOOT + 1));
  expect(pricesOf(takeAndAcknowledgeAs(batcher, BOOT + 1))).toEqual(new Map([[b, 20]]));
});

const symbolsOf = ({ definitions }: Batch) => definitions.map(({ tradingsymbol }) => tradingsymbol);

function takeAndAcknowledgeAs(batcher: Batcher, boot: number): Batch {
  const taken = batcher.take(SHARD, LIMITS);
  batcher.acknowledge(SHARD, replyTo(taken, boot));
  return decodeBatch(taken.bytes);
}

test('a token that Kite gave to another contract does not keep the old price, and the shard hears of it at once', () => {
  const [token, other] = tokensOfShard(SHARD, 2) as [InstrumentToken, InstrumentToken];
  const batcher = linkedBatcher([token, other]);
  offer(batcher, token, 10);
  offer(batcher, other, 20);
  takeAndAcknowledge(batcher);
  batcher.replaceInstruments(bookOf([definitionOf(token, 'NIFTY26DEC26000CE'), definitionOf(other)]));
  const refreshed = takeAndAcknowledge(batcher);
  expect(refreshed).toMatchObject({ knownTokens: [token, other], tickCount: 0 });
  expect(symbolsOf(refreshed)).toEqual(['NIFTY26DEC26000CE']);
  expect(symbolsOf(takeAndAcknowledge(batcher))).toEqual([]);
  const taken = batcher.take(SHARD, LIMITS);
  batcher.acknowledge(SHARD, replyTo(taken, BOOT + 1));
  const again = takeAndAcknowledgeAs(batcher, BOOT + 1);
  expect(pricesOf(again)).toEqual(new Map([[other, 20]]));
  expect(symbolsOf(again)).toContain('NIFTY26DEC26000CE');
  offer(batcher, token, 30);
  expect(pricesOf(takeAndAcknowledgeAs(batcher, BOOT + 1))).toEqual(new Map([[token, 30]]));
});

test('a batch with the definition of before, under way while the list changes, is followed by the new one', () => {
  const [token] = tokensOfShard(SHARD, 1) as [InstrumentToken];
  const batcher = linkedBatcher([token]);
  offer(batcher, token, 10);
  const before = batcher.take(SHARD, LIMITS);
  batcher.replaceInstruments(bookOf([definitionOf(token, 'OTHER')]));
  batcher.acknowledge(SHARD, replyTo(before));
  expect(symbolsOf(takeAndAcknowledge(batcher))).toEqual(['OTHER']);
  batcher.replaceInstruments(bookOf([definitionOf(token, 'THIRD')]));
  batcher.take(SHARD, LIMITS);
  batcher.giveUp(SHARD);
  expect(symbolsOf(takeAndAcknowledge(batcher))).toEqual(['THIRD']);
  expect(symbolsOf(takeAndAcknowledge(batcher))).toEqual([]);
});

test('details that are new in the list are sent, and the value stays', () => {
  const [token] = tokensOfShard(SHARD, 1) as [InstrumentToken];
  const batcher = linkedBatcher([token]);
  offer(batcher, token, 10);
  takeAndAcknowledge(batcher);
  batcher.replaceInstruments(bookOf([{ ...definitionOf(token), lot_size: 75 }]));
  expect(takeAndAcknowledge(batcher).definitions).toEqual([{ ...definitionOf(token), lot_size: 75 }]);
  batcher.acknowledge(SHARD, replyTo(batcher.take(SHARD, LIMITS), BOOT + 1));
  expect(pricesOf(takeAndAcknowledgeAs(batcher, BOOT + 1))).toEqual(new Map([[token, 10]]));
});

test('what an instrument is, is told when it is wanted, and not again when it ticks', () => {
  const [token, left] = tokensOfShard(SHARD, 2) as [InstrumentToken, InstrumentToken];
  const batcher = linkedBatcher([token, left]);
  batcher.want(inFull([token]));
  expect(symbolsOf(takeAndAcknowledge(batcher))).toEqual([`SYM${token}`]);
  offer(batcher, token, 10);
  expect(symbolsOf(takeAndAcknowledge(batcher))).toEqual([]);
});

test('an instrument that left the list is no longer wanted', () => {
  const [a, b] = tokensOfShard(SHARD, 2) as [InstrumentToken, InstrumentToken];
  const batcher = linkedBatcher([a, b]);
  offer(batcher, a, 10);
  batcher.replaceInstruments(bookOfTokens([b]));
  expect(batcher.wantedSlotOf(a)).toBe(-1);
  expect(takeAndAcknowledge(batcher)).toMatchObject({ tickCount: 0, knownTokens: [b] });
});

test('a token list that no batch can carry is refused, and the old list stays', () => {
  const [token] = tokensOfShard(SHARD, 1);
  const batcher = linkedBatcher([token!]);
  const tooMany = Array.from({ length: 100_001 }, (_, i) => (i + 1) as InstrumentToken);
  const book = { ...bookOfTokens([]), knownTokensOf: () => encodeTokenList(tooMany) };
  expect(() => batcher.replaceInstruments(book)).toThrow(/shard 0: list of 100001 instruments/);
  expect(batcher.wantedSlotOf(token!)).toBeGreaterThanOrEqual(0);
});

test('ticks and definitions that do not fit wait for the next batch, in order', () => {
  const tokens = tokensOfShard(SHARD, BATCH_DEFINITIONS_MAX + 700);
  const batcher = linkedBatcher(tokens);
  for (const token of tokens) offer(batcher, token, 1, RECORD_KIND.full);
  const first = takeAndAcknowledge(batcher, { ticksMax: BATCH_TICKS_MAX, roundShards: 1 });
  expect(first.definitions).toHaveLength(BATCH_DEFINITIONS_MAX);
  expect([...pricesOf(first).keys()]).toEqual(tokens.slice(0, BATCH_DEFINITIONS_MAX));
  const second = takeAndAcknowledge(batcher, { ticksMax: 600, roundShards: 1 });
  expect([...pricesOf(second).keys()]).toEqual(
    tokens.slice(BATCH_DEFINITIONS_MAX, BATCH_DEFINITIONS_MAX * 2),
  );
  // Known ones are not held up by those that still wait for their definition.
  for (const token of tokens) offer(batcher, token, 2, RECORD_KIND.full);
  const third = takeAndAcknowledge(batcher, { ticksMax: 100, roundShards: 1 });
  expect(third.tickCount).toBe(100);
});

test('a batch never exceeds its size, whatever the definitions are', () => {
  const tokens = tokensOfShard(SHARD, BATCH_TICKS_MAX);
  const wide = (token: InstrumentToken): InstrumentDefinition => ({
    ...definitionOf(token),
    tradingsymbol: `${token}${'"'.repeat(80)}`,
    name: 'अ'.repeat(96),
  });
  const batcher = new Batcher(EPOCH, bookOf(tokens.map(wide)));
  batcher.want(inFull(tokens));
  batcher.acknowledge(SHARD, replyTo(batcher.take(SHARD, LIMITS)));
  const seen = new Set<number>();
  let largest = 0;
  for (let round = 0; round < 5; round++) {
    for (const token of tokens) offer(batcher, token, round + 1, RECORD_KIND.full);
    const taken = batcher.take(SHARD, { ticksMax: BATCH_TICKS_MAX, roundShards: 1 });
    batcher.acknowledge(SHARD, replyTo(taken));
    largest = Math.max(largest, taken.bytes.byteLength);
    for (const token of pricesOf(decodeBatch(taken.bytes)).keys()) seen.add(token);
  }
  expect(largest).toBeLessThanOrEqual(BATCH_BYTES_MAX);
  expect(largest).toBeGreaterThan(BATCH_BYTES_MAX - 1_000);
  while (batcher.dirtyCount(SHARD) > 0) {
    for (const token of pricesOf(takeAndAcknowledge(batcher)).keys()) seen.add(token);
  }
  expect(seen.size).toBe(tokens.length);
});

test('slots are found again for new instruments when the table is full', () => {
  const tokens = tokensOfShard(SHARD, 40);
  const batcher = new Batcher(EPOCH, bookOfTokens(tokens), 10);
  batcher.want(inFull(tokens.slice(0, 10)));
  batcher.acknowledge(SHARD, replyTo(batcher.take(SHARD, LIMITS)));
  offer(batcher, tokens[9]!, 9);
  for (let first = 1; first <= 30; first++) {
    batcher.want(inFull(tokens.slice(first, first + 10)));
    offer(batcher, tokens[first + 9]!, first + 9);
  }
  const prices = pricesOf(takeAndAcknowledge(batcher));
  expect(prices).toEqual(new Map(tokens.slice(30, 40).map((token, i) => [token, 30 + i])));
  expect(() => batcher.want(inFull(tokens))).toThrow(/40 instruments wanted of at most 10/);
});

test('taking twice without an answer is refused: one batch per shard is under way', () => {
  const batcher = new Batcher(EPOCH, bookOfTokens([]));
  batcher.take(SHARD, LIMITS);
  expect(() => batcher.take(SHARD, LIMITS)).toThrow(/has a batch under way/);
});

/**
 * A shard with the memory of a Durable Object, which it may lose. A batch that was made for the memory before may have
 * ticks without definitions: one kind of shard takes them, the other leaves them out; everything comes again anyhow.
 */
class ModelShard {
  readonly takesAnyBoot: boolean;
  boot = 1;
  seq = 0;
  prices = new Map<number, number>();
  defined = new Set<number>();

  constructor(takesAnyBoot: boolean) {
    this.takesAnyBoot = takesAnyBoot;
  }

  reset(): void {
    this.boot++;
    this.seq = 0;
    this.prices.clear();
    this.defined.clear();
  }

  apply(batch: Batch): void {
    if (batch.seq <= this.seq) throw new Error(`batch ${batch.seq} after ${this.seq}`);
    this.seq = batch.seq;
    if (batch.boot !== this.boot && !this.takesAnyBoot) return;
    for (const { instrument_token } of batch.definitions) this.defined.add(instrument_token);
    for (const [token, price] of pricesOf(batch)) {
      if (batch.boot === this.boot && !this.defined.has(token))
        throw new Error(`tick of ${token} before its definition`);
      if (price < (this.prices.get(token) ?? 0)) throw new Error(`price of ${token} ran backwards`);
      this.prices.set(token, price);
    }
  }
}

const OPTION = (40_000 << 8) | 2;
const greeksOf = (flags: number) =>
  Uint32Array.from({ length: GREEKS_WORDS }, (_, i) => (i === 0 ? flags : 7 << GREEK_ZERO_BITS));

/** A full record of an option with Greeks, posted. */
function valuedBatcher(): { batcher: Batcher; slot: number; news: () => number[] } {
  const shard = shardOf(OPTION);
  const batcher = new Batcher(EPOCH, bookOfTokens([OPTION]));
  batcher.want(inFull([OPTION]));
  batcher.acknowledge(shard, replyTo(batcher.take(shard, LIMITS)));
  const slot = batcher.wantedSlotOf(OPTION);
  offer(batcher, OPTION, 100, RECORD_KIND.full);
  batcher.putGreeks(slot, greeksOf(0));
  const news = () => {
    const taken = batcher.take(shard, LIMITS);
    batcher.acknowledge(shard, replyTo(taken));
    return [...decodeBatch(taken.bytes).ticks];
  };
  return { batcher, slot, news };
}

test('Greeks go with the record, and are news only when they are other ones', () => {
  const { batcher, slot, news } = valuedBatcher();
  const first = news();
  expect(first).toHaveLength(RECORD_WORDS_MAX);
  expect(first[AT.kind / 4]).toBe(RECORD_KIND.optionFull);
  batcher.putGreeks(slot, greeksOf(0));
  expect(news()).toEqual([]);
  batcher.putGreeks(slot, greeksOf(13));
  const renewed = news();
  expect(renewed[FULL_RECORD_WORDS]).toBe(13);
  const isGreeks = (at: number) => at >= FULL_RECORD_WORDS || at === AT.seq / 4;
  expect(renewed.filter((_, at) => !isGreeks(at))).toEqual(first.filter((_, at) => !isGreeks(at)));
  expect(batcher.counters).toMatchObject({
    ticksOffered: 1,
    ticksRenewed: 1,
    ticksPosted: 2,
    ticksConflated: 0,
  });
});

test.each([
  ['a full tick', RECORD_KIND.full],
  ['a quote', RECORD_KIND.quote],
] as const)('%s leaves no Greeks of before in the record', (_, kind) => {
  const { batcher, news } = valuedBatcher();
  offer(batcher, OPTION, 101, kind);
  expect(news()).toHaveLength(recordWords(kind));
  expect(batcher.counters).toMatchObject({ ticksOffered: 2, ticksConflated: 1, ticksPosted: 1 });
});

test('a token that was given to another contract has no Greeks of the old one', () => {
  const { batcher, slot, news } = valuedBatcher();
  batcher.replaceInstruments(bookOf([definitionOf(OPTION, 'ANOTHER')]));
  expect(batcher.kindAt(slot)).toBe(0);
  expect(news()).toEqual([]);
  offer(batcher, OPTION, 90, RECORD_KIND.full);
  expect(news()).toHaveLength(FULL_RECORD_WORDS);
});

test('whatever is lost, the shard ends with the last value of each wanted instrument, and none ever runs backwards', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new SeededRandom(seed);
    const tokens = Array.from({ length: 60 }, (_, i) => ((i + 1) << 8) | 2);
    const batcher = new Batcher(EPOCH, bookOfTokens(tokens), 64);
    const shards = Array.from({ length: SHARD_COUNT }, () => new ModelShard(seed % 2 === 0));
    const underWay = new Map<number, TakenBatch>();
    const last = new Map<number, number>();
    let wanted = new Set(tokens.slice(0, 30));
    batcher.want(inFull(wanted));
    let price = 0;
    const settle = (shard: number, taken: TakenBatch) => {
      underWay.delete(shard);
      const model = shards[shard]!;
      const isLost = random.chance(4);
      if (!isLost || random.chance(2)) model.apply(decodeBatch(taken.bytes));
      if (isLost) batcher.giveUp(shard);
      else batcher.acknowledge(shard, replyTo(taken, model.boot));
    };
    for (let step = 0; step < 3_000; step++) {
      const shard = random.below(SHARD_COUNT);
      const taken = underWay.get(shard);
      if (random.chance(3) && taken) settle(shard, taken);
      else if (random.chance(3) && !taken) {
        underWay.set(shard, batcher.take(shard, { ticksMax: 1 + random.below(5), roundShards: 1 }));
      } else if (random.chance(200)) shards[shard]?.reset();
      else if (random.chance(100)) {
        wanted = new Set(tokens.filter(() => random.chance(2)));
        batcher.want(inFull(wanted));
        for (const token of last.keys()) if (!wanted.has(token)) last.delete(token);
      } else if (random.chance(5)) {
        const slot = batcher.wantedSlotOf(random.pick(tokens));
        const greeks = greeksOf(random.below(2));
        if (slot >= 0 && isFullKind(batcher.kindAt(slot))) batcher.putGreeks(slot, greeks);
      } else if (wanted.size > 0) {
        const token = random.pick([...wanted]);
        offer(batcher, token, ++price, random.pick([RECORD_KIND.ltp, RECORD_KIND.quote, RECORD_KIND.full]));
        last.set(token, price);
      }
    }
    const { counters } = batcher;
    const dirty = () => shards.reduce((sum, _, shard) => sum + batcher.dirtyCount(shard), 0);
    const flying = [...underWay.values()].reduce((sum, { ticks }) => sum + ticks, 0);
    expect(counters.ticksRenewed).toBeGreaterThan(0);
    const taken = counters.ticksOffered + counters.ticksResent + counters.ticksRenewed;
    expect(taken, `seed ${seed}`).toBe(
      counters.ticksPosted + counters.ticksConflated + counters.ticksDropped + dirty() + flying,
    );
    for (let shard = 0; shard < SHARD_COUNT; shard++) {
      const model = shards[shard]!;
      for (let round = 0; round < 100; round++) {
        const taken = underWay.get(shard) ?? batcher.take(shard, LIMITS);
        underWay.delete(shard);
        model.apply(decodeBatch(taken.bytes));
        batcher.acknowledge(shard, replyTo(taken, model.boot));
        if (batcher.dirtyCount(shard) === 0 && round > 2) break;
      }
      for (const [token, value] of last) {
        if (shardOf(token) === shard)
          expect(model.prices.get(token), `seed ${seed} token ${token}`).toBe(value);
      }
    }
  }
});

test('before the first list is read no list is sent: an empty one would tell the shard that nothing exists', () => {
  const batcher = new Batcher(EPOCH, EMPTY_INSTRUMENT_BOOK);
  for (let i = 0; i < 3; i++) expect(takeAndAcknowledge(batcher).knownTokens).toBeUndefined();
  const [token] = tokensOfShard(SHARD, 1);
  batcher.replaceInstruments(bookOfTokens([token as number]));
  expect(takeAndAcknowledge(batcher).knownTokens).toEqual([token]);
  expect(takeAndAcknowledge(batcher).knownTokens).toBeUndefined();
});
