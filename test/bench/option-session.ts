// A session of the simulator's options with Greeks, as a sidecar would work them out: what their rows cost beside rows without.
import { priceOf, priceSourceOf } from '../../ingest/core/greeks/quote-price.ts';
import { yearsToExpiry } from '../../ingest/core/greeks/time-to-expiry.ts';
import { type ListedInstrument, listInstruments } from '../../ingest/simulator/core/instrument-list.ts';
import { MARKET_STEP_MS, Market } from '../../ingest/simulator/core/market.ts';
import { solveChain } from '../../shared/greeks/black76.ts';
import { createOptionColumns } from '../../shared/greeks/option-columns.ts';
import { priceDivisorOf } from '../../shared/instrument.ts';
import {
  FORWARD_SOURCES,
  type ForwardSource,
  GREEKS_AT,
  greekWord,
  STATUS_ONE_SIDED,
  STATUS_STALE,
} from '../../shared/record-greeks.ts';
import { AT, FULL_RECORD_WORDS, RECORD_KIND, writeReceivedAt } from '../../shared/tick.ts';
import { SEED, START_MS, TRADING_DATE } from './simulated-session.ts';
import { copyOfRecord, type SessionTick, type TickSession } from './tick-session.ts';

const TICKS_PER_INSTRUMENT_PER_SECOND = 1.5;
const OPTIONS = 48;
const LISTED = 1_000;
const RATE = 0.065;
const BEST_ASK = AT.depth + 60;

interface UnderlyingPrices {
  readonly underlying: number;
  readonly forward: number;
  readonly source: ForwardSource;
}

/** Raw price of the underlying, and of its future of that expiry, or of what carry has it cost. */
class Underlyings {
  readonly #market: Market;
  readonly #spots = new Map<number, number>();
  readonly #futures = new Map<string, number>();

  constructor(market: Market) {
    this.#market = market;
    for (const [slot, { kind, spot, expiry }] of market.instruments.entries()) {
      if (kind === 'future') this.#futures.set(`${spot} ${expiry}`, slot);
      if ((kind === 'index' || kind === 'share') && !this.#spots.has(spot)) this.#spots.set(spot, slot);
    }
  }

  pricesOf({ spot, expiry }: ListedInstrument, years: number): UnderlyingPrices {
    const underlying = this.#word(this.#spots.get(spot) as number, AT.lastPrice);
    const future = this.#futures.get(`${spot} ${expiry}`);
    if (future === undefined) {
      return { underlying, forward: Math.round(underlying * Math.exp(RATE * years)), source: 'carry' };
    }
    const forward = Math.round((this.#word(future, AT.depth + 4) + this.#word(future, BEST_ASK + 4)) / 2);
    return { underlying, forward, source: 'future' };
  }

  #word(slot: number, offset: number): number {
    const { records } = this.#market;
    const at = this.#market.recordOffset(slot);
    // Its own ticks refresh it; before its first one somebody has to.
    if (records.getUint32(at + AT.kind, true) === 0) this.#market.refresh(slot);
    return records.getUint32(at + offset, true);
  }
}

const columns = createOptionColumns(3);

/** Adds Greeks to the full record of an option. */
function addGreeks(record: Uint32Array, option: ListedInstrument, underlyings: Underlyings): void {
  const divisor = priceDivisorOf(option.instrument_token);
  const raw = (offset: number) => record[offset / 4] as number;
  const years = yearsToExpiry(option.expiryMs ?? 0, raw(AT.exchangeTimestamp) * 1_000);
  const { underlying, forward, source } = underlyings.pricesOf(option, years);
  const [bid, ask] = [raw(AT.depth + 4) / divisor, raw(BEST_ASK + 4) / divisor];
  const quote = {
    bid,
    ask,
    last: raw(AT.lastPrice) / divisor,
    lastTradeTimeS: raw(AT.lastTradeTime),
    exchangeTimeS: raw(AT.exchangeTimestamp),
    tickSize: option.tick_size,
  };
  const priceSource = priceSourceOf(quote);
  const set = (offset: number, word: number) => {
    record[FULL_RECORD_WORDS + offset / 4] = word;
  };
  record[AT.kind / 4] = RECORD_KIND.optionFull;
  set(GREEKS_AT.underlying, underlying);
  set(GREEKS_AT.forward, forward);
  const sourceFlags = FORWARD_SOURCES.indexOf(source) << 8;
  const price = priceOf(quote, priceSource);
  if (price === 0) {
    set(GREEKS_AT.flags, sourceFlags | (priceSource === 'oneSided' ? STATUS_ONE_SIDED : STATUS_STALE));
    return;
  }
  columns.strikes.fill(option.strike ?? 0);
  columns.isPut.fill(option.kind === 'put' ? 1 : 0);
  columns.prices.set([price, bid, ask]);
  const terms = { forward: forward / divisor, years, rate: RATE, timeValueMin: option.tick_size / 2 };
  solveChain(terms, columns, 0, 3);
  set(GREEKS_AT.flags, sourceFlags | (columns.statuses[0] as number));
  const { volatilityPercent, delta, gamma, thetaPerDay, vegaPerPoint, rhoPerPoint } = columns;
  for (const [at, offset] of [GREEKS_AT.iv, GREEKS_AT.ivBid, GREEKS_AT.ivAsk].entries()) {
    set(offset, greekWord(volatilityPercent[at] as number));
  }
  for (const [offset, column] of [
    [GREEKS_AT.delta, delta],
    [GREEKS_AT.gamma, gamma],
    [GREEKS_AT.theta, thetaPerDay],
    [GREEKS_AT.vega, vegaPerPoint],
    [GREEKS_AT.rho, rhoPerPoint],
  ] as const) {
    set(offset, greekWord(column[0] as number));
  }
}

/**
 * So many minutes of options near the money, each with Greeks of the moment of its tick; and the same session without
 * them.
 */
export function optionSession(minutes: number): {
  readonly greeks: TickSession;
  readonly plain: TickSession;
} {
  const market = new Market({
    listing: listInstruments({ tradingDate: TRADING_DATE, instrumentsCount: LISTED }),
    seed: SEED,
    startMs: START_MS,
    ticksPerInstrumentPerSecond: TICKS_PER_INSTRUMENT_PER_SECOND,
  });
  const underlyings = new Underlyings(market);
  const options = market.instruments.flatMap(({ kind }, slot) =>
    kind === 'call' || kind === 'put' ? [slot] : [],
  );
  const positions = new Map(options.slice(0, OPTIONS).map((slot, position) => [slot, position]));
  const [greeks, plain]: [SessionTick[], SessionTick[]] = [[], []];
  for (let nowMs = START_MS; nowMs < START_MS + minutes * 60_000; nowMs += MARKET_STEP_MS) {
    market.advance(nowMs, (slot) => {
      market.refresh(slot);
      const instrument = positions.get(slot);
      if (instrument === undefined) return;
      const record = copyOfRecord(market.records, market.recordOffset(slot));
      writeReceivedAt(new DataView(record.buffer), 0, nowMs);
      plain.push({ instrument, receivedAtMs: nowMs, record });
      const withGreeks = record.slice();
      addGreeks(withGreeks, market.instruments[slot] as ListedInstrument, underlyings);
      greeks.push({ instrument, receivedAtMs: nowMs, record: withGreeks });
    });
  }
  const definitions = [...positions.keys()].flatMap((slot) => market.instruments[slot] ?? []);
  return { greeks: { definitions, ticks: greeks }, plain: { definitions, ticks: plain } };
}
