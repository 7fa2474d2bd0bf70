// The sidecar's pipeline on one core: Kite frames in, encoded batches out.
import { Batcher } from '../../ingest/core/batcher.ts';
import type { InstrumentBook } from '../../ingest/core/instrument-book.ts';
import { Pipeline } from '../../ingest/core/pipeline.ts';
import { encodeTokenList } from '../../shared/frame.ts';
import type { InstrumentDefinition, InstrumentToken } from '../../shared/instrument.ts';
import { SHARD_COUNT, shardOf } from '../../shared/shard.ts';
import { RECORD_KIND } from '../../shared/tick.ts';
import { type Bench, nsPerItem } from './bench.ts';
import { kiteFrame } from './kite-frames.ts';

const INSTRUMENTS = 9_000;
const PACKETS_PER_FRAME = 50;
const FIRST_EXCHANGE_TOKEN = 40_000;
/** 9,000 instruments x 3 ticks a second in windows of 100 ms. */
const TICKS_PER_WINDOW = 2_700;
const TICKS_PER_BATCH_MAX = 1_000;
const RECEIVED_AT_MS = 1_764_000_000_000;

function instrumentTokens(): InstrumentToken[] {
  return Array.from(
    { length: INSTRUMENTS },
    (_, i) => (((FIRST_EXCHANGE_TOKEN + i) << 8) | 2) as InstrumentToken,
  );
}

function instrumentBook(): InstrumentBook {
  const definitions = new Map<number, InstrumentDefinition>();
  for (const [i, token] of instrumentTokens().entries()) {
    definitions.set(token, {
      instrument_token: token,
      tradingsymbol: `NIFTY26N24${20_000 + i * 50}CE`,
      exchange: 'NFO',
      name: 'NIFTY',
      segment: 'NFO-OPT',
      instrument_type: 'CE',
      expiry: '2026-11-24',
      strike: 20_000 + i * 50,
      tick_size: 0.05,
      lot_size: 65,
    });
  }
  const tokens = [...definitions.keys()];
  const known = Array.from({ length: SHARD_COUNT }, (_, shard) =>
    encodeTokenList(tokens.filter((token) => shardOf(token) === shard)),
  );
  return {
    has: (token) => definitions.has(token),
    definitionOf: (token) => definitions.get(token),
    changeSince: () => 'instrument',
    knownTokensOf: (shard) => known[shard] ?? new Uint8Array(0),
  };
}

/** Takes a batch of every shard that has news and answers it as the edge does. */
function postAll(batcher: Batcher): number {
  let posted = 0;
  for (let shard = 0; shard < SHARD_COUNT; shard++) {
    while (batcher.dirtyCount(shard) > 0) {
      const batch = batcher.take(shard, { ticksMax: TICKS_PER_BATCH_MAX, roundShards: SHARD_COUNT });
      batcher.acknowledge(shard, { epoch: batch.epoch, seq: batch.seq, boot: 1 });
      posted += batch.ticks;
    }
  }
  return posted;
}

export const bench: Bench = {
  about: 'full packets of 9,000 instruments: check, decode, validate, batch, encode; definitions sent before',
  async run() {
    const book = instrumentBook();
    const batcher = new Batcher(RECEIVED_AT_MS, book);
    const pipeline = new Pipeline(batcher);
    const frames = Array.from({ length: INSTRUMENTS / PACKETS_PER_FRAME }, (_, i) =>
      kiteFrame(RECORD_KIND.full, PACKETS_PER_FRAME, FIRST_EXCHANGE_TOKEN + i * PACKETS_PER_FRAME),
    );
    batcher.want(instrumentTokens().map((token) => ({ token, mode: 'full' })));
    for (let shard = 0; shard < SHARD_COUNT; shard++) {
      const { epoch, seq } = batcher.take(shard, { ticksMax: 0, roundShards: 0 });
      batcher.acknowledge(shard, { epoch, seq, boot: 1 });
    }
    let next = 0;
    let posted = 0;
    const step = (ticks: number): number => {
      let accepted = 0;
      while (accepted < ticks) {
        const frame = frames[next++ % frames.length];
        if (frame) accepted += pipeline.step(frame, RECEIVED_AT_MS);
      }
      posted += postAll(batcher);
      return accepted;
    };
    const ns = nsPerItem({ window: () => step(TICKS_PER_WINDOW), saturated: () => step(INSTRUMENTS) });
    const { ticksAccepted, ticksReceived } = pipeline.counters;
    if (ticksAccepted !== ticksReceived || posted !== ticksAccepted) {
      throw new Error(
        `${ticksReceived} ticks received, ${ticksAccepted} accepted, ${posted} posted: they must be equal`,
      );
    }
    return {
      ticks_per_core_second: { value: 1e9 / ns.window, unit: 'ticks/s' },
      ticks_per_core_second_saturated: { value: 1e9 / ns.saturated, unit: 'ticks/s' },
      tick: { value: ns.window, unit: 'ns' },
    };
  },
};
