// The simulator's market in rounds: each brings a new full record of all its instruments, or of one part in turn.
import { listInstruments } from '../../ingest/simulator/core/instrument-list.ts';
import { Market } from '../../ingest/simulator/core/market.ts';
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import { writeReceivedAt } from '../../shared/tick.ts';
import { SEED, START_MS, TRADING_DATE } from './simulated-session.ts';

/** Time of the market from one round to the next, and at least so long between two. */
export const ROUND_MS = 100;
const TICKS_PER_INSTRUMENT_PER_SECOND = 1_000 / ROUND_MS;
/** Listed beside those that are wanted, for the indices: their records have no depth. */
const SPARE = 100;

export class RoundMarket {
  readonly definitions: readonly InstrumentDefinition[];
  readonly #market: Market;
  /** By position in the definitions. */
  readonly #slots: readonly number[];
  readonly #startedAtMs: number;
  #rounds = 0;

  /** `nowMs` is the wall clock's: the market's time goes on from there with it. */
  constructor(instruments: number, nowMs: number) {
    this.#startedAtMs = nowMs;
    this.#market = new Market({
      listing: listInstruments({ tradingDate: TRADING_DATE, instrumentsCount: instruments + SPARE }),
      seed: SEED,
      startMs: START_MS,
      ticksPerInstrumentPerSecond: TICKS_PER_INSTRUMENT_PER_SECOND,
    });
    const tradables = [...this.#market.instruments.entries()].filter(([, { kind }]) => kind !== 'index');
    const chosen = tradables.slice(0, instruments);
    if (chosen.length < instruments) throw new Error(`${chosen.length} of ${instruments} instruments`);
    this.#slots = chosen.map(([slot]) => slot);
    this.definitions = chosen.map(([, definition]) => definition);
  }

  /** Tick records; where an instrument's is, `recordOffset` says. They hold until its next round. */
  get records(): DataView {
    return this.#market.records;
  }

  /** By position in the definitions. */
  recordOffset(position: number): number {
    return this.#market.recordOffset(this.#slots[position] as number);
  }

  /**
   * Goes on to the round due at `nowMs` of the wall clock and brings every `parts`-th instrument up to date. Rounds that are
   * late are left out, so that exchange and wall clock go on alike. Returns the positions of what has ticked.
   */
  next(nowMs: number, parts: number, part: number): number[] {
    this.#rounds = Math.max(this.#rounds + 1, Math.floor((nowMs - this.#startedAtMs) / ROUND_MS));
    this.#market.advance(START_MS + this.#rounds * ROUND_MS, () => undefined);
    const receivedAtMs = this.#startedAtMs + this.#rounds * ROUND_MS;
    const positions: number[] = [];
    for (let position = part; position < this.#slots.length; position += parts) {
      this.#market.refresh(this.#slots[position] as number);
      writeReceivedAt(this.records, this.recordOffset(position), receivedAtMs);
      positions.push(position);
    }
    return positions;
  }
}
