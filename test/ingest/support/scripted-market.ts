// A market whose every quote a test sets, through pipeline, valuation and batches.
import { Batcher } from '../../../ingest/core/batcher.ts';
import type { Contract, ContractBook } from '../../../ingest/core/greeks/contract-book.ts';
import type { GreeksSettings } from '../../../ingest/core/greeks/greeks-settings.ts';
import { OptionMarket, type StreamedInstrument } from '../../../ingest/core/greeks/option-market.ts';
import { Pipeline } from '../../../ingest/core/pipeline.ts';
import { decodeBatch } from '../../../shared/frame.ts';
import { valueOption } from '../../../shared/greeks/option.ts';
import { OPTION_STATUS } from '../../../shared/greeks/option-status.ts';
import type { InstrumentDefinition, InstrumentToken } from '../../../shared/instrument.ts';
import { SHARD_COUNT } from '../../../shared/shard.ts';
import { readTick, recordWords, type Tick, type TickMode } from '../../../shared/tick.ts';
import { bookOf } from './books.ts';
import { type FullFields, frameOf, fullPacket, indexPacket } from './kite-frames.ts';

export const NIFTY_50 = 256_265 as InstrumentToken;
/** No future ends with the first; one does with the others. */
export const WEEKLY = '2026-12-01';
export const MONTHLY = '2026-12-29';
export const NEXT_MONTHLY = '2027-01-26';
export const TICK_SIZE = 0.05;
const STRIKE_FROM = 24_000;
const STRIKE_STEP = 50;
const STRIKES = 41;
/** 10:00 IST on the weekly's day of expiry less six. */
export const START_S = Date.parse('2026-11-25T10:00:00+05:30') / 1_000;
export const SETTINGS: GreeksSettings = { model: 'forward', rate: 0.055, dividendYield: 0 };

const tokenAt = (number: number) => ((number << 8) | 2) as InstrumentToken;

function contractsOf(): Contract[] {
  let next = 40_000;
  return [WEEKLY, MONTHLY, NEXT_MONTHLY].flatMap((expiry): Contract[] => {
    const strikes = Array.from({ length: STRIKES }, (_, i) => STRIKE_FROM + i * STRIKE_STEP);
    const options = strikes.flatMap((strike) =>
      (['CE', 'PE'] as const).map((type) => ({
        token: tokenAt(next++),
        type,
        expiry,
        strike,
        tickSize: TICK_SIZE,
      })),
    );
    if (expiry === WEEKLY) return options;
    return [...options, { token: tokenAt(next++), type: 'FUT', expiry, strike: 0, tickSize: 0.1 }];
  });
}

/** Dates are strings; a strike of 0 asks for the future. */
export interface ContractName {
  readonly expiry: string;
  readonly strike: number;
  readonly type: 'CE' | 'PE' | 'FUT';
}

export class ScriptedMarket {
  readonly contracts: readonly Contract[];
  readonly batcher: Batcher;
  readonly pipeline: Pipeline;
  readonly options: OptionMarket;
  readonly book: ContractBook;
  wished: StreamedInstrument[] = [];
  support: ReadonlySet<InstrumentToken> = new Set();
  /** Plans that a change of the support has asked for. */
  plans = 0;
  nowMs = START_S * 1_000;
  #boot = 1;

