// What the simulated market has said of each instrument, to tell true ticks from falsified ones and last values from older.
import { vi } from 'vitest';
import { Market } from '../../ingest/simulator/core/market.ts';
import { priceDivisorOf } from '../../shared/instrument.ts';
import { readTick } from '../../shared/tick.ts';
import type { TickData } from './stream-client.ts';

/** The fields of a tick that tell two values apart, as far as its mode has them. */
interface Value {
  readonly price: number | undefined;
  readonly volume: number | undefined;
  readonly exchangeTimeMs: number | undefined;
}

function valueIn({ last_price, volume, exchange_timestamp }: TickData): Value {
  const exchangeTimeMs = exchange_timestamp === undefined ? undefined : Date.parse(exchange_timestamp);
  return { price: last_price, volume, exchangeTimeMs };
}

/** The value as it looks in full, quote and ltp mode. */
function looksOf({ price, volume, exchangeTimeMs }: Value): string[] {
  return [
    `${price}|${volume}|${exchangeTimeMs}`,
    `${price}|${volume}|undefined`,
    `${price}|undefined|undefined`,
  ];
}

/** Listens to every market of this process from its making until `stop`. */
export class MarketTruth {
  /** Of each token and look the places in the order of all that was said, ascending. */
  readonly #said = new Map<number, Map<string, number[]>>();
  #count = 0;
  readonly #last = new Map<number, Value>();
  readonly #spy;

  constructor() {
    const { refresh } = Market.prototype;
    const note = (market: Market, slot: number) => this.#note(market, slot);
    this.#spy = vi.spyOn(Market.prototype, 'refresh').mockImplementation(function (this: Market, slot) {
      refresh.call(this, slot);
      note(this, slot);
    });
  }

  stop(): void {
    this.#spy.mockRestore();
  }

  /**
   * The first place at or after `from` at which the market has said this. Undefined: not since then; 'never': not at all.
   * Places ascend over all that the market says, so whoever hears it in order can be followed from place to place.
   */
  placeOf(tick: TickData, from: number): number | undefined | 'never' {
    const [look = ''] = looksOf(valueIn(tick));
    const places = this.#said.get(tick.instrument_token)?.get(look);
    return places === undefined ? 'never' : places.find((place) => place >= from);
  }

  /** Whether it is what the market has said last. */
  isLast(tick: TickData): boolean {
    const last = this.#last.get(tick.instrument_token);
    const [look = ''] = looksOf(valueIn(tick));
    return last !== undefined && looksOf(last).includes(look);
  }

  #note(market: Market, slot: number): void {
    const token = market.instruments[slot]?.instrument_token;
    if (token === undefined) return;
    const { lastPrice, volume, exchangeTimestampS } = readTick(market.records, market.recordOffset(slot));
    const value = {
      price: lastPrice === undefined ? undefined : lastPrice / priceDivisorOf(token),
      volume,
      exchangeTimeMs: exchangeTimestampS === undefined ? undefined : exchangeTimestampS * 1_000,
    };
    const said = this.#said.get(token) ?? new Map<string, number[]>();
    this.#count++;
    for (const look of new Set(looksOf(value))) {
      const places = said.get(look);
      if (places === undefined) said.set(look, [this.#count]);
      else places.push(this.#count);
    }
    this.#said.set(token, said);
    this.#last.set(token, value);
  }
}
