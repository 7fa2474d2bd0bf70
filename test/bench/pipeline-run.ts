// The sidecar's pipeline as benches run it: Kite frames in, encoded batches out, with and without Greeks.
import { Batcher } from '../../ingest/core/batcher.ts';
import { OptionMarket } from '../../ingest/core/greeks/option-market.ts';
import type { InstrumentBook } from '../../ingest/core/instrument-book.ts';
import { Pipeline } from '../../ingest/core/pipeline.ts';
import { encodeTokenList } from '../../shared/frame.ts';
import type { InstrumentDefinition, InstrumentToken } from '../../shared/instrument.ts';
import { SHARD_COUNT, shardOf } from '../../shared/shard.ts';
import { RECORD_KIND } from '../../shared/tick.ts';
import { kiteFrame } from './kite-frames.ts';
import { MARKET_TIME_MS, optionListing } from './option-market.ts';

export const INSTRUMENTS = 9_000;
const PACKETS_PER_FRAME = 50;
const FIRST_EXCHANGE_TOKEN = 40_000;
/** 9,000 instruments x 3 ticks a second in windows of 100 ms. */
export const TICKS_PER_WINDOW = 2_700;
const TICKS_PER_BATCH_MAX = 1_000;
const RECEIVED_AT_MS = 1_764_000_000_000;
const UNDERLYINGS = 30;
/** What the clock of renewals and forwards goes on by with each flush. */
const FLUSH_WINDOW_MS = 100;

function instrumentTokens(): InstrumentToken[] {
  return Array.from(
    { length: INSTRUMENTS },
    (_, i) => (((FIRST_EXCHANGE_TOKEN + i) << 8) | 2) as InstrumentToken,
  );
}

function instrumentDefinitions(): InstrumentDefinition[] {
  return instrumentTokens().map((token, i) => ({
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
  }));
}

function instrumentBook(list: readonly InstrumentDefinition[]): InstrumentBook {
  const definitions = new Map<number, InstrumentDefinition>(list.map((one) => [one.instrument_token, one]));
  const tokens = [...definitions.keys()].sort((a, b) => a - b);
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

/** The shards have their memories, and know nothing yet. */
function meetShards(batcher: Batcher): void {
  for (let shard = 0; shard < SHARD_COUNT; shard++) {
    const { epoch, seq } = batcher.take(shard, { ticksMax: 0, roundShards: 0 });
    batcher.acknowledge(shard, { epoch, seq, boot: 1 });
  }
}

/** One run of ticks through everything; its counts tell whether any was lost. */
export class BenchRun {
  readonly batcher: Batcher;
  readonly pipeline: Pipeline;
  readonly options: OptionMarket | undefined;
  readonly #frames: readonly Uint8Array[];
  #next = 0;
  #posted = 0;
  #flushes = 0;
  /** Of all steps, and the part of it that valuations took. */
  totalNs = 0n;
  valuationNs = 0n;

  constructor(frames: readonly Uint8Array[], batcher: Batcher, options?: OptionMarket) {
    this.#frames = frames;
    this.batcher = batcher;
    this.options = options;
    this.pipeline = new Pipeline(batcher, options);
    meetShards(batcher);
  }

  step(ticks: number): number {
    const steppedAt = process.hrtime.bigint();
    let accepted = 0;
    while (accepted < ticks) {
      const frame = this.#frames[this.#next++ % this.#frames.length];
      if (frame) accepted += this.pipeline.step(frame, this.batcher.epoch);
    }
    const startedAt = process.hrtime.bigint();
    this.options?.renew(this.#flushes * FLUSH_WINDOW_MS);
    this.options?.value(this.#flushes++ * FLUSH_WINDOW_MS);
    this.valuationNs += process.hrtime.bigint() - startedAt;
    this.#posted += postAll(this.batcher);
    this.totalNs += process.hrtime.bigint() - steppedAt;
    return accepted;
  }

  check(): void {
    const { ticksAccepted, ticksReceived } = this.pipeline.counters;
    const wanted = ticksReceived + this.batcher.counters.ticksRenewed;
    if (ticksAccepted !== ticksReceived || this.#posted !== wanted) {
      throw new Error(
        `${ticksReceived} ticks received, ${ticksAccepted} accepted, ${this.#posted} posted: they must be equal`,
      );
    }
  }
}

export function plainRun(): BenchRun {
  const batcher = new Batcher(RECEIVED_AT_MS, instrumentBook(instrumentDefinitions()));
  const frames = Array.from({ length: INSTRUMENTS / PACKETS_PER_FRAME }, (_, i) =>
    kiteFrame(RECORD_KIND.full, PACKETS_PER_FRAME, FIRST_EXCHANGE_TOKEN + i * PACKETS_PER_FRAME),
  );
  batcher.want(instrumentTokens().map((token) => ({ token, mode: 'full' })));
  return new BenchRun(frames, batcher);
}

/** Every instrument an option, with implied volatilities of mid, bid and ask, and Greeks at its future. */
export function greeksRun(): BenchRun {
  const listing = optionListing(UNDERLYINGS, INSTRUMENTS / UNDERLYINGS / 2);
  const batcher = new Batcher(MARKET_TIME_MS, instrumentBook(listing.definitions));
  const settings = { model: 'forward', rate: 0.055, dividendYield: 0 } as const;
  const options = new OptionMarket({ settings, buffer: batcher, onSupportChange: () => undefined });
  options.replaceContracts(listing.book);
  const inFull = (token: InstrumentToken) => ({ token, mode: 'full' }) as const;
  const wished = listing.options.map(inFull);
  const streamed = [...wished, ...[...options.plan(wished)].map(inFull)];
  batcher.want(streamed);
  options.attach(streamed, 0);
  const run = new BenchRun(listing.frames, batcher, options);
  for (const frame of listing.inputFrames) run.pipeline.step(frame, MARKET_TIME_MS);
  postAll(batcher);
  return run;
}