  constructor(settings: GreeksSettings = SETTINGS, more: readonly Contract[] = []) {
    this.contracts = [...contractsOf(), ...more];
    const { contracts } = this;
    this.book = {
      contractsBeside: (token) =>
        contracts.some((contract) => contract.token === token)
          ? { exchange: 'NFO', name: 'NIFTY', contracts }
          : undefined,
      tokenOf: (exchange, symbol) => (`${exchange}:${symbol}` === 'NSE:NIFTY 50' ? NIFTY_50 : undefined),
    };
    this.batcher = new Batcher(this.nowMs, bookOf(this.#definitions()));
    this.options = new OptionMarket({
      settings,
      buffer: this.batcher,
      onSupportChange: () => {
        this.plans++;
        this.#plan();
      },
    });
    this.options.replaceContracts(this.book);
    this.pipeline = new Pipeline(this.batcher, this.options);
    this.exchange();
  }

  #definitions(): InstrumentDefinition[] {
    const listed = { segment: 'NFO-OPT', tick_size: TICK_SIZE, lot_size: 65, name: 'NIFTY' };
    return [
      {
        ...listed,
        instrument_token: NIFTY_50,
        tradingsymbol: 'NIFTY 50',
        exchange: 'NSE',
        instrument_type: 'EQ',
      },
      ...this.contracts.map(({ token, type, expiry, strike }) => ({
        ...listed,
        instrument_token: token as InstrumentToken,
        tradingsymbol: `NIFTY${expiry}${strike}${type}`,
        exchange: 'NFO',
        instrument_type: type,
        expiry,
        strike,
      })),
    ];
  }

  token({ expiry, strike, type }: ContractName): InstrumentToken {
    const found = this.contracts.find((c) => c.expiry === expiry && c.type === type && c.strike === strike);
    if (!found) throw new Error(`${expiry} ${strike} ${type}`);
    return found.token as InstrumentToken;
  }

  get nowS(): number {
    return Math.floor(this.nowMs / 1_000);
  }

  pass(ms: number): void {
    this.nowMs += ms;
  }

  want(tokens: readonly InstrumentToken[], mode: TickMode = 'full'): void {
    this.wished = tokens.map((token) => ({ token, mode }));
    this.#plan();
  }

  #plan(): void {
    this.support = this.options.plan(this.wished);
    const known = new Set(this.wished.map(({ token }) => token));
    const added = [...this.support].filter((token) => !known.has(token));
    const streamed = [...this.wished, ...added.map((token) => ({ token, mode: 'full' as const }))];
    this.batcher.want(streamed);
    this.options.attach(streamed, this.nowMs);
  }

  send(packet: Uint8Array): number {
    return this.pipeline.step(frameOf([packet]), this.nowMs);
  }

  index(price: number): void {
    this.send(indexPacket(NIFTY_50, Math.round(price * 100), this.nowS));
  }

  /** A full tick, in rupees, of now unless the fields say another time. */
  quote(token: number, { bid = 0, ask = 0, price = 0, ...fields }: FullFields): number {
    const raw = (rupees: number) => Math.round(rupees * 100);
    const timed = { exchangeTimeS: this.nowS, ...fields };
    return this.send(fullPacket(token, { ...timed, bid: raw(bid), ask: raw(ask), price: raw(price) }));
  }

  /** A book around the price, which is rounded to a paisa. */
  around(token: number, price: number, spread = 0.1): number {
    return this.quote(token, { bid: price - spread / 2, ask: price + spread / 2, price });
  }

  /** The option's price at the forward and the volatility, as of now. */
  fair(name: ContractName, forward: number, volatilityPercent: number): number {
    const expiryMs = Date.parse(`${name.expiry}T15:30:00+05:30`);
    const years = (expiryMs - this.nowS * 1_000) / (365 * 86_400_000);
    const terms = { forward, years, rate: SETTINGS.rate, timeValueMin: 0 };
    const value = valueOption(terms, name.strike, name.type === 'PE', volatilityPercent);
    if (value.status !== OPTION_STATUS.ok) throw new Error(`status ${value.status}`);
    return value.price;
  }

  quoteFair(name: ContractName, forward: number, volatilityPercent: number): void {
    this.around(this.token(name), this.fair(name, forward, volatilityPercent));
  }

  /** Renews, values and posts what is news. By token. */
  flush(): Map<number, Tick> {
    this.options.renew(this.nowMs);
    this.options.value(this.nowMs);
    return this.exchange();
  }

  /** The shards have lost their memory. */
  restartShards(): void {
    this.#boot++;
  }

  /** Takes a batch of every shard, as long as there is news; the shards take all. */
  exchange(): Map<number, Tick> {
    const ticks = new Map<number, Tick>();
    for (let shard = 0; shard < SHARD_COUNT; shard++) {
      do {
        const batch = this.batcher.take(shard, { ticksMax: 1_000, roundShards: 1 });
        for (const tick of ticksOf(batch.bytes)) ticks.set(tick.token, tick);
        this.batcher.acknowledge(shard, { epoch: batch.epoch, seq: batch.seq, boot: this.#boot });
      } while (this.batcher.dirtyCount(shard) > 0);
    }
    return ticks;
  }
}

function ticksOf(bytes: Uint8Array): Tick[] {
  const { ticks } = decodeBatch(bytes);
  const view = new DataView(ticks.buffer, ticks.byteOffset, ticks.byteLength);
  const found: Tick[] = [];
  for (let at = 0; at < ticks.length; at += recordWords(ticks[at + 1] as number)) {
    found.push(readTick(view, at * 4));
  }
  return found;
}
