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

  /** The first round is received at `nowMs`. */
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
   * Brings the instruments of one part (every `parts`-th, `part` being the first) up to date; with part 0 the market goes on
   * by ROUND_MS. Its time is that of its rounds, however long they take: a slow machine posts the same ticks, later.
   * Returns the positions of what has ticked.
   */
  next(parts: number, part: number): number[] {
    if (part === 0) this.#rounds++;
    const elapsedMs = this.#rounds * ROUND_MS;
    this.#market.advance(START_MS + elapsedMs, () => undefined);
    const positions: number[] = [];
    for (let position = part; position < this.#slots.length; position += parts) {
      this.#market.refresh(this.#slots[position] as number);
      writeReceivedAt(this.records, this.recordOffset(position), this.#startedAtMs + elapsedMs);
      positions.push(position);
    }
    return positions;
  }
}
